"""Runs of maps: values are those of the network, and a killed run resumes to the same bytes."""

import json
import signal
import subprocess
import sys
import textwrap
import time

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dreamfilters.errors import ImageError, OutputError, RecipeError, TargetError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.maps.map_style import MapScale, MapStyle
from dreamfilters.images import image_folder
from dreamfilters.networks import LOGITS, InputForm, Network, load
from dreamfilters.runs.by_image.map_run import MapSettings, draw_maps
from tests.batch_independence import needs_avx512

QUICK = MapSettings(layers=("conv1", "classes"), pages=False)


@pytest.fixture
def folder(tmp_path, scene):
    """Three images in two classes, and one that cannot be read."""
    images = tmp_path / "images"
    for number, label in enumerate(("a", "a", "b")):
        (images / label).mkdir(parents=True, exist_ok=True)
        image = (scene(16, 16, seed=number) * 255).astype(np.uint8)
        Image.fromarray(image).save(images / label / f"{number}.png")
    (images / "b" / "9.png").write_bytes(b"")
    return images


def contents(folder):
    """Every file below a folder and its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_unit_of_every_layer_is_stored(network, folder, tmp_path):
    out = tmp_path / "out"
    drawn = draw_maps(network, image_folder(folder), out, MapSettings(arrays="float32"))
    assert [page.image for page in drawn.value] == ["a/0.png", "a/1.png", "b/2.png"]
    assert dict(drawn.failures) == {"b/9.png": "is empty (0 bytes); get a fresh copy"}
    names = ["conv1", "pool1", "conv2", "classes"]
    seen = activations(network, image_folder(folder), [*names, LOGITS])
    for row, page in enumerate(drawn.value):
        record, arrays = page.read(), np.load(page.folder / "maps.npz")
        assert record["label"] == page.folder.name[0]
        assert list(record["layers"]) == names
        for name in names:
            values, layer = seen[name][row], record["layers"][name]
            held = arrays[layer["array"]["name"]]
            np.testing.assert_array_equal(held, values if values.ndim == 3 else values[None, None])
            axes = tuple(range(values.ndim - 1))
            np.testing.assert_array_equal(np.float32(layer["max"]), values.max(axis=axes))
            np.testing.assert_array_equal(np.float32(layer["min"]), values.min(axis=axes))
            np.testing.assert_allclose(layer["mean"], values.mean(axis=axes, dtype=np.float64), rtol=1e-6)
            assert (page.folder / layer["page"]).read_bytes()[:4] == b"\x89PNG"
        best = int(np.argmax(seen[LOGITS][row]))
        assert record["predictions"][0]["number"] == best
        assert record["predictions"][0]["probability"] == pytest.approx(float(seen["classes"][row, best]), rel=1e-4)
        assert {path.name for path in page.folder.iterdir()} == {*record["files"], "maps.json"}
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert [entry["image"] for entry in manifest["results"]["images"]] == ["a/0.png", "a/1.png", "b/2.png"]
    assert manifest["results"]["missing"] == []
    assert manifest["failures"][0]["image"] == "b/9.png"


def test_only_some_layers_and_units(network, folder, tmp_path):
    settings = MapSettings(layers=("conv2", "conv1"), units=(5, 2), arrays="float16", pages=False, top=0)
    page = draw_maps(network, image_folder(folder / "a" / "0.png"), tmp_path / "out", settings).value[0]
    record, arrays = page.read(), np.load(page.folder / "maps.npz")
    assert list(record["layers"]) == ["conv1", "conv2"]
    assert record["layers"]["conv1"]["units"] == [5, 2]
    assert record["predictions"] == []
    assert record["image"] == "0.png"
    seen = activations(network, image_folder(folder / "a" / "0.png"), ["conv1"])["conv1"][0]
    assert {name: array.dtype for name, array in arrays.items()} == {"01-conv1": np.float16, "03-conv2": np.float16}
    np.testing.assert_array_equal(arrays["01-conv1"], seen[..., [5, 2]].astype(np.float16))
    assert sorted(path.name for path in page.folder.iterdir()) == ["maps.json", "maps.npz"]


def test_values_beyond_float16_are_stored_as_float32(network_of, scene, tmp_path):
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.Rescaling(1e6, name="large"), layers.Conv2D(1, 1)])
    settings = MapSettings(layers=("large",), arrays="float16", pages=False)
    page = draw_maps(network_of(model, classes=()), scene(4, 4), tmp_path / "out", settings).value[0]
    assert page.read()["layers"]["large"]["array"]["type"] == "float32"
    assert np.isfinite(np.load(page.folder / "maps.npz")["01-large"]).all()


def test_arrays_are_accepted_as_images(network, scene, tmp_path):
    images = np.stack([scene(16, 16, seed=seed) for seed in range(2)])
    drawn = draw_maps(network, images, tmp_path / "out", QUICK)
    assert [page.image for page in drawn.value] == ["image 0", "image 1"]
    alone = draw_maps(network, images[1], tmp_path / "alone", QUICK).value[0]
    assert alone.read()["layers"] == drawn.value[1].read()["layers"]


def test_a_network_of_any_size_uses_the_size_of_the_first_image_or_the_given_one(scene, tmp_path, folder):
    Image.fromarray((scene(20, 12) * 255).astype(np.uint8)).save(folder / "b" / "3.png")
    anysize = Network(keras.Sequential([layers.Input((None, None, 3)), layers.Conv2D(2, 3, name="conv")]), InputForm())
    settings = MapSettings(pages=False)
    drawn = draw_maps(anysize, image_folder(folder), tmp_path / "out", settings)
    assert [page.read()["layers"]["conv"]["map"] for page in drawn.value] == [[14, 14]] * 4
    sized = draw_maps(anysize, image_folder(folder), tmp_path / "sized", MapSettings(pages=False, size=(8, 9)))
    assert sized.value[0].read()["layers"]["conv"]["map"] == [6, 7]


def test_an_interrupted_run_resumes(network, folder, tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    stopped = draw_maps(network, image_folder(folder), out, progress=stop)
    assert stopped.stopped
    assert [page.image for page in stopped.value] == ["a/0.png"]
    assert stopped.missing == ("a/1.png", "b/2.png")  # the bad one was met with its batch
    first = (stopped.value[0].folder / "maps.json").stat().st_mtime_ns
    told = []
    draw_maps(network, image_folder(folder), out, progress=told.append)
    assert [each.note for each in told] == ["a/0.png", "a/1.png", "b/2.png"]
    assert (stopped.value[0].folder / "maps.json").stat().st_mtime_ns == first
    draw_maps(network, image_folder(folder), tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


@needs_avx512
@pytest.mark.parametrize("harm", ["page", "record", "image", "gone"])
def test_damaged_maps_are_drawn_again(network, folder, tmp_path, harm):
    out, whole = tmp_path / "out", tmp_path / "whole"
    page = draw_maps(network, image_folder(folder), out, MapSettings(layers=("conv1",))).value[1]
    if harm == "page":
        (page.folder / "01-conv1.png").write_bytes(b"x")
    if harm == "record":
        (page.folder / "maps.json").write_text("{")
    if harm == "gone":
        (page.folder / "overview.png").unlink()
    if harm == "image":
        Image.new("RGB", (16, 16), (9, 9, 9)).save(folder / "a" / "1.png")
    draw_maps(network, image_folder(folder), out, MapSettings(layers=("conv1",)))
    draw_maps(network, image_folder(folder), whole, MapSettings(layers=("conv1",)))
    assert contents(out) == contents(whole)


def test_an_image_that_became_unreadable_has_no_maps(network, folder, tmp_path):
    out = tmp_path / "out"
    page = draw_maps(network, image_folder(folder), out, QUICK).value[2]
    (folder / "b" / "2.png").write_bytes(b"")
    assert [name for name, _ in draw_maps(network, image_folder(folder), out, QUICK).failures] == ["b/2.png", "b/9.png"]
    assert not page.folder.exists()


def test_another_run_is_refused_unless_forced(network, folder, tmp_path):
    out = tmp_path / "out"
    draw_maps(network, image_folder(folder), out, MapSettings(layers=("conv1",)))
    other = MapSettings(layers=("conv2",), style=MapStyle(MapScale("layer")))
    with pytest.raises(OutputError, match=r"holds maps with other settings \(units, style\); .*--force"):
        draw_maps(network, image_folder(folder), out, other)
    draw_maps(network, image_folder(folder), out, other, force=True)
    draw_maps(network, image_folder(folder), tmp_path / "whole", other)
    assert contents(out) == contents(tmp_path / "whole")


@needs_avx512
def test_images_are_added_to_a_run_of_equal_settings(network, folder, tmp_path):
    """The folder is that of one run of all images."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    for place in ("a/1.png", "a/0.png"):
        draw_maps(network, image_folder(folder / place), out, QUICK)
    for number in range(2):
        (folder / "b" / f"{number}.png").write_bytes((folder / "a" / f"{number}.png").read_bytes())
    with pytest.raises(ImageError, match="none of 1 images can be read"):
        draw_maps(network, image_folder(folder / "b" / "9.png"), out, QUICK)
    found = draw_maps(network, image_folder(folder / "b" / "1.png"), out, QUICK)  # the same image in another place
    assert ([maps.image for maps in found.value], found.done, found.total) == (["1.png"], 1, 1)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert [image["image"] for image in manifest["results"]["images"]] == ["1.png", "0.png"]
    assert manifest["results"]["missing"] == ["9.png"]
    draw_maps(network, image_folder(folder / "a"), whole, QUICK)
    for name in ("0.png", "1.png"):
        (record,) = out.glob(f"{name[0]}-png-*/maps.json")
        assert contents(record.parent) == contents(whole / record.parent.name)


