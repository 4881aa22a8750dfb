"""Tests of RISE against linear networks and a second implementation."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.attribution.methods.rise import Rise, random_masks
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import RecipeError
from dreamfilters.images.resizing import resize


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


def masks_of(seed, count, size, grid, shown):
    base = np.array([backend.seed_of("rise", seed)])
    return np.asarray(random_masks(backend.fold(base, np.arange(count)), size, grid, shown))


def test_it_converges_to_the_coefficients_of_a_linear_network(network_of):
    weights = np.array([[8, -4, 2], [1, 0, 0], [5, -3, -8]], "float32")
    model = keras.Sequential([layers.Input((3, 3, 1)), layers.Flatten(), layers.Dense(1, name="sum")])
    model.layers[-1].set_weights([weights.reshape(9, 1), np.float32([100])])
    image = np.array([[1, 0.25, 0.5], [1, 0.75, 1], [0, 1, 1]], "float32")
    expected = weights * (image - 0.5)  # 4, 1, 0, .5, 0, 0, -2.5, -1.5, -4
    network, errors = network_of(model), []
    for masks in (1000, 16_000):
        (heatmap,) = Rise(masks=masks, grid=3)(network, channel("sum", 0), image[None, ..., None])
        errors.append(np.abs(heatmap - expected).max())
        # the std of a slope: at most that of the score, |coefficients| / 2 = 3.4, over .5 and the root of the number
        assert errors[-1] < 4 * 6.8 / np.sqrt(masks)
    assert errors[1] < errors[0]


def test_a_value_is_the_least_squares_slope_of_the_score_on_the_mask(network, images):
    objective, method = logit(1) - logit(0), Rise(masks=150, grid=4, shown=0.4, fill="mean", seed=3)
    (heatmap,) = method(network, objective, images[:1])
    masks = masks_of(3, 150, (16, 16), 4, 0.4)
    fill = images[0].mean(axis=(0, 1))
    scores = Scorer(network, objective).scores(masks[..., None] * images[0] + (1 - masks[..., None]) * fill)
    for row, column in [(0, 0), (7, 9), (15, 3)]:
        slope, _ = np.polyfit(masks[:, row, column].astype("float64"), scores.astype("float64"), 1)
        assert heatmap[row, column] == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_masks_are_cells_enlarged_bilinearly_and_shifted():
    seeds = backend.fold(np.array([backend.seed_of("rise", 0)]), np.arange(20))
    masks = masks_of(0, 20, (14, 21), 7, 0.5)
    cells = np.asarray(backend.uniform(backend.fold(seeds, 0), (8, 8))) < 0.5
    shifts = np.floor(np.asarray(backend.uniform(backend.fold(seeds, 1), (2,))) * [2, 3]).astype(int)
    assert set(map(tuple, shifts)) == {(down, right) for down in range(2) for right in range(3)}
    for mask, cell, (down, right) in zip(masks, cells, shifts, strict=True):
        large = resize(cell.astype("float32"), (16, 24), "linear")
        np.testing.assert_allclose(mask, large[down : down + 14, right : right + 21], atol=1e-6)


def test_masks_show_the_given_share_of_every_pixel():
    masks = masks_of(0, 2000, (11, 11), 4, 0.3)
    assert masks.min() == 0
    assert masks.max() == 1
    np.testing.assert_allclose(masks.mean(axis=0), 0.3, atol=5 * 0.46 / np.sqrt(2000))


def test_an_image_has_the_same_bytes_alone_and_among_others(network, images):
    method = Rise(masks=70, grid=4)
    together = method(network, channel("conv2", 3), images)
    alone = [method(network, channel("conv2", 3), image[None]) for image in images]
    np.testing.assert_array_equal(np.concatenate(alone), together)
    assert not np.array_equal(Rise(masks=70, grid=4, seed=1)(network, channel("conv2", 3), images), together)


def test_the_size_of_the_batches_changes_nothing(network, images, monkeypatch):
    method = Rise(masks=50, grid=4)
    in_one = method(network, logit(1), images[:1])
    monkeypatch.setattr(Scorer, "batch_size", 12)  # 50 masks in 5 batches of 10
    np.testing.assert_allclose(method(network, logit(1), images[:1]), in_one, atol=1e-4)
    monkeypatch.setattr(Scorer, "batch_size", 16)  # 4 batches of 13: two masks too many do not count
    np.testing.assert_allclose(method(network, logit(1), images[:1]), in_one, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"masks": 1}, "masks=1: at least 2"),
        ({"grid": 0}, "grid=0: at least 1"),
        ({"shown": 1.0}, "shown=1.0: a probability between 0 and 1"),
        ({"fill": "noise"}, "fill='noise': 'gray'"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        Rise(**settings)


def test_a_grid_finer_than_the_image_is_refused(network, images):
    with pytest.raises(RecipeError, match=r"grid=17: more cells than the image has pixels, \(16, 16\)"):
        Rise(grid=17)(network, logit(1), images)


def test_it_is_registered():
    assert ATTRIBUTIONS["rise"] == Rise()
