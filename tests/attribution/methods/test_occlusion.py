"""Tests of occlusion against drops worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.fills import fill_of
from dreamfilters.attribution.methods.occlusion import Occlusion
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import RecipeError


@pytest.fixture
def linear(network_of):
    """A function from weights (h, w) to the network of one unit, their sum with the pixels plus 3."""

    def made(weights):
        weights = np.asarray(weights, "float32")
        model = keras.Sequential([layers.Input((*weights.shape, 1)), layers.Flatten(), layers.Dense(1, name="sum")])
        model.layers[-1].set_weights([weights.reshape(-1, 1), np.float32([3])])
        return network_of(model)

    return made


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


def test_a_pixel_drops_by_its_weight_times_pixel_minus_fill(linear):
    network = linear([[8, -4], [2, 1]])
    image = np.array([[1, 0.5], [0.25, 0]], "float32")[None, ..., None]
    of_gray = Occlusion(window=0.5, stride=0.5)(network, channel("sum", 0), image)
    np.testing.assert_array_equal(of_gray, [[[4, 0], [-0.5, -0.5]]])  # 8 * (1 - .5), -4 * 0, 2 * -.25, 1 * -.5
    of_black = Occlusion(window=0.5, stride=0.5, fill="black")(network, channel("sum", 0), image)
    np.testing.assert_array_equal(of_black, [[[8, -2], [0.5, 0]]])


def test_a_pixel_has_the_mean_over_its_windows(linear):
    """2x3 pixels of value 1 and two windows of 2x2: the left one drops by (1 + 2 + 4 + 8) / 2, the right by 30 / 2."""
    image = np.ones((1, 2, 3, 1), "float32")
    heatmap = Occlusion(window=1, stride=0.5)(linear([[1, 2, 8], [4, 8, 12]]), channel("sum", 0), image)
    np.testing.assert_array_equal(heatmap, [[[7.5, 11.25, 15]] * 2])


def test_the_last_windows_end_at_the_edges():
    boxes = Occlusion(window=0.4, stride=0.3).boxes(10, 13)
    assert sorted(set(boxes[:, 0].tolist())) == [0, 3, 6]
    assert sorted(set(boxes[:, 1].tolist())) == [0, 3, 6, 9]
    np.testing.assert_array_equal(boxes[:, 2:] - boxes[:, :2], 4)


@pytest.mark.parametrize("fill", ["gray", "mean", "blur"])
def test_a_heatmap_equals_filling_one_window_after_the_other(network, images, fill):
    objective, method = logit(1) - logit(0), Occlusion(window=0.3, stride=0.2, fill=fill)
    heatmaps = method(network, objective, images)
    scorer = Scorer(network, objective)
    for image, heatmap in zip(images, heatmaps, strict=True):
        covering = [[] for _ in range(256)]
        for top, left, bottom, right in method.boxes(16, 16):
            filled = image.copy()
            filled[top:bottom, left:right] = fill_of(image, fill)[top:bottom, left:right]
            drop = scorer.scores(image[None])[0] - scorer.scores(filled[None])[0]
            for row in range(top, bottom):
                for column in range(left, right):
                    covering[16 * row + column].append(drop)
        expected = np.array([np.mean(drops) for drops in covering]).reshape(16, 16)
        np.testing.assert_allclose(heatmap, expected, atol=1e-5)


def test_an_image_has_the_same_bytes_alone_and_among_others(network, images):
    method: Attribution = Occlusion(window=0.4, stride=0.3)
    together = method(network, channel("conv2", 3), images)
    alone = [method(network, channel("conv2", 3), image[None]) for image in images]
    np.testing.assert_array_equal(np.concatenate(alone), together)


def test_the_size_of_the_batches_changes_nothing(network, images, monkeypatch):
    method = Occlusion(window=0.4, stride=0.3)
    in_one = method(network, logit(1), images[:1])
    monkeypatch.setattr(Scorer, "batch_size", 3)
    np.testing.assert_allclose(method(network, logit(1), images[:1]), in_one, atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # of the other library
def test_another_library_computes_the_same_drops(tiny, network, images):
    """Xplique adds up the drops of the windows over a pixel; here they are averaged."""
    peer = pytest.importorskip("xplique.attributions")
    linear = keras.models.clone_model(tiny)
    linear.set_weights(tiny.get_weights())
    linear.get_layer("classes").activation = keras.activations.linear
    method = Occlusion(window=0.25, stride=0.125)
    boxes = method.boxes(16, 16)
    covering = np.zeros((16, 16))
    for top, left, bottom, right in boxes:
        covering[top:bottom, left:right] += 1
    assert covering.max() == 4
    theirs = peer.Occlusion(linear, patch_size=4, patch_stride=2, occlusion_value=0.5)
    expected = np.asarray(theirs.explain(images, np.eye(3, dtype="float32")[[1, 1, 1]]))[..., 0] / covering
    np.testing.assert_allclose(method(network, logit(1), images), expected, atol=1e-4)


def test_fills_worked_by_hand():
    image = np.zeros((20, 20, 2), "float32")
    image[:10, :, 0] = 1
    assert fill_of(image, "gray").max() == fill_of(image, "gray").min() == 0.5
    np.testing.assert_array_equal(fill_of(image, "mean")[3, 4], [0.5, 0])
    blurred = fill_of(image, "blur")
    assert blurred.shape == image.shape
    # the edge becomes the normal distribution function, .5 - .1 of a std of 2 px beside it: Phi(.25) = .599
    np.testing.assert_allclose(blurred[9, 5], [0.599, 0], atol=0.01)
    np.testing.assert_allclose(blurred[0, 0], [1, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 1.5}, r"window=1.5: must be above 0 and at most 1, the shorter side"),
        ({"window": 0.0}, r"window=0.0: must be above 0"),
        ({"window": float("nan")}, r"window=nan: must be above 0"),
        ({"stride": 0.3}, r"stride=0.3: at most window=0.2, or windows leave pixels out"),
        ({"fill": "white"}, r"fill='white': 'gray', 'black', 'mean' or 'blur'"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        Occlusion(**settings)


def test_it_is_registered():
    assert ATTRIBUTIONS["occlusion"] == Occlusion()