def test_another_image_of_the_same_name_is_not_added(network, folder, tmp_path):
    out = tmp_path / "out"
    first = draw_maps(network, image_folder(folder / "a" / "0.png"), out, QUICK).value[0]
    before = contents(out)
    (folder / "b" / "0.png").write_bytes((folder / "a" / "1.png").read_bytes())
    with pytest.raises(
        OutputError,
        match=r"holds maps with other settings \(images\); choose another folder with --out, or add --force",
    ):
        draw_maps(network, image_folder(folder / "b" / "0.png"), out, QUICK)
    assert contents(out) == before
    assert first.folder.exists()


def test_other_files_are_never_touched(network, folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text("mine")
    for force in (False, True):
        with pytest.raises(OutputError, match=r"manifest\.json.*; .*choose another folder with --out"):
            draw_maps(network, image_folder(folder), out, QUICK, force=force)
    (out / "manifest.json").rename(out / "notes.txt")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        draw_maps(network, image_folder(folder), out, QUICK)
    draw_maps(network, image_folder(folder), out, QUICK, force=True)
    (out / "a").mkdir()
    draw_maps(network, image_folder(folder), out, MapSettings(layers=("conv2",), pages=False), force=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "a").is_dir()


def test_without_a_readable_image_nothing_is_left(network, tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "images" / name).write_text("no")
    with pytest.raises(ImageError, match=r"none of 2 images can be read; first error: 1\.png: is not an image"):
        draw_maps(network, image_folder(tmp_path / "images"), tmp_path / "out", QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"layers": ("conf1",)}, UnknownNameError, "conf1: tiny has no such layer"),
        ({"units": (8,)}, TargetError, "unit 8: no chosen layer has it"),
        ({"top": -1}, RecipeError, "top=-1"),
        ({"arrays": "float64"}, RecipeError, "arrays=float64"),
    ],
)
def test_bad_settings_are_errors_before_anything_is_written(network, folder, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        draw_maps(network, image_folder(folder), tmp_path / "out", MapSettings(**settings))
    assert not (tmp_path / "out").exists()


def test_hostile_names_do_not_become_paths(network_of, scene, tmp_path, fill):
    inside = layers.Input((8, 8, 3))
    backbone = keras.Model(inside, layers.Conv2D(2, 3, name="conv>1")(inside), name="..")
    outside = layers.Input((8, 8, 3))
    model = fill(keras.Model(outside, layers.GlobalMaxPooling2D(name="..x")(backbone(outside))))
    images = tmp_path / "images"
    images.mkdir()
    name = '"><img src=x onerror=alert(1)>.png'
    Image.fromarray((scene(8, 8) * 255).astype(np.uint8)).save(images / name)
    page = draw_maps(network_of(model), image_folder(images), tmp_path / "out", MapSettings(arrays="float32")).value[0]
    assert page.image == name
    assert list(page.read()["layers"]) == ["../conv>1", "..x"]
    assert sorted(path.name for path in page.folder.iterdir()) == [
        "01-conv-1.png", "02-x.png", "maps.json", "maps.npz", "overview.png",
    ]  # fmt: skip


def test_maps_of_nan_are_counted(network_of, scene, tmp_path):
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.Conv2D(2, 1, name="conv")])
    model.get_layer("conv").set_weights([np.full((1, 1, 3, 2), [np.nan, 1], np.float32), np.zeros(2, np.float32)])
    page = draw_maps(network_of(model, classes=()), scene(4, 4), tmp_path / "out").value[0]
    assert page.read()["layers"]["conv"]["nan"] == [16, 0]
    assert page.read()["layers"]["conv"]["min"][0] is None
    assert json.loads((page.folder / "maps.json").read_text())["layers"]["conv"]["mean"][0] is None


