import dataclasses

import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from dreamfilters.errors import ImageError, InputFormError
from dreamfilters.networks.preprocessing.input_form import InputForm, equalized, standardized
from tests.batch_independence import any_batch_size


def pixel(*values):
    return np.array(values, "float32").reshape(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("form", "image", "expected"),
    [
        (InputForm.from_range(0, 255), (0, 0.5, 1), (0, 127.5, 255)),
        (InputForm.from_range(-1, 1), (0, 0.5, 1), (-1, 0, 1)),
        (InputForm.from_range(0, 255, order="BGR"), (0, 0.5, 1), (255, 127.5, 0)),
        (InputForm(scale=255.0, mean=(100.0, 110.0, 120.0), order="BGR"), (1, 0, 0), (-100, -110, 135)),
        (InputForm(mean=(0.5,), std=(0.25,)), (0, 0.5, 1), (-2, 0, 2)),
        (InputForm.from_range(0, 1, channels=1), (0.25,), (0.25,)),
        (InputForm.from_range(0, 2, channels=2), (0.25, 1), (0.5, 2)),
        (InputForm.from_range(0, 1, channels=4), (0, 0.1, 0.2, 1), (0, 0.1, 0.2, 1)),
    ],
)
def test_images_become_the_input(form, image, expected):
    np.testing.assert_allclose(np.asarray(form.to_input(pixel(*image))).ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        InputForm.from_range(-3, 5),
        InputForm(scale=255.0, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0), order="BGR"),
        InputForm(channels=2, order="channels", mean=(0.5, 0.25)),
    ],
)
def test_the_box_holds_the_inputs_of_black_and_white(form):
    """Black and white are the same in each channel, so the order does not matter."""
    low, high = form.box()
    np.testing.assert_allclose(np.asarray(form.to_input(np.zeros((1, 1, 1, form.channels)))).ravel(), low, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(form.to_input(np.ones((1, 1, 1, form.channels)))).ravel(), high, rtol=1e-6)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (InputForm.from_range(0, 1, size=(48, 32)), "48x32 RGB, 0 to 1"),
        (InputForm.from_range(-1, 1, channels=1), "anyxany gray, -1 to 1"),
        (InputForm.from_range(0, 255, channels=4, size=(8, 8)), "8x8 RGB and alpha, 0 to 255"),
        (InputForm.from_range(0, 1, channels=2, size=(8, 8)), "8x8 gray and alpha, 0 to 1"),
        (InputForm.from_range(0, 1, channels=5, size=(8, 8)), "8x8 5 channels, 0 to 1"),
        (InputForm((8, 8), 1, order="equalized"), "8x8 equalized gray, 0 to 1"),
        (InputForm((8, 8), scale=255.0, standardized=True), "8x8 RGB, each image standardized"),
        (
            InputForm((8, 8), scale=255.0, mean=(103.5, 116.0, 123.0), order="BGR"),
            "8x8 BGR, 0 to 255 less 103.5/116/123 divided by 1",
        ),
    ],
)
def test_descriptions_of_input_forms(form, line):
    assert form.describe() == line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": "RBG"}, "order='RBG': one of RGB, BGR, gray, equalized, channels"),
        ({"channels": 1}, "order='RGB': has 3 channels, the network's input has 1"),
        ({"mean": (1.0, 2.0)}, r"mean=\[1.0, 2.0\]: 2 numbers; give 1 or 3"),
        ({"std": (0.0,)}, r"std=\[0.0\]: must be above 0"),
        ({"scale": -1.0}, "scale=-1.0: must be above 0"),
        ({"mean": (float("nan"),)}, "must be finite"),
        ({"resize": "cubic"}, "resize='cubic': one of bicubic, bilinear, linear, nearest, area"),
        ({"size": (0, 4)}, r"size=\[0, 4\]"),
    ],
)
def test_invalid_input_forms_are_refused(changes, words):
    with pytest.raises(InputFormError, match=words):
        dataclasses.replace(InputForm(), **changes)


def test_a_range_must_rise():
    with pytest.raises(InputFormError, match=r"range=\[1, 0\]: the second number must be above the first"):
        InputForm.from_range(1, 0)


def test_images_of_other_channels_are_refused():
    with pytest.raises(InputFormError, match="images of 1 channels: the network takes anyxany RGB"):
        InputForm().to_input(pixel(0.5))


def test_a_form_in_another_range_keeps_the_rest():
    form = InputForm((8, 8), scale=255.0, standardized=True, order="BGR", resize="area")
    assert form.in_range(-1, 1) == InputForm((8, 8), scale=2.0, mean=(1.0,), order="BGR", resize="area")


