"""The command `calibrate`: its table, and the tolerance that it saves and that dreams use."""

import json
import sys

import pytest

from dreamfilters import cli
from dreamfilters.networks.preprocessing.settings_file import read_settings, tolerance_in


@pytest.fixture
def copied(noisy, tmp_path, monkeypatch):
    """A folder of its own with the model, beside which a file may be written."""
    (tmp_path / "tiny.keras").write_bytes((noisy / "tiny.keras").read_bytes())
    monkeypatch.chdir(tmp_path)
    return noisy / "images"


@pytest.fixture
def run_command(copied, monkeypatch, capfd):
    """A function that runs a command and returns its exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dreamfilters", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), *capfd.readouterr()

    return run


def test_the_tolerance_is_printed_saved_and_used_by_the_next_dream(copied, tmp_path, run_command):
    code, out, err = run_command("calibrate", "tiny.keras", copied, "--range", "0", "1")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "rotation",
        "scaling",
        "shift",
        "crop",
        "noise",
        "blur",
    ]
    assert "broken.png" in err
    assert "tolerated: at least 90 % of the predictions on 24 images stay the same" in err
    assert not (tmp_path / "tiny.toml").exists()

    (tmp_path / "tiny.toml").write_text("range = [0, 1] # mine\n")
    code, out, _ = run_command("calibrate", "tiny.keras", copied, "--save", "--json", "-q")
    assert (code, out.splitlines()[-1]) == (0, "tiny.toml")
    rows = json.loads(out.rpartition("}")[0] + "}")["tolerance"]
    found = tolerance_in(tmp_path / "tiny.toml")
    assert {row["transform"]: row["tolerated"] for row in rows} == found.as_values()
    assert (tmp_path / "tiny.toml").read_text().endswith("range = [0, 1] # mine\n")
    assert read_settings(tmp_path / "tiny.toml").range == (0, 1)
    code, _, err = run_command("calibrate", "tiny.keras", copied, "--save")
    assert (code, err.splitlines()[-1]) == (2, "error: tiny.toml: has a tolerance already; --force replaces it")

    run_command("dream", "tiny.keras", "conv1:0", "--out", "dreams", "--set", "steps=1")
    (record,) = (tmp_path / "dreams").glob("conv1*.json")
    recipe = json.loads(record.read_text())["recipe"]
    assert recipe["calibrated"] is False
    rotate = next(part for part in recipe["transforms"] if part["kind"] == "rotate")
    assert rotate["degrees"] == min(5.0, found.rotate)


def test_what_cannot_be_saved_is_said_first(copied, run_command):
    code, out, err = run_command("calibrate", "signs", copied, "--save")
    assert (code, out) == (2, "")
    assert err == "error: signs: is not a file, so no model.toml can be saved beside it\n"
