import io
import sys

from dreamfilters.cli.output import count_of, progress, status
from dreamfilters.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_what_is_being_done_until_it_ends(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    shown = "Loading \\x1b[31mnet ..."
    with status("Loading \x1b[31mnet"):
        assert sys.stderr.getvalue() == shown
    assert sys.stderr.getvalue() == f"{shown}\r{' ' * len(shown)}\r"


def test_a_file_gets_no_status_and_no_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with status("Loading net"), progress("scan", quiet=False) as report:
        report(Progress(1, 2, "a.png"))
    assert sys.stderr.getvalue() == ""


def test_a_bar_shows_what_is_done_of_how_much(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress("scan", quiet=False) as report:
        report(Progress(30, 40, "a.png"))
    assert "scan a.png" in sys.stderr.getvalue()
    assert "30 of 40" in sys.stderr.getvalue()
    assert [count_of(Progress(done, 1, "")) for done in (0, 0.5, 1)] == ["0 %", "50 %", "100 %"]
