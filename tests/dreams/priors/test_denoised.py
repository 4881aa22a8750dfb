"""The steps from noise to an image, against the same steps in NumPy, and dreams of all kinds of goals by them."""

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters import backend
from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors import neutral
from dreamfilters.dreams.priors.denoised import Denoised
from dreamfilters.dreams.priors.denoiser import denoised, initial_weights
from dreamfilters.dreams.priors.denoiser_weights import Architecture
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import from_values, read_recipe
from dreamfilters.errors import RecipeError
from tests.dreams.priors.test_learned_prior import RECORD

QUICK = read_recipe("learned", settings=["steps=5", "transforms.views.views=2"])


def prior(side=8, channels=3, seed=0):
    architecture, rng = Architecture(channels), np.random.default_rng(seed)
    weights = initial_weights(architecture, seed)
    weights["leave.kernel"] = rng.normal(0, 0.1, architecture.shapes["leave.kernel"]).astype("float32")
    return LearnedPrior(
        "own", (side, side), architecture, RECORD, weights,
        sample=rng.integers(0, 256, (40, side, side, channels), "uint8"),
        thumbnails=rng.integers(0, 256, (40, 8, 8, channels), "uint8"),
    )  # fmt: skip


def on(height, width, learned):
    """A canvas with this prior."""
    return Canvas(height, width, neutral(learned.channels), learned)


SEEDS = backend.tensor(np.arange(3, dtype="uint64"))


def test_levels_fall_to_the_least_and_then_to_zero():
    levels = Denoised().levels(80)
    assert (levels[0], levels[-2], levels[-1]) == (pytest.approx(20), pytest.approx(0.03), 0)
    assert np.all(np.diff(levels) < 0)
    assert np.diff(levels[:-1] ** 0.2, 2) == pytest.approx(0, abs=1e-5)  # sigma^(1/5) falls linearly
    assert Denoised().levels(1).tolist() == [20, 0]
    with pytest.raises(RecipeError, match=r"sigma_min=3: must be at most sigma_max=2"):
        Denoised(sigma_max=2, sigma_min=3)


def test_the_start_is_noise_of_the_highest_level():
    params = Denoised(sigma_max=10.0).start(SEEDS, on(16, 16, prior()))
    assert np.asarray(params["noisy"]).std() == pytest.approx(10, rel=0.1)
    assert np.asarray(params["sigma"]).reshape(-1).tolist() == [10] * 3


def test_without_moves_the_steps_are_those_of_euler():
    """In NumPy: d = (x - D(x)) / sigma, x + (next - sigma) * d (Karras et al. 2022, algorithm 1)."""
    how, canvas, steps = Denoised(churn=0.0), on(8, 8, prior()), 6
    params = how.start(SEEDS, canvas)
    x, levels = np.asarray(params["noisy"], "float64"), how.levels(steps)
    for number in range(steps):
        move = {"noisy": np.zeros_like(x, "float32"), "sigma": params["sigma"]}
        params = how.moved(params, move, canvas, SEEDS, backend.tensor(np.int32(number)), steps)
        sigma = np.full((3, 1, 1, 1), levels[number], "float32")
        clean = np.asarray(denoised(canvas.learned.weights, x.astype("float32"), sigma))
        x = x + (levels[number + 1] - levels[number]) * (x - clean) / levels[number]
        np.testing.assert_allclose(params["noisy"], x, atol=1e-3)
    assert np.asarray(params["sigma"]).max() == 0
    np.testing.assert_allclose(how.to_image(params, canvas), np.clip(x / 2 + 0.5, 0, 1), atol=1e-3)


def test_a_move_is_limited_and_ends_in_the_image():
    """In the last step the image is what the denoiser expects plus the move, times sigma, of rms at most .5."""
    how, canvas = Denoised(sigma_max=0.8, sigma_min=0.4), on(8, 8, prior())
    params = how.start(SEEDS, canvas)
    clean = 2 * np.asarray(how.to_image(params, canvas)) - 1
    for length, expected in ((0.1, 0.08), (40.0, 0.5)):
        move = {"noisy": np.full(clean.shape, length, "float32"), "sigma": params["sigma"]}
        moved = how.moved(params, move, canvas, SEEDS, backend.tensor(np.int32(0)), 1)
        inside = np.abs(clean) < 0.99  # the image is clipped, the parameters are not
        np.testing.assert_allclose((np.asarray(moved["noisy"]) - clean)[inside], expected, atol=1e-3)


