"""Recorded activations are checked against maps that can be told by looking at the images."""

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


@pytest.fixture(scope="module")
def network():
    """Filter 0 sees red, filter 1 what red leaves to 1; then their means, weighted 10 and 20, as logits."""
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
    seen = activations(network, images, ["conv", LOGITS], batch=2)
    np.testing.assert_allclose(seen["conv"][..., 0], images[..., 0])
    np.testing.assert_allclose(seen["conv"][..., 1], 1 - images[..., 0])
    np.testing.assert_allclose(seen[LOGITS], [[2.5, 15], [5.3125, 9.375], [7.5, 5]], rtol=1e-6)  # 8.5 / 16 is .53125
    assert seen["conv"].dtype == np.float32


def test_the_batch_does_not_matter(network):
    images = reds(*np.linspace(0, 1, 7))
    whole = activations(network, images, ["dense"])["dense"]
    for batch in (1, 3, 7):
        np.testing.assert_allclose(activations(network, images, ["dense"], batch=batch)["dense"], whole, rtol=1e-6)


def test_mean_responses_are_the_means_of_the_maps(network):
    images = reds(0.0, 0.5)
    images[0, 0, 0, 0] = 1.0
    seen = mean_responses(network, images, ["conv", "dense"])
    np.testing.assert_allclose(seen["conv"], [[1 / 16, 15 / 16], [0.5, 0.5]])
    assert seen["dense"].shape == (2, 2)


def test_the_program_of_mean_responses_is_kept(network, monkeypatch):
    mean_responses(network, reds(0.0), ["pool"])
    monkeypatch.setattr(recording.backend, "compile", None)
    assert mean_responses(network, reds(0.5), ["pool"])["pool"].tolist() == [[0.5, 0.5]]


def test_images_are_brought_to_the_size_of_the_network(network):
    seen = activations(network, [reds(0.25)[0], reds(0.5, size=9)[0]], ["conv"])["conv"]
    np.testing.assert_allclose(seen[:, 0, 0, 0], [0.25, 0.5], rtol=1e-6)


def test_stream_reads_no_further_than_it_must(network):
    def endless():
        while True:
            yield reds(0.5)[0]

    batches = stream(network, endless(), ["pool"], batch=3)
    assert next(batches)["pool"].tolist() == [[0.5, 0.5]] * 3


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((reds(0.1), ["conf"]), UnknownNameError, "conf: .* Close names: conv"),
        (([], ["conv"]), ImageError, "no images"),
        ((reds(0.1)[..., :1], ["conv"]), InputFormError, "1 channels"),
        ((reds(0.1)[0], ["conv"]), ImageError, r"\(4, 3\)"),
    ],
)
def test_what_cannot_be_recorded_is_said(network, arguments, error, said):
    with pytest.raises(error, match=said):
        activations(network, *arguments)


def test_a_batch_holds_an_image(network):
    with pytest.raises(RecipeError, match="batch=0"):
        activations(network, reds(0.1), ["conv"], batch=0)


def test_unequal_images_need_a_network_with_a_size(network):
    anysize = Network(keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(1, 1)]), InputForm())
    with pytest.raises(ImageError, match=r"\(4, 4, 3\) and \(5, 5, 3\)"):
        activations(anysize, [reds(0.1)[0], reds(0.1, size=5)[0]], [anysize.layers[0].name])


def images(folder, *shares):
    for number, share in enumerate(shares):
        Image.new("RGB", (4, 4), (share, 0, 0)).save(folder / f"{number}.png")
    return image_folder(folder)


def test_images_are_recorded_and_bad_ones_left_out(network, tmp_path):
    found = images(tmp_path, 0, 51, 255)
    (tmp_path / "1.png").write_bytes(b"")
    seen = activations(network, found, ["conv"], batch=1)["conv"]
    assert seen[:, 0, 0, 0].tolist() == [0, 1]
    assert [path.name for path, _ in found.failures] == ["1.png"]


def test_images_take_the_size_and_channels_of_the_network(tmp_path):
    found = images(tmp_path, 255)
    layer = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")
    gray = Network(keras.Sequential([keras.Input((7, 5, 1)), layer]), InputForm(size=(7, 5), channels=1, order="gray"))
    seen = activations(gray, found, ["conv"])["conv"]
    assert seen.shape == (1, 7, 5, 1)
    np.testing.assert_allclose(seen, 0.299, rtol=1e-5)  # red as luma


def test_a_folder_without_readable_images_is_said(network, tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(ImageError, match="no images"):
        activations(network, image_folder(tmp_path), ["conv"])


def test_images_come_back_with_what_was_seen_of_them(network):
    pairs = zip((5, 3, 9), reds(0.25, 0.5, 0.75), strict=True)
    rows = iter_activations(network, pairs, ["conv"], batch=2)
    found = [(index, image[0, 0, 0], seen["conv"][0, 0, 0]) for index, image, seen in rows]
    assert found == [(5, 0.25, 0.25), (3, 0.5, 0.5), (9, 0.75, 0.75)]


def test_the_batch_fits_the_memory(network, monkeypatch):
    shapes = []
    monkeypatch.setattr(recording, "BATCH_BYTES", 3 * 4 * 4 * 4 * 2)  # three images' maps of float32
    monkeypatch.setattr(recording.backend, "tensor", lambda stack: shapes.append(stack.shape) or stack)
    seen = activations(network, reds(*np.linspace(0, 1, 7)), ["conv"])["conv"]
    assert [shape[0] for shape in shapes] == [3, 3, 3]
    np.testing.assert_allclose(seen[:, 0, 0, 0], np.linspace(0, 1, 7), rtol=1e-6)


def test_a_generator_of_images_has_no_length(network):
    seen = activations(network, (image for image in reds(0.25, 0.5)), ["pool"], batch=1)["pool"]
    np.testing.assert_allclose(seen[:, 0], [0.25, 0.5])


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


def test_images_and_images_are_resized_by_the_rule_of_the_form(network, tmp_path):
    """Of each 4x4 pixels only one is red: the nearest one of 16x16 misses it, their mean does not."""
    image = np.zeros((16, 16, 3), "float32")
    image[::4, ::4, 0] = 1
    Image.fromarray((image * 255).astype("uint8")).save(tmp_path / "a.png")
    for rule, red in (("area", 1 / 16), ("nearest", 0)):
        told = Network(network.model, dataclasses.replace(network.form, resize=rule))
        for given in ([image], image_folder(tmp_path)):
            seen = activations(told, given, ["conv"])["conv"]
            np.testing.assert_allclose(seen[0, ..., 0], np.full((4, 4), red), atol=1e-6)