def test_an_image_is_equalized_before_and_standardized_after_it_is_scaled():
    image = np.array([0.25, 0.25, 0.5, 0.75], "float32").reshape(1, 2, 2, 1)
    equal = InputForm((2, 2), 1, scale=2.0, mean=(1.0,), order="equalized").to_input(image)
    np.testing.assert_allclose(np.asarray(equal).ravel(), [-1, -1, 2 * 128 / 255 - 1, 1], atol=1e-6)
    alone = InputForm((2, 2), 1, scale=255.0, order="gray", standardized=True).to_input(image)
    spread = np.sqrt(np.mean(np.square([0.1875, 0.1875, 0.0625, 0.3125])))
    np.testing.assert_allclose(
        np.asarray(alone).ravel(), np.array([-0.1875, -0.1875, 0.0625, 0.3125]) / spread, rtol=1e-5
    )


def test_no_standardized_image_leaves_its_box():
    """The farthest is one bright pixel in the dark: n - 1 of a number and 1 of another give the root of n - 1."""
    form = InputForm((4, 4), 1, scale=255.0, order="gray", standardized=True)
    image = np.zeros((1, 4, 4, 1), "float32")
    image[0, 1, 2] = 1
    assert float(np.asarray(form.to_input(image)).max()) == pytest.approx(np.sqrt(15))
    assert form.box() == ((-4.0,), (4.0,))
    with pytest.raises(InputFormError, match="standardized images have no bounds"):
        InputForm(standardized=True).box()


def test_fit_resizes_by_the_forms_rule():
    """One pixel in each block of 4x4 is white: the nearest pixel misses it, the mean of the block does not."""
    image = np.zeros((16, 16, 1))
    image[::4, ::4] = 1
    for rule, value in (("area", 1 / 16), ("nearest", 0)):
        fitted = InputForm(size=(4, 4), channels=1, order="gray", resize=rule).fit(image)
        np.testing.assert_allclose(fitted, np.full((4, 4, 1), value), atol=1e-6)


def test_fit_keeps_sides_of_any_length_and_needs_three_axes():
    assert InputForm(size=(None, 5)).fit(np.zeros((7, 9, 3))).shape == (7, 5, 3)
    with pytest.raises(ImageError, match=r"an image of shape \(4, 4\): must be \(h, w, c\)"):
        InputForm().fit(np.zeros((4, 4)))


def levels(*rows):
    """One gray image of these levels in 0..255."""
    return backend.tensor(np.array(rows, "float32")[None, ..., None] / 255)


def as_levels(image):
    return np.rint(np.asarray(image)[0, ..., 0] * 255).tolist()


def test_levels_are_spread_by_hand():
    """Of 8 pixels 3 are darkest: 5 are left, and each other level becomes 255 times its share of these."""
    assert as_levels(equalized(levels([10, 10, 10, 20], [20, 30, 30, 40]))) == [[0, 0, 0, 102], [102, 204, 204, 255]]


def test_halves_are_rounded_to_even_as_by_opencv():
    # two pixels of 256 are darkest, so a share is n * 255 / 254; n = 127 gives 127.5
    rising = [0, *range(255)]
    assert as_levels(equalized(levels(rising)))[0][:3] == [0, 0, 1]
    assert as_levels(equalized(levels(rising)))[0][128] == 128


def test_an_image_of_one_level_is_unchanged():
    assert as_levels(equalized(levels([77, 77], [77, 77]))) == [[77, 77], [77, 77]]


def test_each_image_is_equalized_alone():
    both = np.concatenate([levels([0, 1]), levels([200, 250])])
    assert (np.asarray(equalized(backend.tensor(both))) * 255).ravel().tolist() == [0, 255, 0, 255]


def test_the_gradient_of_equalization_is_the_identity():
    def score(image):
        return (equalized(image) * weights)[0, 0, 0, 0], ()

    weights = backend.tensor(np.full((1, 1, 2, 1), 3.0, "float32"))
    _, gradient = backend.value_and_gradient(score)(levels([10, 20]))
    assert np.asarray(gradient).ravel().tolist() == [3.0, 0.0]


def test_standardized_by_hand():
    """2, 4, 4, 6: mean 4, std the root of 2."""
    image = np.array([2.0, 4.0, 4.0, 6.0], "float32").reshape(1, 2, 2, 1)
    expected = np.array([-2, 0, 0, 2]) / np.sqrt(2)
    np.testing.assert_allclose(np.asarray(standardized(backend.tensor(image))).ravel(), expected, rtol=1e-6)


def test_a_uniform_image_becomes_zero():
    assert not np.asarray(standardized(backend.tensor(np.full((2, 3, 3, 3), 7.0, "float32")))).any()


@any_batch_size
@pytest.mark.parametrize("shape", [(32, 32, 3), (15, 7, 2)])
def test_an_image_and_its_gradient_are_the_same_to_the_byte_in_any_batch(shape):
    def look(images):
        def score(x):
            shown = standardized(x)
            return ops.sum(shown * x * x), shown

        (_, shown), gradient = backend.value_and_gradient(score)(images)
        return shown, gradient

    images = backend.tensor(np.random.default_rng(0).random((33, *shape), "float32") * 255)
    compiled = backend.compile(look)
    whole = compiled(images)
    for count in (1, 2, 17):
        for part, all_of_it in zip(compiled(images[:count]), whole, strict=True):
            assert np.array_equal(np.asarray(part), np.asarray(all_of_it)[:count])
