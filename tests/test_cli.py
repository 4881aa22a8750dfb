"""The command line: data on stdout, messages on stderr, one line and exit code 2 for bad input."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import dreamfilters
from dreamfilters import cli, images
from dreamfilters.progress import Progress

QUICK = ("--set", "steps=2", "--recipe", "fast", "--range", "0", "1")
TINY = "input form of tiny: 16x16 RGB, 0 to 1 (given)\n"  # what QUICK sets
COMMANDS = (
    "dream", "again", "maps", "scan", "audit", "compare", "measures", "layers", "convert", "calibrate", "recipes",
    "gtsrb", "samples", "demo", "evaluate", "embed", "neighbors", "ablate", "circuit",
    "unit", "facets", "fool", "invert", "texture", "style", "segment",
    "film", "diff", "summaries",
)  # fmt: skip
SIGNS = Path(dreamfilters.__file__).parent / "signs" / "signs.keras"


def save(model, path):
    with warnings.catch_warnings():  # see tests/runs/conftest.py
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(path)
    return path


@pytest.fixture(scope="module")
def workspace(tiny, tmp_path_factory):
    """A folder with tiny.keras and names.txt."""
    folder = tmp_path_factory.mktemp("workspace")
    save(tiny, folder / "tiny.keras")
    (folder / "names.txt").write_text("STOP\nVorfahrt achten\n20\n", encoding="utf-8")
    return folder


@pytest.fixture
def run_command(workspace, monkeypatch, capfd):
    """A function that runs a command in the workspace and returns (exit code, stdout, stderr)."""
    monkeypatch.chdir(workspace)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dreamfilters", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capfd.readouterr()
        return int(stopped.value.code or 0), out, err

    return run


@pytest.fixture
def error_of(run_command, workspace):
    """A function that returns the error of a command: one line, exit code 2, nothing written."""

    def error(*arguments):
        before = sorted(workspace.rglob("*"))
        code, out, err = run_command(*arguments)
        assert (code, out) == (2, ""), err
        assert err.startswith("error: ")
        assert err.count("\n") == 1, err
        assert err.strip().isprintable()
        assert sorted(workspace.rglob("*")) == before
        return err.removeprefix("error: ").strip()

    return error


# ---------------------------------------------------------------------------------------------------------------------
# Help


def test_help_of_every_command_does_not_import_backend():
    code = f"""
import sys
from dreamfilters.cli import app
for arguments in [["--help"], ["--version"], *[[name, "--help"] for name in {COMMANDS}]]:
    try:
        app(arguments)
    except SystemExit as stopped:
        assert not stopped.code, arguments
    activated = {{"tensorflow", "jax", "keras", "numpy", "PIL", "rich"}} & set(sys.modules)
    assert not activated, (arguments, activated)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert dreamfilters.__version__ in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_starts_with_a_sentence_and_has_an_example(run_command, command):
    code, out, _ = run_command(command, "--help")
    assert code == 0
    usage, _, rest = out.partition("\n\n")
    does = rest.splitlines()[0]
    assert f" {command} [OPTIONS]" in usage
    assert does.endswith(".")
    assert f"    dreamfilters {command}" in out


def test_python_m_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "dreamfilters", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == dreamfilters.__version__


# ---------------------------------------------------------------------------------------------------------------------
# Commands