def test_replaced_noise_keeps_the_level():
    how, canvas = Denoised(sigma_max=10.0, sigma_min=9.0, churn=0.5), on(32, 32, prior(32))
    params = how.start(SEEDS, canvas)
    move = {name: np.zeros_like(value) for name, value in params.items()}
    after = how.moved(params, move, canvas, SEEDS, backend.tensor(np.int32(0)), 2)
    clean = denoised(canvas.learned.weights, params["noisy"], params["sigma"])
    noise, before = np.asarray(after["noisy"] - clean), np.asarray(params["noisy"] - clean)
    assert noise.std() == pytest.approx(9, rel=0.05)
    correlation = np.corrcoef(noise.ravel(), before.ravel())[0, 1]
    assert correlation == pytest.approx(1 / 1.5, abs=0.03)  # what is kept of it


def test_an_image_is_enlarged_to_the_canvas_and_its_gradient_passes_the_ends():
    how = Denoised()
    canvases = on(8, 8, prior()), on(20, 12, prior())
    small, large = (np.asarray(how.to_image(how.start(SEEDS, canvas), canvas)) for canvas in canvases)
    assert large.shape == (3, 20, 12, 3)
    assert large.mean(axis=(1, 2)) == pytest.approx(small.mean(axis=(1, 2)), abs=0.03)
    canvas = on(8, 8, prior())
    params = {
        "noisy": backend.tensor(np.full((1, 8, 8, 3), 9.0, "float32")),
        "sigma": np.zeros((1, 1, 1, 1), "float32"),
    }

    def brightness(params):
        return backend.row_sums(how.to_image(params, canvas))[0], ()

    (value, _), slope = backend.value_and_gradient(brightness)({**params, "sigma": backend.tensor(params["sigma"])})
    assert float(value) == 8 * 8 * 3  # white
    assert np.asarray(slope["noisy"]) == pytest.approx(0.5)
    assert np.asarray(slope["sigma"]).max() == 0


@pytest.mark.slow
def test_every_kind_of_goal_is_dreamed_alike_alone_and_in_a_batch(network):
    own = prior()
    targets = ["conv2:3", "conv2:0", "class:1", "conv1:2@3,4 - 0.5*conv2:2"]
    together = df.dream(network, targets, QUICK, prior=own, seed=2, batch=2)
    for target, one in zip(targets, together, strict=True):
        alone = df.dream(network, target, QUICK, prior=own, seed=2)[0]
        assert np.array_equal(alone.image, one.image), target
        assert one.image.shape == (16, 16, 3)
        assert one.steps % 5 == 0


def test_the_last_image_is_the_dream(network):
    """The image of an earlier step is blurred; without a move, the last one is the sampler's, whatever it scores."""
    how = QUICK.parameterization
    still = from_values({**QUICK.as_values(), "optimizer": {"kind": "normalized", "rate": 1e-9}})
    found = df.dream(network, "conv2:0", still, prior=prior(), seed=2, frames=5)[0]
    assert np.array_equal(found.image, found.frames[-1])
    assert isinstance(how, Denoised)


def test_priors_of_the_wrong_kind_are_refused(network):
    with pytest.raises(RecipeError, match=r"recipe learned: needs a learned prior; train one with `dreamfilters prior"):
        df.dream(network, "conv2:0", "learned")
    with pytest.raises(RecipeError, match="recipe learned: needs a learned prior"):
        df.dream(network, "conv2:0", "learned", prior=df.measure_prior(np.random.default_rng(0).random((9, 8, 8, 3))))
    with pytest.raises(
        RecipeError, match="recipe standard: uses colors and spectrum only; a learned prior is for recipe"
    ):
        df.dream(network, "conv2:0", "standard", prior=prior())
    with pytest.raises(RecipeError, match=r"prior own: has 1 color channels, images of .* have 3"):
        canvas_of(network, QUICK, prior(channels=1))
    with pytest.raises(RecipeError, match="denoised: cannot start from an image"):
        df.dream(network, "conv2:0", QUICK, prior=prior(), start=np.zeros((16, 16, 3)))
