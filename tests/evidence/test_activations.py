"""Tests of activations against maps that follow from the images."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ImageError, InputFormError, RecipeError, UnknownNameError
from dreamfilters.evidence import activations as recording
from dreamfilters.evidence.activations import activations, iter_activations, mean_responses, stream
from dreamfilters.images import image_folder
from dreamfilters.networks import LOGITS, InputForm, Network
from dreamfilters.networks.programs import programs_of
from tests.networks.vision_transformer import vision_transformer


@pytest.fixture(scope="module")
def network():
    """Filter 0 returns red, filter 1 returns 1 - red; the logits are their means times 10 and 20."""
    inputs = keras.Input((4, 4, 3))
    maps = keras.layers.Conv2D(2, 1, name="conv")(inputs)
    means = keras.layers.GlobalAveragePooling2D(name="pool")(maps)
    outputs = keras.layers.Dense(2, activation="softmax", name="dense")(means)
    model = keras.Model(inputs, outputs)
    kernel = np.zeros((1, 1, 3, 2), "float32")
    kernel[0, 0, 0] = 1, -1
    model.get_layer("conv").set_weights([kernel, np.array([0, 1], "float32")])
    model.get_layer("dense").set_weights([np.diag([10.0, 20.0]), np.zeros(2)])
    return Network(model, InputForm.from_range(0, 1, size=(4, 4)), ("red", "other"))


def reds(*shares, size=4):
    images = np.zeros((len(shares), size, size, 3), "float32")
    images[..., 0] = np.array(shares)[:, None, None]
    return images


def test_activations_come_image_by_image(network):
    images = reds(0.25, 0.5, 0.75)
    images[1, 0, 3, 0] = 1.0
    found = activations(network, images, ["conv", LOGITS], batch=2)
    np.testing.assert_allclose(found["conv"][..., 0], images[..., 0])
    np.testing.assert_allclose(found["conv"][..., 1], 1 - images[..., 0])
    np.testing.assert_allclose(found[LOGITS], [[2.5, 15], [5.3125, 9.375], [7.5, 5]], rtol=1e-6)  # 8.5 / 16 is .53125
    assert found["conv"].dtype == np.float32


def test_the_batch_changes_no_value(network):
    images = reds(*np.linspace(0, 1, 7))
    expected = activations(network, images, ["dense"])["dense"]
    for batch in (1, 3, 7):
        np.testing.assert_allclose(activations(network, images, ["dense"], batch=batch)["dense"], expected, rtol=1e-6)


def test_mean_responses_are_the_means_of_the_maps(network):
    images = reds(0.0, 0.5)
    images[0, 0, 0, 0] = 1.0
    found = mean_responses(network, images, ["conv", "dense"])
    np.testing.assert_allclose(found["conv"], [[1 / 16, 15 / 16], [0.5, 0.5]])
    assert found["dense"].shape == (2, 2)


def test_the_program_of_mean_responses_is_cached(network, monkeypatch):
    mean_responses(network, reds(0.0), ["pool"])
    monkeypatch.setattr(recording.backend, "compile", None)
    assert mean_responses(network, reds(0.5), ["pool"])["pool"].tolist() == [[0.5, 0.5]]


def test_images_are_resized_to_the_network(network):
    found = activations(network, [reds(0.25)[0], reds(0.5, size=9)[0]], ["conv"])["conv"]
    np.testing.assert_allclose(found[:, 0, 0, 0], [0.25, 0.5], rtol=1e-6)


def test_stream_reads_one_batch_at_a_time(network):
    def endless():
        while True:
            yield reds(0.5)[0]

    batches = stream(network, endless(), ["pool"], batch=3)
    assert next(batches)["pool"].tolist() == [[0.5, 0.5]] * 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((reds(0.1), ["conf"]), UnknownNameError, "conf: .* Close names: conv"),
        (([], ["conv"]), ImageError, "no images"),
        ((reds(0.1)[..., :1], ["conv"]), InputFormError, "1 channels"),
        ((reds(0.1)[0], ["conv"]), ImageError, r"\(4, 3\)"),
    ],
)
def test_bad_input_is_refused(network, arguments, error, message):
    with pytest.raises(error, match=message):
        activations(network, *arguments)


def test_an_empty_batch_is_refused(network):
    with pytest.raises(RecipeError, match="batch=0"):
        activations(network, reds(0.1), ["conv"], batch=0)


def test_images_of_unequal_size_need_a_network_with_a_size(network):
    any_size = Network(keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(1, 1)]), InputForm())
    with pytest.raises(ImageError, match=r"\(4, 4, 3\) and \(5, 5, 3\)"):
        activations(any_size, [reds(0.1)[0], reds(0.1, size=5)[0]], [any_size.layers[0].name])


def images(folder, *shares):
    for number, share in enumerate(shares):
        Image.new("RGB", (4, 4), (share, 0, 0)).save(folder / f"{number}.png")
    return image_folder(folder)


def test_unreadable_files_are_left_out_and_listed(network, tmp_path):
    folder = images(tmp_path, 0, 51, 255)
    (tmp_path / "1.png").write_bytes(b"")
    found = activations(network, folder, ["conv"], batch=1)["conv"]
    assert found[:, 0, 0, 0].tolist() == [0, 1]
    assert [path.name for path, _ in folder.failures] == ["1.png"]


def test_images_take_the_size_and_channels_of_the_network(tmp_path):
    found = images(tmp_path, 255)
    layer = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")
    gray = Network(keras.Sequential([keras.Input((7, 5, 1)), layer]), InputForm(size=(7, 5), channels=1, order="gray"))
    found = activations(gray, found, ["conv"])["conv"]
    assert found.shape == (1, 7, 5, 1)
    np.testing.assert_allclose(found, 0.299, rtol=1e-5)  # red as luma


def test_a_folder_without_readable_images_is_refused(network, tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(ImageError, match="no images"):
        activations(network, image_folder(tmp_path), ["conv"])


def test_images_are_yielded_with_their_activations(network):
    pairs = zip((5, 3, 9), reds(0.25, 0.5, 0.75), strict=True)
    rows = iter_activations(network, pairs, ["conv"], batch=2)
    found = [(index, image[0, 0, 0], found["conv"][0, 0, 0]) for index, image, found in rows]
    assert found == [(5, 0.25, 0.25), (3, 0.5, 0.5), (9, 0.75, 0.75)]


def test_the_batch_fits_the_memory_budget(network, monkeypatch):
    shapes = []
    monkeypatch.setattr(recording, "BATCH_BYTES", 3 * 4 * 4 * 4 * 2)  # three images' maps of float32
    monkeypatch.setattr(recording.backend, "tensor", lambda stack: shapes.append(stack.shape) or stack)
    found = activations(network, reds(*np.linspace(0, 1, 7)), ["conv"])["conv"]
    assert [shape[0] for shape in shapes] == [3, 3, 3]
    np.testing.assert_allclose(found[:, 0, 0, 0], np.linspace(0, 1, 7), rtol=1e-6)


def test_a_generator_of_images_has_no_length(network):
    found = activations(network, (image for image in reds(0.25, 0.5)), ["pool"], batch=1)["pool"]
    np.testing.assert_allclose(found[:, 0], [0.25, 0.5])


def test_the_program_is_built_once_and_few_are_kept(tiny):
    network = Network(tiny, InputForm.from_range(0, 1, size=(16, 16)))
    images = np.zeros((2, 16, 16, 3), np.float32)
    activations(network, images, ["conv1"])
    (key,) = programs_of(network).keys
    activations(network, images, ["conv1"])
    assert programs_of(network).keys == (key,)
    for number in range(80):
        programs_of(network).get(number, lambda _: None)
    activations(network, images, ["pool1"])
    assert len(programs_of(network).keys) == 64


def test_arrays_and_files_are_resized_by_the_rule_of_the_form(network, tmp_path):
    """One pixel in each block of 4x4 is red: the nearest pixel is another one, the mean of a block is 1/16."""
    image = np.zeros((16, 16, 3), "float32")
    image[::4, ::4, 0] = 1
    Image.fromarray((image * 255).astype("uint8")).save(tmp_path / "a.png")
    for rule, red in (("area", 1 / 16), ("nearest", 0)):
        other = Network(network.model, dataclasses.replace(network.form, resize=rule))
        for given in ([image], image_folder(tmp_path)):
            found = activations(other, given, ["conv"])["conv"]
            np.testing.assert_allclose(found[0, ..., 0], np.full((4, 4), red), atol=1e-6)


def test_tokens_are_recorded_for_each_token():
    model = vision_transformer()
    network = Network(model, InputForm.from_range(0, 1, size=(16, 16)))
    images = np.random.default_rng(0).random((3, 16, 16, 3), dtype="float32")
    expected = np.asarray(keras.Model(model.input, model.get_layer("mlp1").output)(images))  # 16 patches, a class token
    found = activations(network, images, ["mlp1"], batch=2)["mlp1"]
    assert found.shape == (3, 17, 16)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(mean_responses(network, images, ["mlp1"])["mlp1"], expected.mean(axis=1), atol=1e-5)


def test_no_layers_are_refused(network):
    with pytest.raises(RecipeError, match="layers: none given"):
        list(iter_activations(network, enumerate(np.zeros((1, 4, 4, 3))), []))