def test_dream_writes_a_run_and_prints_a_table(run_command, workspace):
    out = workspace / "a"
    code, table, err = run_command(
        "dream", "tiny.keras", "conv1:0-1", 'class:"Vorfahrt achten"', "--classes", "names.txt", "--out", out, *QUICK
    )
    assert (code, err.count("\n"), err.startswith("input form of ")) == (0, 1, True)
    lines = table.splitlines()
    assert lines[0].split() == ["target", "score", "robust", "steps", "seconds"]
    assert [line.split("  ")[0] for line in lines[1:-1]] == ["conv1:0", "conv1:1", 'class:"Vorfahrt achten"']
    assert lines[-1] == str(out / "contact-sheet.png")
    assert len(list(out.glob("*.png"))) == 4
    code, again, _ = run_command(
        "dream", "tiny.keras", "conv1:0-1", "class:1", "--classes", "names.txt", "--out", out, *QUICK, "--json"
    )
    values = json.loads(again)
    assert code == 0
    assert [row["target"] for row in values["dreams"]] == ["conv1:0", "conv1:1", 'class:"Vorfahrt achten"']
    assert values["missing"] == []
    code, message, _ = run_command("again", values["dreams"][2]["image"], "--out", workspace / "b")
    assert (code, message.splitlines()[-1]) == (0, "the same bytes")
    assert Path(message.splitlines()[0]).read_bytes() == Path(values["dreams"][2]["image"]).read_bytes()


def test_a_second_run_needs_no_other_folder(run_command, workspace):
    def dream(*arguments):
        code, out, err = run_command("dream", "tiny.keras", *arguments, *QUICK)
        assert code == 0, err
        return out.splitlines(), err

    folder = Path("outputs") / "tiny" / "dream"
    dream("conv1:1")
    lines, err = dream("conv1:2")
    assert (lines[1].split()[0], lines[-1], err) == ("conv1:2", str(folder / "contact-sheet.png"), TINY)
    manifest = json.loads((workspace / folder / "manifest.json").read_text("utf-8"))
    assert [dream["target"] for dream in manifest["results"]["dreams"]] == ["conv1:1", "conv1:2"]
    other = folder.with_name("dream-2")
    for target in ("conv1:1", "conv1:3"):
        lines, err = dream(target, "--seed", "3")
        assert lines[-1] == str(other / "contact-sheet.png")
        assert err == (f"{TINY}{folder}: holds a run with other settings (seed); the output directory is {other}\n")
    assert dream("conv1:0", "--seed", "4", "--force")[0][-1] == str(folder / "contact-sheet.png")


def test_the_input_form_and_its_source_are_reported_once_on_stderr(run_command):
    code, out, err = run_command("layers", "tiny.keras", "--json")
    assert code == 0
    assert err == "input form of tiny: 16x16 RGB, 0 to 1 (assumed; --range LOW HIGH or tiny.toml sets another range)\n"
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["conv1"] == {
        "name": "conv1", "type": "Conv2D", "kind": "map", "output": [16, 16, 8], "units": 8, "activation": "relu",
        "receptive_field": [3, 3], "dreamable": True, "reason": "",
    }  # fmt: skip
    assert rows["classes"]["receptive_field"] is None


def test_the_layer_table_calls_a_full_receptive_field_the_whole_image(run_command):
    code, out, err = run_command("layers", "tiny.keras", "--range", "-1", "1")
    assert (code, err.count("\n"), err.startswith("input form of ")) == (0, 1, True)
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert rows["conv1"].split() == ["conv1", "Conv2D", "map", "16x16x8", "8", "relu", "3x3", "yes"]
    assert "whole image" in rows["classes"]


@pytest.mark.thorough
@pytest.mark.slow
def test_token_layers_take_part_in_every_command(run_command, workspace):
    x = image = keras.Input((16, 16, 3))
    x = layers.Reshape((16, 8))(layers.Conv2D(8, 4, strides=4, name="patches")(x))
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4, name="attention")(x, x)])
    x = layers.GlobalAveragePooling1D()(layers.Dense(6, activation="relu", name="mlp")(x))
    keras.utils.set_random_seed(3)
    save(keras.Model(image, layers.Dense(3, activation="softmax", name="classes")(x)), workspace / "vit.keras")
    folder = workspace / "pixels"
    folder.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).random((9, 16, 16, 3))):
        (folder / f"{number}.png").write_bytes(images.png_bytes(pixels))

    rows = {row["name"]: row for row in json.loads(run_command("layers", "vit.keras", "--json")[1])}
    assert (rows["mlp"]["kind"], rows["mlp"]["units"]) == ("tokens", 6)
    commands = {
        "maps": (folder / "0.png", "--layers", "mlp"),
        "scan": (folder, "--layers", "mlp"),
        "audit": (folder, "--layers", "mlp"),
        "dream": ("mlp:0", "mlp:1@5", "--recipe", "fast"),
        "compare": ("mlp:0", folder, "--recipe", "fast", "--seeds", "1"),
        "atlas": (folder, "--layers", "mlp", "--recipe", "fast", "--seeds", "1"),
    }
    for command, arguments in commands.items():
        code, out, err = run_command(command, "vit.keras", *arguments, "--out", f"tokens/{command}", "-q")
        assert code == 0, (command, err)
        assert out, command
    found = dreamfilters.read_scan(workspace / "tokens" / "scan").unit("mlp", 0)
    assert found.strongest["max"][0].position[1] == 0  # (token, 0)
    assert len(list((workspace / "tokens" / "atlas" / "units").glob("mlp-*.html"))) == 6


