import json
import re
import tomllib

import keras
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from dreamfilters.cli.commands import model, scan as scan_command
from dreamfilters.errors import OutputError
from dreamfilters.images import png_bytes
from dreamfilters.networks import load

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


LEVELS = np.array([0.2, 0.5, 0.8])  # gray levels of the three classes


@pytest.fixture
def workspace(tmp_path):
    """A folder with net.keras, and `images` with a subfolder for each of its three classes.

    The network predicts the nearest gray level for images in 0..255.
    """
    net = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
    )
    colors = np.repeat(255 * LEVELS[:, None], 3, axis=1)
    net.layers[-1].set_weights([0.002 * 2 * colors.T, -0.002 * np.square(colors).sum(axis=1)])
    net.save(tmp_path / "net.keras")
    rng = np.random.default_rng(0)
    for number in range(18):
        path = tmp_path / "images" / str(number % 3) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes((LEVELS[number % 3] + rng.normal(0, 0.02, (8, 8, 3))).clip(0, 1)))
    return tmp_path


def invoke(command, *words):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


def rank(workspace, *words):
    return invoke(model.inputs, workspace / "net.keras", workspace / "images", *words)


def test_layers_are_listed_with_their_kinds_and_the_reason_of_one_that_is_not_visual(tmp_path):
    image = keras.Input((16, 16, 3))
    patches = keras.layers.Conv2D(8, 4, strides=4, name="patches")(image)
    tokens = keras.layers.Reshape((16, 8), name="tokens")(patches)
    volume = keras.layers.Reshape((4, 4, 2, 4), name="volume")(tokens)
    classes = keras.layers.Dense(3, name="classes")(keras.layers.Flatten(name="flat")(volume))
    keras.Model(image, classes).save(tmp_path / "net.keras")
    rows = {row["name"]: row for row in json.loads(invoke(model.layers, tmp_path / "net.keras", "--json").stdout)}
    kinds = {"patches": "map", "tokens": "tokens", "volume": "not visual", "classes": "vector"}
    assert {name: rows[name]["kind"] for name in kinds} == kinds
    assert rows["volume"]["reason"]
    assert not rows["patches"]["reason"]
    lines = invoke(model.layers, tmp_path / "net.keras").stdout.splitlines()
    assert lines[0].split()[:4] == ["name", "type", "kind", "output"]
    printed = {cells[0]: cells for cells in (re.split(" {2,}", line) for line in lines[1:])}
    assert [printed[name][2] for name in ("patches", "tokens", "classes")] == ["map", "tokens", "vector"]
    assert printed["volume"][2] == f"not visual: {rows['volume']['reason']}"
    assert printed["volume"][-1] == "no"


def test_input_forms_are_ranked_and_the_best_is_saved_beside_the_model(workspace):
    result = rank(workspace, "--json")
    values = json.loads(result.stdout)
    rows = values["trials"]
    assert (result.exit_code, values["images"], values["rivals"], values["fits"]) == (0, 18, 0, True)
    assert rows[1:] == sorted(rows[1:], key=lambda row: (-row["accuracy"], row["log_loss"]))
    assert not (workspace / "net.toml").exists()
    saved = rank(workspace, "--save", "--top", "2")
    lines = saved.stdout.splitlines()
    assert lines[0].split() == ["accuracy", "log-loss", "input", "form", "resize", "classes"]
    assert (len(lines), lines[-1]) == (4, str(workspace / "net.toml"))
    assert tomllib.loads((workspace / "net.toml").read_text())["range"] == [0, 255]
    network = load(workspace / "net.keras")
    assert network.describe_input() == "input form of net: 8x8 RGB, 0 to 255 (from net.toml)"
    assert rank(workspace, "--save", "--force").exit_code == 0


def test_a_form_that_does_not_fit_is_saved_by_force_only(workspace):
    """A network without weights: no form is better than chance."""
    model = keras.models.load_model(workspace / "net.keras")
    model.layers[-1].set_weights([np.zeros((3, 3)), np.zeros(3)])
    model.save(workspace / "net.keras")
    refused = rank(workspace, "--save")
    assert refused.exit_code == 1
    assert "no input form fits: the best accuracy is 33 %, less than 67 %" in refused.stderr
    assert f"{workspace / 'net.toml'}: not saved" in refused.stderr
    assert not (workspace / "net.toml").exists()
    assert rank(workspace, "--save", "--force").exit_code == 0
    assert (workspace / "net.toml").exists()


