from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.compiled_step import build, where
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.optimizers import Sign
from dreamfilters.dreams.parameterizations import Canvas, Pixels
from dreamfilters.dreams.penalties import L2, Decay
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import Shift, Views
from dreamfilters.errors import TargetError
from dreamfilters.networks import InputForm, Network

CANVAS = Canvas(4, 4, priors.neutral(1))


@pytest.fixture(scope="module")
def sums():
    """Filter 0 is 2 x + 1, filter 1 is -x, for x in -1..1."""
    model = keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Conv2D(2, 1, activation="relu", name="conv")], name="sums"
    )
    model.layers[0].set_weights([np.array([[[[2.0, -1.0]]]], "float32"), np.array([1.0, 0.0], "float32")])
    return Network(model, InputForm.from_range(-1, 1, size=(4, 4), channels=1), name="sums")


def run(program, pixels, wanted, step=0):
    state = program.start_from({"pixels": backend.tensor(np.asarray(pixels, "float32"))})
    state, scores, alive = program.steps(state, np.arange(len(pixels), dtype="uint64"), wanted, step, step + 1)
    assert alive[0].tolist() == np.asarray(state["alive"]).tolist()
    return np.asarray(state["params"]["pixels"]), scores[0], alive[0]


def images(*values):
    """Return the z of uniform gray images: logit(value)."""
    gray = np.log(np.asarray(values) / (1 - np.asarray(values)))
    return np.broadcast_to(gray[:, None, None, None], (len(values), 4, 4, 1)).astype("float32")


def test_a_step_by_hand(sums):
    """x = 2 * .75 - 1 = .5, so filter 0 scores 2; its ascent brightens by the rate, that of filter 1 at .25 darkens."""
    recipe = Recipe(Pixels(), (), optimizer=Sign(rate=0.01), steps=1)
    goal = channel("conv", [0, 1])
    pixels, scores, alive = run(build(sums, goal, recipe, CANVAS), images(0.75, 0.25), goal.wanted)
    assert scores == pytest.approx([2.0, 0.5], rel=1e-5)
    assert pixels == pytest.approx(images(0.75, 0.25) + np.array([0.01, -0.01])[:, None, None, None], abs=1e-6)
    assert alive.tolist() == [True, True]


def test_a_penalty_can_reverse_the_step(sums):
    """d score / dx = 4 and d penalty / dx = 2 * 20 * .25 = 10 per sixteenth of a pixel: the penalty is larger."""
    recipe = Recipe(Pixels(), (), (L2(20.0),), optimizer=Sign(rate=0.01), steps=1)
    goal = channel("conv", [0])
    pixels, scores, _ = run(build(sums, goal, recipe, CANVAS), images(0.75), goal.wanted)
    assert scores == pytest.approx([2.0], rel=1e-5)  # the score excludes the penalty
    assert pixels == pytest.approx(images(0.75) - 0.01, abs=1e-6)


def test_views_are_averaged_and_edits_follow_the_step(sums):
    recipe = Recipe(Pixels(), (Views(3),), (), (Decay(0.5),), optimizer=Sign(rate=0.01), steps=1)
    goal = channel("conv", [0, 1])
    pixels, scores, _ = run(build(sums, goal, recipe, CANVAS), images(0.75, 0.25), goal.wanted)
    assert scores == pytest.approx([2.0, 0.5], rel=1e-5)
    assert pixels == pytest.approx(0.5 * (images(0.75, 0.25) + np.array([0.01, -0.01])[:, None, None, None]), abs=1e-6)


def test_a_schedule_scales_the_move(sums):
    recipe = Recipe(Pixels(), (), optimizer=Sign(rate=0.01), schedule="linear", steps=4)
    goal = channel("conv", [0])
    pixels, _, _ = run(build(sums, goal, recipe, CANVAS), images(0.75), goal.wanted, step=3)
    assert pixels == pytest.approx(images(0.75) + 0.0025, abs=1e-6)


def test_an_inactive_filter_is_raised_before_its_relu(sums):
    """Filter 1 is -.5 before its ReLU and 0 after it; the step darkens the image, and the score is 0."""
    recipe = Recipe(Pixels(), (), optimizer=Sign(rate=0.01), steps=1)
    goal = channel("conv", [1, 0])
    pixels, scores, _ = run(build(sums, goal, recipe, CANVAS), images(0.75, 0.75), goal.wanted)
    assert pixels == pytest.approx(images(0.75, 0.75) + np.array([-0.01, 0.01])[:, None, None, None], abs=1e-6)
    assert scores == pytest.approx([0.0, 2.0])


def test_a_relaxed_step_passes_an_inactive_relu_of_another_layer():
    """The first layer is 0 on every gray below 1, so no gradient passes it."""
    model = keras.Sequential([layers.Input((4, 4, 1)), layers.Conv2D(1, 1, activation="relu", name="first")])
    model.add(layers.Conv2D(1, 1, activation="relu", name="second"))
    for layer, (kernel, bias) in zip(model.layers, ((1.0, -1.0), (1.0, -0.5)), strict=True):
        layer.set_weights([np.full((1, 1, 1, 1), kernel, "float32"), np.array([bias], "float32")])
    goal, recipe = channel("second", [0]), Recipe(Pixels(), (), optimizer=Sign(rate=0.01), steps=1)
    network = Network(model, InputForm.from_range(0, 1, size=(4, 4), channels=1))
    program = build(network, goal, recipe, CANVAS)
    plain, scores, _ = run(program, images(0.5), goal.wanted)
    assert (plain.tolist(), scores) == (images(0.5).tolist(), [0])
    activated, scores, _ = run(replace(program, steps=program.relaxed_steps), images(0.5), goal.wanted)
    assert activated == pytest.approx(images(0.5) + 0.01, abs=1e-6)
    assert scores == [0]


