import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from dreamfilters.networks.preprocessing.per_image_normalization import equalized, standardized


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


def test_an_image_of_one_level_stays_as_it_is():
    assert as_levels(equalized(levels([77, 77], [77, 77]))) == [[77, 77], [77, 77]]


def test_each_image_is_equalized_by_itself():
    both = np.concatenate([levels([0, 1]), levels([200, 250])])
    assert (np.asarray(equalized(backend.tensor(both))) * 255).ravel().tolist() == [0, 255, 0, 255]


def test_the_gradient_passes_as_if_nothing_were_done():
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


def test_an_even_image_becomes_nothing():
    assert not np.asarray(standardized(backend.tensor(np.full((2, 3, 3, 3), 7.0, "float32")))).any()


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