def test_recipes_are_listed_and_a_printed_one_can_be_used(run_command, workspace):
    _, out, _ = run_command("recipes")
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert {"standard", "fast", "natural", "lucid", "maco", "deepdream", "yosinski"} <= set(names)
    _, toml, _ = run_command("recipes", "standard")
    (workspace / "mine.toml").write_text(toml, encoding="utf-8")
    code, _, err = run_command(
        "dream", "tiny.keras", "conv1:0", "--recipe", "mine.toml", "--set", "steps=1", "--range", "0", "1", "--out", "m"
    )
    assert (code, err.count("\n"), err.startswith("input form of ")) == (0, 1, True)


def test_a_target_may_begin_with_a_minus(run_command, workspace):
    code, out, _ = run_command("dream", "tiny.keras", "--out", "minus", *QUICK, "--", "-conv1:0")
    assert code == 0
    assert out.splitlines()[1].startswith("-conv1:0 ")


def test_size_frames_prior_and_start(run_command, workspace, scene):
    (workspace / "images").mkdir(exist_ok=True)
    for number in range(3):
        (workspace / "images" / f"{number}.png").write_bytes(images.png_bytes(scene(20, 20, seed=number)))
    out = workspace / "all"
    arguments = ("--size", "12x20", "--frames", "2", "--images", "images", "--start", "images/0.png", "--out", out)
    code, _, err = run_command("dream", "tiny.keras", "conv1:0", *arguments, *QUICK)
    assert code == 0
    assert sorted(line.partition(" o")[0] for line in err.splitlines()) == ["input form", "tolerated"]
    assert {"prior.npz", "start.png"} <= {path.name for path in out.iterdir()}
    assert len(list(out.glob("*.gif"))) == 1
    image = next(out.glob("conv1*.png"))
    assert images.read_image(image).shape == (12, 20, 3)
    code, message, _ = run_command("again", image)
    assert (code, message) == (0, "the same bytes\n")


def test_the_input_form_comes_from_flags_or_a_file(run_command, workspace):
    (workspace / "form.toml").write_text('range = [-1, 1]\norder = "BGR"\n')
    for number, how in enumerate((("--form", "form.toml"), ("--range", "-1", "1", "--order", "BGR"))):
        run_command("dream", "tiny.keras", "conv1:0", "--set", "steps=1", "--out", f"form{number}", *how)
    first, second = (next((workspace / f"form{number}").glob("conv1*.png")).read_bytes() for number in (0, 1))
    assert first == second
    assert json.loads(next((workspace / "form0").glob("conv1*.json")).read_text("utf-8"))["input"]["order"] == "BGR"


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_than_three_channels(run_command, workspace, make_tiny, channels):
    save(make_tiny(channels), workspace / f"c{channels}.keras")
    code, _, err = run_command("dream", f"c{channels}.keras", "conv1:0", "--out", f"c{channels}", *QUICK)
    assert (code, err.count("\n"), err.startswith("input form of ")) == (0, 1, True)
    image = next((workspace / f"c{channels}").glob("conv1*.png"))
    assert images.read_image(image, channels=1).shape == (16, 16 * channels, 1)
    assert run_command("again", image)[1] == "the same bytes\n"