def test_a_value_that_is_not_finite_is_none_now_and_when_it_is_kept(network_of, scene, tmp_path):
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.Flatten(), layers.Dense(1, name="age")])
    model.get_layer("age").set_weights([np.full((48, 1), np.nan, np.float32), np.zeros(1, np.float32)])
    for _ in range(2):
        maps = draw_maps(network_of(model, classes=()), scene(4, 4), tmp_path / "out").value[0]
        assert maps.prediction["logit"] is None


_RUN = """
    import sys, dreamfilters.backend, keras
    from pathlib import Path
    from dreamfilters.images import image_folder
    from dreamfilters.networks import InputForm, Network
    from dreamfilters.runs.by_image.map_run import MapSettings, draw_maps
    model = keras.saving.load_model(sys.argv[1], compile=False)
    network = Network(model, InputForm.from_range(0, 1, size=(16, 16)), ("STOP", "Vorfahrt achten", "20"), name="tiny")
    draw_maps(network, image_folder(sys.argv[2]), Path(sys.argv[3]), MapSettings(arrays="float32"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.thorough
def test_a_killed_run_ends_with_the_same_bytes(tiny, network, folder, tmp_path, scene):
    for number in range(10, 16):
        Image.fromarray((scene(16, 16, seed=number) * 255).astype(np.uint8)).save(folder / "a" / f"{number}.png")
    tiny.save(tmp_path / "tiny.keras")
    out = tmp_path / "out"
    command = [sys.executable, "-c", textwrap.dedent(_RUN), str(tmp_path / "tiny.keras"), str(folder), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        while len(list(out.glob("*/maps.json"))) < 2 and run.poll() is None:  # then the third is being written
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
    assert len(list(out.glob("*/maps.json"))) < 9
    settings = MapSettings(arrays="float32")
    draw_maps(network, image_folder(folder), out, settings)
    draw_maps(network, image_folder(folder), tmp_path / "whole", settings)
    assert contents(out) == contents(tmp_path / "whole")


def test_the_predicted_mask_is_drawn_where_the_output_is_a_map_of_classes(folder, tmp_path):
    model = keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(2, 1, activation="softmax", name="seg")])
    network = load(model, classes=("road", "sky"))
    page = draw_maps(network, image_folder(folder / "a"), tmp_path / "out").value[0]
    assert (page.folder / "predicted-mask.png").read_bytes()[:4] == b"\x89PNG"
    assert "predicted-mask.png" in page.read()["files"]
    seen = activations(network, image_folder(folder / "a"), ["seg"])["seg"][0]
    shares = {one["name"]: one["share"] for one in page.read()["predictions"]}
    assert shares == pytest.approx({"road": (seen[..., 0] >= 0.5).mean(), "sky": (seen[..., 1] > 0.5).mean()})


def test_a_regression_is_recorded_with_its_value(folder, tmp_path):
    model = keras.Sequential([layers.Input((16, 16, 3)), layers.GlobalAveragePooling2D(), layers.Dense(1, name="age")])
    network = load(model)
    page = draw_maps(network, image_folder(folder / "a"), tmp_path / "out", MapSettings(pages=False)).value[0]
    value = float(activations(network, image_folder(folder / "a"), ["age"])["age"][0, 0])
    (found,) = page.read()["predictions"]
    assert (found["name"], found["probability"], found["logit"]) == ("age:0", None, pytest.approx(value))
