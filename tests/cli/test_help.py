from typer.testing import CliRunner

from dreamfilters.cli import app


def test_every_line_of_the_list_of_commands_is_whole_in_80_columns():
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).output
    assert "Networks:" in listed
    assert [line for line in listed.splitlines()[1:] if line.endswith("...") or len(line) > 80] == []