def test_a_form_beside_the_model_is_judged_before_it_is_kept(workspace):
    """The network is for images in 0..255."""
    file = workspace / "net.toml"
    file.write_text("# mine\nrange = [0, 1]\n")
    kept = rank(workspace, "--save")
    assert f"{file}: not changed; its range is 0 to 1, the best 0 to 255; --force replaces the file" in kept.stderr
    used = "the form in use, 8x8 RGB, 0 to 1, numeric, has an accuracy of 33 %, significantly worse than 8x8 RGB, 0 to "
    assert used in kept.stderr
    assert (kept.exit_code, file.read_text()) == (1, "# mine\nrange = [0, 1]\n")
    assert rank(workspace, "--save", "--force").exit_code == 0
    assert tomllib.loads(file.read_text())["range"] == [0, 255]
    again = rank(workspace, "--save")
    assert f"{file}: not changed; it has the best form" in again.stderr
    assert "the form in use is the best: 8x8 RGB, 0 to 255" in again.stderr
    assert again.exit_code == 0


def test_a_file_that_agrees_gets_what_it_lacks(workspace):
    """The folders of the classes have names, in an order that is not that of the outputs."""
    for number, name in enumerate(("night", "dusk", "day")):
        (workspace / "images" / str(number)).rename(workspace / "images" / name)
    file = workspace / "net.toml"
    file.write_text("# mine\nrange = [0, 255]\n")
    assert rank(workspace, "--save").exit_code == 0
    assert file.read_text() == 'order = "RGB"\nclasses = ["night", "dusk", "day"]\n# mine\nrange = [0, 255]\n'
    file.write_text('classes = ["day", "dusk", "night"]\n')
    other = rank(workspace, "--save")
    assert "its classes have another order than the best, by predictions" in other.stderr
    assert (other.exit_code, file.read_text()) == (1, 'classes = ["day", "dusk", "night"]\n')


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        (np.full((8, 8, 3), 7.0), "its values range from 7 to 7, not 0 to 1"),
        (np.zeros(8), "has the shape (8,)"),
        (np.array([{}] * 4, object), "it holds Python objects, not numbers; save it with dtype uint8"),
        (np.zeros((8, 8, 5)), "has 5 channels, the network takes 3"),
    ],
)
def test_arrays_that_are_no_images_are_named_as_the_cause(workspace, values, cause):
    for name in "abc":
        (workspace / "arrays" / name).mkdir(parents=True)
        np.save(workspace / "arrays" / name / "0.npy", values)
    error = str(invoke(model.inputs, workspace / "net.keras", workspace / "arrays").exception)
    assert error.startswith("none of the 3 labeled images can be read; 0.npy: ")
    assert cause in error


def test_classes_whose_images_cannot_be_read_are_still_classes(workspace):
    """All files of one class are damaged: the others are in their outputs still, and the files are named."""
    for path in (workspace / "images" / "0").iterdir():
        path.write_bytes(b"no image")
    for number, name in enumerate("abc"):
        (workspace / "images" / str(number)).rename(workspace / "images" / name)
    result = rank(workspace)
    assert result.exit_code == 3
    assert "the labels are read as the classes in alphabetical order: a, b, c" in result.stderr
    assert "is not an image in a supported format" in result.stderr
    assert result.stdout.splitlines()[1].split()[0] == "1.000"