def test_ctrl_c_keeps_finished_dreams_and_says_how_to_resume(run_command, workspace, monkeypatch):
    from dreamfilters.runs.by_unit import dream_task

    def interrupted_after_two(_, step):
        if step.batch.rows[0] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(dream_task.DreamProgress, "__call__", interrupted_after_two)
    arguments = ("dream", "tiny.keras", "conv1:0-3", "--batch", "2", "--out", "stopped", *QUICK)
    code, out, err = run_command(*arguments)
    assert code == 130
    assert len(out.splitlines()) == 4
    assert "stopped after 2 of 4 dreams; run the same command again to resume" in err
    assert (workspace / "stopped" / "contact-sheet.png").exists()
    monkeypatch.undo()
    os.chdir(workspace)


def test_samples(run_command, workspace):
    code, out, _ = run_command("samples", "samples")
    assert code == 0
    count = len(list((workspace / "samples").rglob("*.png")))
    assert out == f"{count} rendered images in samples\n"
    assert count >= 3 * 43


@pytest.mark.skipif(not SIGNS.exists(), reason="the built-in network is not trained yet")
def test_the_built_in_network(run_command, workspace):
    code, out, err = run_command("dream", "signs", "class:STOP", "--set", "steps=1", "--out", "signs")
    assert (code, err.count("\n"), err.startswith("input form of ")) == (0, 1, True)
    assert out.splitlines()[1].startswith("class:STOP ")


def test_demo_reports_progress_and_prints_the_page(run_command, monkeypatch):
    from dreamfilters.report import demo

    told = []

    def write_demo(folder, *, progress):
        progress(Progress(0.5, 1, "opening the network"))
        told.append(folder)
        return folder / "index.html"

    monkeypatch.setattr(demo, "write_demo", write_demo)
    assert run_command("demo", "--out", "d") == (0, f"{Path('d') / 'index.html'}\n", "")
    assert told == [Path("d")]


def test_gtsrb_reports_its_progress(run_command, monkeypatch):
    from dreamfilters.signs.gtsrb import archive

    def fetch(folder, *, progress):
        progress(Progress(1, 2, "fetching"))
        progress(Progress(1, 0, "fetching"))
        return folder

    monkeypatch.setattr(archive, "fetch", fetch)
    assert run_command("gtsrb", "data") == (0, "data\n", "")


# ---------------------------------------------------------------------------------------------------------------------
# Bad input


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("conv9", "conv9: tiny has no such layer. Close names: conv2, conv1"),
        ("class:STOPP", "class STOPP: tiny has no such class. Close names: STOP"),
        ("class:3", "class 3: tiny has 3 classes, 0 to 2"),
        ("conv1:8", "conv1 of tiny has 8 filters, 0 to 7"),
        ("conv1:0 +", "position 10"),
        ("conv1:0 conv1:1", "position 9"),
        ("conv2:0@6,0", "rows"),
        ("", "position 1"),
        ("conv1:\x1b[31m", "[31m"),
    ],
)
def test_bad_targets(error_of, target, words):
    assert words in error_of("dream", "tiny.keras", target, "--classes", "names.txt", *QUICK)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "stepz=3"), "unknown key 'stepz'; Close names: steps"),
        (("--set", "steps"), "give KEY=VALUE"),
        (("--set", "steps=many"), "a whole number"),
        (("--recipe", "standart"), "Close names: standard"),
        (("--recipe", "no.toml"), "no.toml: no such file"),
        (("--batch", "0"), "--batch 0: must be 1 or more"),
        (("--batch", "-3"), "--batch -3: must be 1 or more"),
        (("--frames", "-1"), "--frames -1: must be 0 or more"),
        (("--size", "big"), "--size big: must be a side in pixels"),
        (("--size", "0"), "--size 0"),
        (("--start", "no.png"), "no.png: no such file"),
        (("--start", "names.txt"), "names.txt: is not an image"),
        (("--images", "nowhere"), "nowhere: no such file or folder"),
        (("--order", "RBG"), "order='RBG'"),
        (("--order", "gray"), "order='gray'"),
        (("--range", "1", "0"), "above the first"),
        (("--form", "names.txt"), "names.txt: is not TOML"),
        (("--classes", "no.txt"), "--classes no.txt: no such file"),
        (("--out", "names.txt"), "names.txt: cannot be written"),
        (("--out", "names.txt/inside"), "cannot be written"),
        (("--out", "."), "holds other files"),
    ],
)
def test_bad_options(error_of, arguments, words):
    assert words in error_of("dream", "tiny.keras", "conv1:0", "--set", "steps=1", *arguments)