def test_a_row_that_is_not_finite_is_not_updated(sums):
    recipe = Recipe(Pixels(), (), optimizer=Sign(rate=0.01), steps=1)
    goal = 1.0 * channel("conv", [0, 0])
    wanted = (np.array([np.inf, 1.0], "float32"), goal.wanted[1])
    pixels, scores, alive = run(build(sums, goal, recipe, CANVAS), images(0.75, 0.75), wanted)
    assert alive.tolist() == [False, True]
    assert scores.tolist() == pytest.approx([np.inf, 2.0])
    assert np.array_equal(pixels[0], images(0.75)[0])
    assert pixels[1] == pytest.approx(images(0.75)[0] + 0.01, abs=1e-6)


def test_the_score_is_that_of_the_image_in_the_input_form(sums):
    goal = channel("conv", [0, 1])
    score = build(sums, goal, Recipe(Pixels(), ()), CANVAS).score
    grays = backend.tensor(np.broadcast_to(np.array([1.0, 0.0])[:, None, None, None], (2, 4, 4, 1)).astype("float32"))
    assert np.asarray(score(grays, goal.wanted)).tolist() == [3.0, 1.0]  # 2 * 1 + 1 at white, -(-1) at black


def test_small_motions_change_nothing_on_a_flat_image(sums):
    goal = channel("conv", [0])
    program = build(sums, goal, Recipe(Pixels(), ()), CANVAS)
    flat = backend.tensor(np.full((1, 4, 4, 1), 0.75, "float32"))
    assert program.robust_score(flat, np.array([7], "uint64"), goal.wanted) == pytest.approx([2.0], rel=1e-5)


def test_where_selects_rows():
    new, old = {"a": np.ones((3, 2), "float32")}, {"a": np.zeros((3, 2), "float32")}
    chosen = np.asarray(where(backend.tensor([True, False, True]), new, old)["a"])
    assert chosen.tolist() == [[1, 1], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        (channel("conv2", [99]), "conv2:99: conv2 of tiny has 8 filters, 0 to 7"),
        (channel("conv2", [0]) + logit([7]), "class 7: tiny has 3 classes, 0 to 2"),
    ],
)
def test_unknown_units_are_refused(goal, message, network):
    with pytest.raises(TargetError, match=message):
        build(network, goal, Recipe(), Canvas(16, 16, priors.neutral(3)))


def layer_mean(network, name, image):
    """Return the mean of one filter's map in float32, by the layer itself."""
    layer, _, unit = name.partition(":")
    model = keras.Model(network.model.inputs, network.model.get_layer(layer).output)
    return float(np.asarray(model(network.to_input(backend.tensor(image[None]))))[0, ..., int(unit)].mean())


@pytest.mark.parametrize("views", [(), (Views(2),)], ids=["one view", "two views"])
def test_steps_in_bfloat16_are_judged_in_float32(network, views):
    """The curve is that of bfloat16, every other score that of the image in float32."""
    recipe = Recipe(transforms=(Shift(1.0), *views), steps=16)
    exact = dream(network, "conv2:0-3", recipe, seed=2)
    rounded = dream(network, "conv2:0-3", replace(recipe, precision="bfloat16"), seed=2)
    for one, other in zip(exact, rounded, strict=True):
        assert other.score == pytest.approx(layer_mean(network, other.name, other.image), rel=1e-5)
        assert one.start == other.start  # of the same noise
        assert other.history[0] == pytest.approx(one.history[0], rel=0.02, abs=1e-3)
        assert other.history[0] != one.history[0] or one.history[0] == 0
        assert other.score == pytest.approx(one.score, rel=0.1)


def test_the_device_decides_the_precision_that_a_recipe_leaves_open(network):
    recipe = Recipe(steps=4)
    with backend.executing(precision="bfloat16"):
        by_device = dream(network, "conv2:0", recipe, seed=2)[0]
        exact = dream(network, "conv2:0", replace(recipe, precision="float32"), seed=2)[0]
    by_recipe = dream(network, "conv2:0", replace(recipe, precision="bfloat16"), seed=2)[0]
    assert by_device.image.tobytes() == by_recipe.image.tobytes()
    assert exact.image.tobytes() == dream(network, "conv2:0", recipe, seed=2)[0].image.tobytes()
    assert exact.image.tobytes() != by_device.image.tobytes()


class OnlyFloat32(layers.Layer):
    """As a layer with a kernel of its own for one type."""

    def call(self, x):
        if keras.backend.standardize_dtype(x.dtype) != "float32":
            raise TypeError("float32 only")
        return x


def test_a_network_that_refuses_bfloat16_takes_its_steps_in_float32(network_of, fill):
    model = keras.Sequential([layers.Input((16, 16, 3)), OnlyFloat32(name="own"), layers.Conv2D(2, 3, name="conv")])
    network, recipe = network_of(fill(model)), Recipe(steps=4)
    exact = dream(network, "conv:0", recipe, seed=2)[0]
    asked = dream(network, "conv:0", replace(recipe, precision="bfloat16"), seed=2)[0]
    assert asked.image.tobytes() == exact.image.tobytes()