def test_a_near_tie_saves_what_is_certain(tmp_path):
    """The network predicts the strongest color, in any range of values; red is its last class."""
    net = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
    )
    net.layers[-1].set_weights([99 * np.eye(3)[::-1], np.zeros(3)])
    net.save(tmp_path / "net.keras")
    rng = np.random.default_rng(0)
    for number in range(18):
        path = tmp_path / "images" / ("red", "green", "blue")[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = 0.1 + 0.8 * np.eye(3)[number % 3] + rng.normal(0, 0.02, (8, 8, 3))
        path.write_bytes(png_bytes(image.clip(0, 1)))
    result = rank(tmp_path, "--save")
    file = tmp_path / "net.toml"
    assert "net.toml: saved without range; open: range (0 to 1 or " in result.stderr
    assert "; give more images or set it yourself; --force saves the best form" in result.stderr
    saved = tomllib.loads(file.read_text())
    assert (result.exit_code, saved) == (1, {"size": [8, 8], "order": "RGB", "classes": ["blue", "green", "red"]})
    assert list(json.loads(rank(tmp_path, "--json").stdout)["open"]) == ["range"]


def test_a_near_tie_of_everything_is_not_saved(workspace):
    """One dark image: it is predicted correctly in most forms."""
    for path in [*(workspace / "images").glob("[12]/*"), *sorted((workspace / "images" / "0").iterdir())[1:]]:
        path.unlink()
    result = rank(workspace, "--save")
    assert "near tie: 8x8" in result.stderr
    assert "give more images, or the values that the network was trained with, such as --range 0 1" in result.stderr
    assert "net.toml: not saved; open: range (0 to 1 or " in result.stderr
    assert (result.exit_code, (workspace / "net.toml").exists()) == (1, False)


def test_an_image_that_cannot_be_read_is_named(workspace):
    (workspace / "images" / "0" / "bad.png").write_bytes(b"no image")
    result = rank(workspace)
    assert (result.exit_code, "bad.png: is not an image" in result.stderr) == (3, True)


def test_an_input_form_cannot_be_saved_beside_the_built_in_network(tmp_path):
    (tmp_path / "a.png").touch()
    result = invoke(model.inputs, "signs", tmp_path, "--save")
    assert isinstance(result.exception, OutputError)
    assert str(result.exception) == "signs: is not a file, so no model.toml can be saved beside it"


def test_a_model_file_is_converted(tiny, tmp_path):
    tiny.save(tmp_path / "tiny.h5")
    out = tmp_path / "tiny.keras"
    done = invoke(model.convert, tmp_path / "tiny.h5", out, "-v")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    assert done.stderr.strip() == "nothing was changed"
    assert keras.models.load_model(out).count_params() == tiny.count_params()


def test_a_missing_file_is_an_error_of_one_line(tmp_path):
    done = invoke(model.convert, tmp_path / "absent.h5", tmp_path / "out.keras")
    assert done.exit_code != 0
    assert "no such file" in str(done.exception)


def test_a_poor_accuracy_is_a_warning_that_the_saved_form_ends(workspace):
    """The network is for images in 0..255; 0..1 is assumed, and all images are predicted as the darkest class."""

    def scan():
        words = workspace / "net.keras", workspace / "images", "--out", workspace / "scan", "--force", "-q"
        return invoke(scan_command.scan, *words).stderr.splitlines()

    warning, form, mistakes = scan()
    assert form.startswith("input form of net: 8x8 RGB, 0 to 1 (assumed;")
    assert mistakes.startswith("predicted as another class, 12 of 18 labeled images: 1/1.png as 0, ")
    assert mistakes.endswith(" and 7 more")
    assert warning.startswith("warning: only 33 % of 18 labeled images are predicted correctly (chance: 33 %).")
    assert warning.endswith(f"dreamfilters inputs {workspace / 'net.keras'} {workspace / 'images'}")
    assert rank(workspace, "--save").exit_code == 0
    accuracy, form = scan()
    assert accuracy == "100 % of 18 labeled images are predicted correctly (chance: 33 %)"
    assert form == "input form of net: 8x8 RGB, 0 to 255 (from net.toml)"


def test_a_scan_names_the_images_that_are_predicted_as_another_class(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    images = workspace / "images"
    (images / "0" / "0.png").rename(images / "2" / "dark.png")
    words = ("net.keras", "images", "--range", "0", "255", "-q")
    lines = invoke(scan_command.scan, *words).stderr.splitlines()
    # classes of 5, 6 and 7 images, one of the last is wrong
    assert (
        lines[0] == "94 % of 18 labeled images are predicted correctly (95 % averaged over the classes; chance: 33 %)"
    )
    assert lines[-1] == "predicted as another class, 1 of 18 labeled images: 2/dark.png as 0"
    values = json.loads(invoke(scan_command.scan, *words, "--json").stdout)
    shares = values["accuracy"], values["balanced_accuracy"]
    assert (shares, len(values["wrong"])) == (pytest.approx((17 / 18, (1 + 1 + 6 / 7) / 3)), 1)


def test_the_input_form_of_a_regression_is_printed_although_no_search_is_possible(workspace):
    image = keras.Input((8, 8, 3))
    value = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image)))
    keras.Model(image, value).save(workspace / "net.keras")
    result = rank(workspace)
    assert result.stderr.splitlines()[0] == "input form of net: 8x8 RGB, 0 to 255 (read from the model: Rescaling)"
    assert str(result.exception).endswith("give the input form yourself, in model.toml or such as --range 0 255")
