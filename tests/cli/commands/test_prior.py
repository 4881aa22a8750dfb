"""The command `prior`: its table and file, and its errors in one line."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from dreamfilters import cli
from dreamfilters.runs.storage.prior_files import read_prior


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(110):
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), "uint8")).save(tmp_path / f"images/{number}.png")
    return tmp_path


@pytest.fixture
def run_command(folder, monkeypatch, capfd):
    """A function that runs a command and returns its exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dreamfilters", "prior", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), *capfd.readouterr()

    return run


def test_a_prior_is_trained_printed_and_kept(folder, run_command):
    (folder / "images/broken.png").write_bytes(b"no image")
    arguments = ("images", "--out", "noise.npz", "--size", "8", "--steps", "2", "--channels", "1", "--seed", "4")
    code, out, err = run_command(*arguments)
    assert (code, out) == (2, "")
    assert "error: noise.npz: not written: on images held out" in err
    assert not (folder / "noise.npz").exists()

    code, out, err = run_command(*arguments, "--force")
    assert (code, out.splitlines()[-1]) == (0, "noise.npz")
    assert out.splitlines()[0].split("  ")[0] == "noise (std, -1..1)"
    assert len(out.splitlines()) == 1 + 5 + 1
    assert "broken.png" in err
    assert "(no better than a linear filter)" in err
    made = read_prior(folder / "noise.npz")
    assert (made.name, made.size, made.channels, made.record.steps, made.record.seed) == ("images", (8, 8), 1, 2, 4)
    assert made.record.found == 111

    code, out, _ = run_command(*arguments, "--json")
    assert code == 0
    assert json.loads(out)["digest"] == made.digest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing", "--out", "a.npz"), "missing: no such file or folder"),
        (("images/0.png", "--out", "a.npz"), "1 images, of which 1 can be read, differ and have more than one color"),
        (("images", "--out", "a.npz", "--size", "500"), "size=(500, 500): a prior has sides of 8 to 96 pixels"),
        (("images", "--out", "a.npz", "--channels", "7"), "--channels 7: must be 1 to 4"),
        (("images", "--out", "a.npz", "--steps", "5", "--minutes", "1"), "--steps and --minutes: give one of them"),
        (("images", "--out", "a.npz", "--minutes", "-1"), "--minutes -1: must be above 0"),
        (("images", "--out", "none/a.npz"), "none/a.npz: cannot be written (none is no folder)"),
        (("images",), "--out"),
    ],
)
def test_errors_are_one_line(run_command, arguments, message):
    code, out, err = run_command(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.slow
def test_a_prior_of_other_images_is_a_line_and_one_of_other_channels_an_error(folder, run_command, monkeypatch, capfd):
    import keras

    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Flatten()]
    keras.Sequential([*layers, keras.layers.Dense(2)]).save("net.keras")
    for channels in ("1", "3"):
        name = f"{channels}.npz"
        run_command("images", "--out", name, "--size", "8", "--steps", "1", "--channels", channels, "--force")

    def dream(prior, *more):
        words = ["dream", "net.keras", "conv:0", "--recipe", "learned", "--prior", prior, "--images", "images"]
        monkeypatch.setattr(sys, "argv", ["dreamfilters", *words, "--set", "steps=1", "--seeds", "0", *more])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), capfd.readouterr().err

    code, err = dream("1.npz", "--out", "gray")
    assert code == 2
    assert "error: prior images: has 1 color channels, images of net have 3" in err
    code, err = dream("3.npz", "--out", "same")
    assert (code, "other images" in err) == (0, False)
    (folder / "images/0.png").unlink()
    code, err = dream("3.npz", "--out", "other")
    assert code == 0
    assert "prior images: was trained on 110 other images than the 109 of images; its dreams look like its own" in err