@pytest.mark.parametrize("size", ["1", "2", "4", "5"])
def test_a_canvas_too_small_for_the_layer(error_of, size):
    assert "too small" in error_of("dream", "tiny.keras", "conv2:0", "--size", size, *QUICK)


@pytest.fixture(scope="module")
def bad_models(workspace, fill):
    """Files that are not valid models."""
    (workspace / "folder.keras").mkdir()
    (workspace / "text.keras").write_text("hello")
    (workspace / "empty.keras").touch()
    whole = (workspace / "tiny.keras").read_bytes()
    (workspace / "cut.keras").write_bytes(whole[: len(whole) // 2])
    (workspace / "foreign.py").write_text("raise SystemExit('it ran')\n")
    image, other = layers.Input((8, 8, 3)), layers.Input((8, 8, 3))
    numbers = layers.Input((5,))
    save(keras.Model(numbers, layers.Dense(2)(numbers)), workspace / "numbers.keras")
    save(keras.Model([image, other], layers.Add()([image, other])), workspace / "several.keras")
    save(keras.Model(image, layers.Lambda(lambda x: x * 2)(image)), workspace / "lambda.keras")
    return workspace


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("tinny.keras", "tinny.keras: no such file. Close names: tiny.keras"),
        ("folder.keras", "is a folder"),
        (".", "is a folder"),
        ("names.txt", "names.txt: is not a model file"),
        ("text.keras", "not a Keras model"),
        ("empty.keras", "is empty"),
        ("cut.keras", "cut"),
        ("numbers.keras", "image"),
        ("several.keras", "2 inputs for an image (input_layer"),
        ("lambda.keras", "--trust"),
        ("foreign:make", "--trust"),
        ("applications:VGG61", "Close names: VGG"),
    ],
)
def test_bad_models(error_of, bad_models, model, words):
    for command in (("dream", model, "conv1:0"), ("layers", model)):
        assert words in error_of(*command)


def test_bad_images_for_again(error_of, workspace):
    assert "no such file" in error_of("again", "no.png")
    assert "is not an image" in error_of("again", "names.txt")
    assert "no such recipe" in error_of("recipes", "standart")


def test_input_file_and_flags_contradict(error_of):
    assert "--form names.txt: give either the file or --range" in error_of(
        "layers", "tiny.keras", "--form", "names.txt", "--range", "0", "1"
    )


def test_no_gradient_to_the_input(error_of, workspace):
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="before")(image)
    x = layers.Discretization(bin_boundaries=[0.0, 1.0], name="cut")(x)
    x = layers.Rescaling(2.0, name="after")(x)
    save(keras.Model(image, layers.Conv2D(2, 3, name="end")(x)), workspace / "flat.keras")
    assert "cannot be dreamed" in error_of("dream", "flat.keras", "end:0", *QUICK)


def test_a_bug_keeps_its_traceback(monkeypatch, run_command):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli.options.ModelOptions, "network", broken)
    monkeypatch.setattr(sys, "argv", ["dreamfilters", "layers", "signs"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_an_error_leaves_one_line_on_the_stderr_of_the_whole_program(workspace):
    command = [sys.executable, "-m", "dreamfilters", "dream", "tiny.keras", "conv9"]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: conv9: tiny has no such layer. Close names: conv2, conv1\n"
