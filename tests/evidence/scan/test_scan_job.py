"""Tests of a scan job: it stops after any batch and resumes from its state, also in another process."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.result import layer_rows
from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState, scan
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.networks import LOGITS, InputForm, Network, before, load
from tests.batch_independence import needs_avx512
from tests.networks.vision_transformer import vision_transformer


@pytest.fixture
def job(tiny, network_of):
    images = np.random.default_rng(0).random((17, 16, 16, 3), dtype=np.float32)
    return ScanJob(
        network_of(tiny), source_of(images, ["0", "1", ""] * 5 + ["2", "2"]), ("conv1", "//logits"), k=3, batch=4
    )


def test_a_resumed_scan_processes_the_remaining_images_only(job):
    complete = job.start()
    names = list(job.advance(complete))
    assert names == ["3", "7", "11", "15", "16"]
    for stop in range(5):
        interrupted = job.start()
        for _ in zip(range(stop), job.advance(interrupted), strict=False):
            pass
        arrays = {name: values.copy() for name, values in interrupted.accumulators.arrays.items()}
        more = interrupted.predicted.copy(), interrupted.counts.copy()
        resumed = ScanState(interrupted.done, Accumulators.from_arrays(arrays), *more)
        assert list(job.advance(resumed)) == names[interrupted.done // 4 :]
        assert resumed.done == 17
        assert resumed.predicted.tolist() == complete.predicted.tolist()
        expected = complete.accumulators.arrays
        assert all(resumed.accumulators.arrays[name].tobytes() == expected[name].tobytes() for name in arrays)


def test_facts_describe_each_layer(job):
    conv, logits = job.facts
    assert (conv.type, conv.activation, conv.shape) == ("Conv2D", "relu", (16, 16, 8))
    assert conv.receptive_field.size == (3, 3)
    assert (logits.type, logits.shape, logits.receptive_field) == ("logits", (3,), None)


@pytest.fixture(scope="module")
def network():
    """Filter 0 returns red, filter 1 is silent unless red exceeds 0.9, filter 2 returns 1 everywhere."""
    inputs = keras.Input((4, 4, 3))
    maps = keras.layers.Conv2D(3, 1, activation="relu", name="conv")(inputs)
    kept = keras.layers.Dropout(0.5, name="drop")(maps)
    means = keras.layers.GlobalAveragePooling2D(name="average")(kept)
    outputs = keras.layers.Dense(2, activation="softmax", name="dense")(means)
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((1, 1, 3, 3), "float32")
    kernel[0, 0, 0] = 1, 1, 0
    model.get_layer("conv").set_weights([kernel, np.array([0, -0.9, 1], "float32")])
    model.get_layer("dense").set_weights([np.array([[9.0, -9], [0, 0], [0, 9]]), np.zeros(2)])
    return Network(model, InputForm.from_range(0, 1, size=(4, 4)), ("red", "dark"))


def reds(*shares):
    images = np.zeros((len(shares), 4, 4, 3), "float32")
    images[..., 0] = np.array(shares)[:, None, None]
    return images


def test_everything_of_one_unit_by_hand(network):
    images = reds(0, 0.25, 0.5, 0.75)
    images[1, 2, 3, 0] = 1.0
    unit = scan(network, images, labels=["dark", "dark", "red", "red"], k=2).unit("conv", 0)
    values = [0] * 16 + [0.25] * 15 + [1] + [0.5] * 16 + [0.75] * 16
    assert (unit.minimum, unit.maximum) == (0, 1)
    assert unit.mean == pytest.approx(np.mean(values))
    assert unit.std == pytest.approx(np.std(values))
    assert unit.zeros == 0.25
    assert (unit.silent, unit.counted, unit.nonfinite) == (1, 4, 0)
    assert [(e.index, e.score, e.position) for e in unit.strongest["max"]] == [(1, 1, (2, 3)), (3, 0.75, (0, 0))]
    assert [e.index for e in unit.strongest["mean"]] == [3, 2]
    assert [e.index for e in unit.weakest["max"]] == [0, 2]
    assert [(e.index, e.label) for e in unit.weakest["mean"]] == [(0, "dark"), (1, "dark")]
    assert unit.class_means["max"] == {"red": 0.625, "dark": 0.5}
    assert unit.selectivity["max"] == pytest.approx(0.125 / 1.125)
    means = np.array([0, (15 * 0.25 + 1) / 16, 0.5, 0.75])
    between = (means[2:].mean() - means[:2].mean()) ** 2 / 4
    assert unit.correlation["mean"] == pytest.approx(between / means.var())
    assert unit.histogram["mean"].counts.sum() == 4


def test_silent_rare_and_constant_units_are_told_apart(network):
    layer = scan(network, reds(*np.linspace(0, 0.85, 30)), ["conv"]).layer("conv")
    assert layer.always_silent.tolist() == [False, True, False]
    assert layer.zeros[1:].tolist() == [1, 0]
    assert layer.std[2] == 0
    bright = scan(network, reds(*np.linspace(0, 1, 30)), ["conv"]).layer("conv")
    assert bright.always_silent.tolist() == [False, False, False]


def test_negative_values_are_not_silent():
    """A linear unit whose value is minus the brightness, and one whose value is 0, on bright images."""
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2, name="out")])
    model.layers[-1].set_weights([np.array([[-1.0, 0], [-1, 0], [-1, 0]]), np.zeros(2)])
    layer = scan(load(model), np.full((3, 4, 4, 3), 0.5, "float32"), ["out"]).layer("out")
    assert (layer.silent.tolist(), layer.always_silent.tolist()) == ([0, 3], [False, True])


def test_the_logits_have_a_name_of_their_own(network):
    found = scan(network, reds(0.1, 0.5, 0.9), [LOGITS])
    assert (found.layer(LOGITS).title, layer_rows(found)[0]["layer"]) == ("logits", "logits")
    assert repr(found.layer(LOGITS)).startswith("LayerScan('logits', ")


def test_default_layers_leave_out_copies_and_include_the_logits(network):
    assert default_layers(network) == ("conv", "average", "dense", LOGITS)


def test_predictions_and_labels_are_class_indices(network):
    found = scan(network, reds(0, 0.25, 0.75, 1), labels=["1", "0", "0", ""], k=1)
    assert found.predicted.tolist() == [1, 1, 0, 0]
    assert found.truth.tolist() == [1, 0, 0, -1]
    assert found.classes == ("red", "dark")


def test_labels_that_are_no_classes_still_group(network):
    found = scan(network, reds(0, 0.5, 1), labels=["b", "a", "b"], k=1)
    assert found.classes == ("a", "b")
    assert found.unit("conv", 0).class_means["mean"] == {"a": 0.5, "b": 0.5}


@needs_avx512
def test_the_batch_changes_no_bit(tiny, network_of):
    network = network_of(tiny)
    images = np.random.default_rng(3).random((21, 16, 16, 3), dtype=np.float32)
    labels = [str(number % 3) for number in range(21)]
    expected = scan(network, images, labels=labels, k=3).arrays
    for batch in (1, 4, 20):
        found = scan(network, images, labels=labels, k=3, batch=batch).arrays
        assert [name for name in expected if expected[name].tobytes() != found[name].tobytes()] == []


def test_nonfinite_maps_are_counted_and_left_out(network):
    images = reds(0.25, 0.5, 0.75)
    images[1, 0, 0, 0] = np.nan
    layer = before("conv")  # a ReLU may turn NaN into zero
    unit = scan(network, images, [layer], labels=["red"] * 3, k=2).unit(layer, 0)
    assert (unit.counted, unit.nonfinite) == (2, 1)
    assert unit.mean == 0.5
    assert [example.index for example in unit.strongest["max"]] == [2, 0]
    assert np.isnan(unit.class_means["mean"]["red"])


def test_unreadable_images_are_listed_and_left_out(network, tmp_path):
    for number in range(5):
        Image.new("RGB", (4, 4), (51 * number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"")
    found = scan(network, image_folder(tmp_path), k=2, batch=2)
    assert [name for name, _ in found.failures] == ["2.png"]
    assert "empty" in found.failures[0][1]
    assert found.readable == 4
    assert found.predicted[2] == -1
    assert [example.name for example in found.unit("conv", 0).strongest["max"]] == ["4.png", "3.png"]


def test_the_bits_of_the_files_are_those_of_the_input_form(network, tmp_path):
    red = np.zeros((4, 4, 3), np.uint16)
    red[..., 0] = 4095
    np.save(tmp_path / "red.npy", red)
    twelve = dataclasses.replace(network, form=dataclasses.replace(network.form, bits=12))
    assert scan(twelve, image_folder(tmp_path)).unit("conv", 0).maximum == 1
    assert scan(network, image_folder(tmp_path)).unit("conv", 0).maximum == pytest.approx(4095 / 65535)


def test_a_network_of_any_size_takes_the_size_of_the_first_readable_image(tmp_path):
    inputs = keras.Input((None, None, 3))
    network = Network(keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs)), InputForm.from_range(0, 1))
    for number, side in enumerate((5, 6, 7)):
        Image.new("RGB", (side, 8)).save(tmp_path / f"{number}.png")
    (tmp_path / "0.png").write_bytes(b"no image")
    found = scan(network, image_folder(tmp_path), k=1)
    assert found.size == (8, 6)
    assert found.layer("conv").facts.shape == (6, 4, 2)


def test_a_ranking_has_at_most_as_many_images_as_there_are(network):
    found = scan(network, reds(0.5, 1), k=3)
    assert found.k == 2
    assert [example.index for example in found.unit("conv", 0).strongest["mean"]] == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((reds(0, 1), ["conf"]), {"k": 1}, UnknownNameError, "conf: .* Close names: conv"),
        ((reds(0, 1),), {"k": 0}, RecipeError, "k=0"),
        ((reds(0, 1),), {"k": 1, "batch": 0}, RecipeError, "batch=0"),
        ((reds(0, 1),), {"k": 1, "labels": ["red"]}, ImageError, "1 labels for 2 images"),
        ((reds(),), {"k": 1}, ImageError, "no images: give at least one"),
    ],
)
def test_bad_input_is_refused_in_one_line(network, arguments, settings, error, message):
    with pytest.raises(error, match=message) as caught:
        scan(network, *arguments, **settings)
    assert "\n" not in str(caught.value)


def test_no_readable_image_is_an_error(network, tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"no image")
    with pytest.raises(ImageError, match="none of its 3 images can be read"):
        scan(network, image_folder(tmp_path), k=1)


def test_tokens_are_scanned_with_the_token_as_position():
    network = Network(vision_transformer(), InputForm.from_range(0, 1, size=(16, 16)))
    images = np.random.default_rng(0).random((9, 16, 16, 3), dtype="float32")
    tokens = activations(network, images, ["mlp1"])["mlp1"]  # (9, 17, 16)
    assert {"mlp1", "attention2", "norm", LOGITS} <= set(default_layers(network))
    layer = scan(network, images, ["mlp1"], k=2).layer("mlp1")
    assert (layer.facts.kind, layer.facts.shape, layer.units) == ("tokens", (17, 16), 16)
    np.testing.assert_allclose(layer.mean, tokens.mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(layer.std, tokens.std(axis=(0, 1)), atol=1e-5)
    best = layer.by_max.strongest
    image, token = np.unravel_index(tokens[..., 3].argmax(), tokens.shape[:2])
    assert (best.index[0, 3], best.row[0, 3], best.column[0, 3]) == (image, token, 0)


def test_a_layer_without_units_is_refused(network):
    inputs = keras.Input((4, 4, 3))
    heads = keras.layers.Reshape((4, 2, 2, 3), name="heads")(inputs)
    other = Network(keras.Model(inputs, heads), InputForm.from_range(0, 1, size=(4, 4)))
    with pytest.raises(RecipeError, match=r"heads: its output .* has more axes than a map"):
        scan(other, reds(0, 1), ["heads"], k=1)


def test_a_network_without_units_is_refused_in_one_line(network_of):
    flat = network_of(keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()], name="flat"))
    with pytest.raises(RecipeError, match="flat: no layer has units to scan"):
        scan(flat, np.zeros((9, 4, 4, 3)))
