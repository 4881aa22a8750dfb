"""`dreamfilters audit`: output and exit codes."""

import json
import warnings

import keras
import numpy as np
import pytest
import typer
from keras import layers
from PIL import Image

from dreamfilters.cli.commands import audit
from dreamfilters.errors import ImageError, OutputError, UnknownNameError
from dreamfilters.verdicts.verdict import WARNING


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with net.keras (red; green above 0.9; never; always) and `images` with three images."""
    folder = tmp_path_factory.mktemp("cli")
    image = keras.Input((8, 8, 3))
    conv = layers.Conv2D(4, 1, activation="relu", name="conv")
    model = keras.Model(image, conv(image), name="net")
    kernel = np.array([[[[1, 0, -1, 1], [0, 1, 0, 0], [0, 0, 0, 0]]]], "float32")
    conv.set_weights([kernel, np.array([0, -0.9, -0.1, 0.5], "float32")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(folder / "net.keras")
    (folder / "images").mkdir()
    shown = np.random.default_rng(0).integers(0, 200, (3, 8, 8, 3), np.uint8)
    shown[:, 0, 0] = 0
    for number, values in enumerate(shown):
        Image.fromarray(values).save(folder / "images" / f"{number}.png")
    return folder


@pytest.fixture
def run_command(workspace, monkeypatch, capfd):
    """A function that runs the command and returns its exit code, stdout and stderr."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(audit.audit)
    monkeypatch.chdir(workspace)

    def run(*words):
        capfd.readouterr()
        code = app(["net.keras", *map(str, words), "--range", "0", "1"], standalone_mode=False) or 0
        return code, *capfd.readouterr()

    return run


def test_a_row_for_each_layer_and_for_each_verdict(run_command, workspace):
    code, out, _ = run_command("images", "--out", "out")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == [
        "layer", "units", "alive", "dormant", "dead", "always", "on", "saturated", "undecided", "near-duplicates",
    ]  # fmt: skip
    assert lines[1].split() == ["conv", "4", "1", "1", "1", "1", "0", "0", "0"]
    assert [line.split() for line in lines[3:7]] == [
        ["verdict", "units"], ["dormant", "1", "conv:1"], ["dead", "1", "conv:2"], ["always", "on", "1", "conv:3"],
    ]  # fmt: skip
    assert lines[8] == f"dormant: {WARNING}"
    assert lines[9:] == ["dead: proved for inputs in [0, 1]", "out/index.html"]
    page = (workspace / "out" / "index.html").read_text("utf-8")
    assert page.count(WARNING) == 1
    assert "no input in [0, 1] raises it above -0.1 before its ReLU" in page


def test_json_holds_the_audit(run_command):
    run_command("images", "--out", "out")
    code, out, _ = run_command("images", "--out", "out", "--json")
    values = json.loads(out)
    assert code == 0
    assert values["counts"]["dead"] == 1
    assert [finding["kind"] for finding in values["layers"][0]["findings"]] == ["alive", "dormant", "dead", "always on"]


def test_without_images_the_audit_dreams(run_command):
    code, out, _ = run_command("--out", "alone", "--layers", "conv")
    assert code == 0
    assert out.splitlines()[1].split()[:5] == ["conv", "4", "2", "0", "1"]


def test_a_scan_is_reused(run_command, workspace):
    assert run_command("images", "--out", "first", "--scan", "kept")[0] == 0
    assert (workspace / "kept" / "scan.npz").exists()
    code, out, _ = run_command("--scan", "kept", "--out", "second")
    assert code == 0
    assert ["dormant", "1", "conv:1"] in [line.split() for line in out.splitlines()]


def test_a_layer_that_a_scan_leaves_out_is_audited_where_it_is_named(normed, run_command, workspace):
    whole = (workspace / "net.keras").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        normed.save(workspace / "net.keras")
    try:
        assert run_command("images", "--out", "chain", "--layers", "conv,relu")[1].splitlines()[1].split()[0] == "conv"
        assert run_command("images", "--out", "shown", "--scan", "shown-scan")[1].splitlines()[1].split()[0] == "relu"
        with pytest.raises(UnknownNameError, match=r"conv: not among the layers of this scan; .*relu shows its units"):
            run_command("--scan", "shown-scan", "--out", "none", "--layers", "conv")
    finally:
        (workspace / "net.keras").write_bytes(whole)


def test_unreadable_images_are_named_and_do_not_end_the_audit(run_command, workspace):
    (workspace / "mixed").mkdir()
    (workspace / "mixed" / "bad.png").write_bytes(b"no image")
    (workspace / "mixed" / "good.png").write_bytes((workspace / "images" / "0.png").read_bytes())
    code, out, err = run_command("mixed", "--out", "mixed-out")
    assert code == 3
    assert "mixed-out/index.html" in out
    assert err.splitlines()[-2].startswith("bad.png: ")
    assert err.splitlines()[-1] == "1 of 2 images could not be read"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["nowhere"], ImageError, "nowhere: no such file"),
        (["broken"], ImageError, "none of its 2 images can be read"),
        (["--scan", "images"], OutputError, "holds no scan"),
        (["images", "--layers", "cnv"], UnknownNameError, "cnv: .* Close names: conv"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run_command, workspace, words, error, message):
    (workspace / "broken").mkdir(exist_ok=True)
    for number in range(2):
        (workspace / "broken" / f"{number}.png").write_bytes(b"no image")
    with pytest.raises(error, match=message) as caught:
        run_command(*words, "--out", "refused")
    assert "\n" not in str(caught.value)
    assert not (workspace / "refused").exists()
