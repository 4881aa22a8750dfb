"""Fallbacks: which of them activates a unit, what the dream says of it, and that batches do not change it."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.dreams.ascent import fallbacks
from dreamfilters.dreams.ascent.batches import Batches
from dreamfilters.dreams.ascent.fallbacks import PIXELS, PIXELS_NOTE
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import CPPN, Fourier, Phase, Pixels
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.dreams.transforms import Noise, Shift
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS, InputForm, Network
from dreamfilters.verdicts.audit import audit
from tests.batch_independence import any_batch_size
from tests.thorough import first

STEPS = 4


def by_hand(network_of, *filters):
    """One 1x1 convolution after the other on 8x8 RGB, each with a ReLU: (kernel, bias) of each."""
    model = keras.Sequential([layers.Input((8, 8, 3))], name="byhand")
    for number, (kernel, bias) in enumerate(filters, 1):
        kernel, bias = np.asarray(kernel, "float32"), np.asarray(bias, "float32")
        model.add(layers.Conv2D(len(bias), 1, activation="relu", name=f"conv{number}"))
        model.layers[-1].set_weights([kernel[None, None], bias])
    return network_of(model)


GRAY = Recipe(Pixels(), (), steps=24)  # starts at gray, .5 +- .025


def test_a_filter_that_is_0_on_gray_is_activated_by_its_pre_activation(network_of):
    """Filter 0 is above 0 where r + g + b is above 2.4, filter 1 everywhere; gray has 1.5."""
    network = by_hand(network_of, (np.array([[1, 1], [1, 1], [1, 1]]), [-2.4, 0.0]))
    inactive, active = dream(network, "conv1:0-1", GRAY)
    assert inactive.start == 0
    assert (inactive.activated, inactive.recovered_by, inactive.attempts) == (
        True,
        "pre-activation",
        ("pre-activation",),
    )
    assert inactive.score > 0.3
    assert inactive.steps == GRAY.steps
    assert inactive.history[0] == 0
    assert len(inactive.history) == GRAY.steps
    assert (active.activated, active.recovered_by, active.steps) == (True, "", GRAY.steps)
    # each is the same without the other
    assert dream(network, "conv1:1", GRAY)[0].image.tobytes() == active.image.tobytes()
    assert dream(network, "conv1:0", GRAY)[0].image.tobytes() == inactive.image.tobytes()


def test_a_recovered_image_has_frames_and_transparency(network_of):
    network = by_hand(network_of, (np.array([[1, 1], [1, 1], [1, 1]]), [-2.4, 0.0]))
    recipe = Recipe(Pixels(), (), steps=24, transparency=True)
    inactive, active = dream(network, "conv1:0-1", recipe, frames=2)
    assert (inactive.recovered_by, active.recovered_by) == ("pre-activation", "")
    for one in (inactive, active):
        assert len(one.frames) == 2
        assert np.abs(one.frames[-1] - 0.5).mean() > 0.2  # no longer gray
        assert one.transparency.max() == 1


def test_a_filter_after_an_inactive_layer_is_activated_by_the_relaxed_gradient(network_of):
    """No gradient passes conv1, so the pre-activation of conv2 has none either."""
    network = by_hand(network_of, (np.ones((3, 1)), [-2.4]), (np.ones((1, 1)), [-0.1]))
    one = dream(network, "conv2:0", GRAY)[0]
    assert (one.start, one.activated, one.recovered_by) == (0, True, "relaxed gradient")
    assert one.attempts == ("pre-activation", "relaxed gradient")
    assert one.score > 0.2
    assert one.steps == 2 * GRAY.steps


def test_a_dead_filter_is_reported_as_not_activated(network_of):
    network = by_hand(network_of, (np.array([[0, 1], [0, 1], [0, 1]]), [-1.0, 0.0]))
    dead, active = dream(network, "conv1:0-1", Recipe(Pixels(), (), steps=STEPS))
    assert not dead.activated
    assert (dead.score, dead.start, dead.recovered_by) == (0, 0, "")
    assert "not activated" in dead.note
    assert "also tried pre-activation, relaxed gradient, another seed, pixels, map maximum" in dead.note
    assert dead.attempts == ("pre-activation", "relaxed gradient", "another seed", PIXELS)
    assert active.attempts == ()
    assert dead.steps == 3 * STEPS + 64 + 16  # pixels, then pixels by the relaxed gradient
    assert "not activated" in repr(dead)
    assert active.activated
    assert "not activated" not in repr(active)


def test_an_image_is_recovered_alike_alone_and_in_a_batch(network_of):
    """Filter 0 is activated in the 16 relaxed steps; 1, which needs 18, must not gain from further steps of 0."""
    network = by_hand(network_of, (np.ones((3, 2)), [-2.4, -2.55]), (np.eye(2), [-0.01, -0.01]))
    recipe = Recipe(Pixels(), (), optimizer=Adam(0.1), steps=20)
    together = dream(network, "conv2:0-1", recipe)
    assert [one.recovered_by for one in together] == ["relaxed gradient", PIXELS]
    for one in together:
        alone = dream(network, one.name, recipe)[0]
        assert (alone.activated, alone.recovered_by, alone.steps, alone.note) == (
            one.activated,
            one.recovered_by,
            one.steps,
            one.note,
        )
        assert alone.image.tobytes() == one.image.tobytes()


@any_batch_size
def test_fallbacks_run_on_the_silent_units_only(network_of, monkeypatch):
    """3 of 20 filters are dead: after the plain ascent of all, each fallback has one batch of the 3, of size 4."""
    kernel = np.ones((3, 20))
    kernel[:, :3] = 0
    network = by_hand(network_of, (kernel, [-1.0] * 3 + [0.0] * 17))
    batches, padded = [], Batches.padded

    def counted(self, rows, size, canvas):
        batches.append((len(rows), size))
        return padded(self, rows, size, canvas)

    monkeypatch.setattr(Batches, "padded", counted)
    dreams = dream(network, "conv1", Recipe(Pixels(), (), steps=2))
    assert [one.activated for one in dreams] == [False] * 3 + [True] * 17
    assert batches == [(20, 20)] + 4 * [(3, 4)]


@pytest.mark.thorough
def test_an_objective_without_a_gradient_is_not_activated(network):
    one = dream(network, 0.0 * channel("conv2", [0]), Recipe(steps=2))[0]
    assert (one.activated, one.score) == (False, 0)


@pytest.mark.thorough
def test_without_a_relu_no_gradient_is_relaxed(fill, network_of):
    model = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(2, 3, activation="tanh", name="conv")], name="smooth"
    )
    network = network_of(fill(model))
    assert not network.has_relu
    dead = dream(network, 0.0 * channel("conv", [0]), Recipe(steps=2))[0]
    assert dead.steps == 3 * 2 + 64  # before the tanh, another seed, pixels
    assert "also tried pre-activation, another seed, pixels, map maximum" in dead.note


@pytest.mark.thorough
def test_a_layer_without_pre_activation_gets_another_seed_and_pixels(fill, network_of):
    model = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(2, 3, activation="tanh"), layers.AveragePooling2D(2, name="pool")],
        name="smooth",
    )
    dead = dream(network_of(fill(model)), 0.0 * channel("pool", [0]), Recipe(steps=2))[0]
    assert dead.steps == 2 * 2 + 64
    assert dead.note.endswith("also tried another seed, pixels, map maximum")


@pytest.mark.thorough
def test_octaves_have_no_further_fallbacks(network):
    dead = dream(network, 0.0 * channel("conv2", [0]), Recipe(Fourier(32), steps=1, octaves=2))[0]
    assert dead.note.endswith("also tried pre-activation")


# --------------------------------------------------------------------------------------------------------------------
# Pixels, map maximum


@pytest.fixture(scope="module")
def biased():
    """24 filters with a bias of -0.9, which almost no image activates."""
    keras.utils.set_random_seed(0)
    image = layers.Input((32, 32, 3))
    x = layers.MaxPooling2D()(layers.Conv2D(8, 3, activation="relu", name="c1")(image))
    bias = keras.initializers.Constant(-0.9)
    x = layers.Conv2D(24, 3, activation="relu", name="c2", bias_initializer=bias)(x)
    classes = layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    return Network(keras.Model(image, classes), InputForm.from_range(0, 1, size=(32, 32)))


@pytest.fixture(scope="module")
def biased_dreams(biased):
    return dream(biased, "c2", read_recipe("standard"))


def test_dream_and_audit_agree_on_what_can_be_activated(biased, biased_dreams):
    kinds = [finding.verdict.kind for finding in audit(biased, layers=["c2"]).layer("c2").findings]
    assert [one.activated for one in biased_dreams] == [kind == "alive" for kind in kinds]
    assert kinds.count("alive") >= 22


def test_a_unit_that_only_pixels_activate_is_the_same_alone_and_in_a_batch(biased, biased_dreams):
    recovered = [one for one in biased_dreams if one.recovered_by == PIXELS]
    assert len(recovered) >= 20
    for one in (recovered[0], recovered[-1]):
        alone = dream(biased, one.name, read_recipe("standard"))[0]
        assert alone.image.tobytes() == one.image.tobytes()
        assert (alone.score, alone.steps, alone.attempts) == (one.score, one.steps, one.attempts)


def test_the_score_of_a_recovered_dream_is_that_of_the_objective(biased, biased_dreams):
    for one in biased_dreams[:3]:
        assert one.activated
        maps = biased.watch(frozenset({"c2"}))(biased.to_input(one.image[None]))["c2"]
        assert one.score == pytest.approx(float(np.mean(maps[..., int(one.name.split(":")[1])])), rel=1e-4)
        assert one.attempts[-1] == one.recovered_by


@pytest.mark.thorough
def test_the_recipe_continues_from_the_pixels_if_that_keeps_the_unit_activated(biased):
    """Pixels by Adam keep what pixels found; the coarse Fourier transforms of the standard recipe lose it."""
    kept = dream(biased, "c2:0", Recipe(Pixels(), transforms=(), optimizer=Adam(0.01), steps=16))[0]
    lost = dream(biased, "c2:0", read_recipe("fast"))[0]
    assert (kept.recovered_by, kept.note) == (PIXELS, "")
    assert len(kept.history) == 16
    assert (lost.recovered_by, lost.note) == (PIXELS, PIXELS_NOTE)
    assert len(lost.history) == 64


@pytest.mark.thorough
def test_a_cppn_cannot_continue_from_pixels(biased):
    one = dream(biased, "c2:0", Recipe(CPPN(width=4, depth=2), steps=2))[0]
    assert (one.activated, one.recovered_by, one.note) == (True, PIXELS, PIXELS_NOTE)


# --------------------------------------------------------------------------------------------------------------------
# Activated: relative to the scale of the unit


@pytest.mark.thorough
def test_a_unit_that_reaches_a_hundredth_of_its_distance_is_activated(network_of):
    """r + g + b is 1.5 on gray and at most 3: filters 0 and 1 rest 1.499 and 1 below their thresholds.

    Filter 0 reaches at most .001, less than a thousandth of its distance; filter 1 reaches .5.
    """
    network = by_hand(network_of, (np.ones((3, 2)), [-2.999, -2.5]))
    weak, strong = dream(network, "conv1:0-1", Recipe(Pixels(), (), steps=64))
    assert (weak.activated, weak.start, weak.recovered_by) == (False, 0, "")
    assert 0 < weak.score <= 0.0011
    assert "not activated: its score only rose from 0 to " in weak.note
    assert weak.attempts[-1] == PIXELS
    assert strong.activated
    assert strong.score > 0.01
    verdicts = [finding.verdict for finding in audit(network, layers=["conv1"]).layer("conv1").findings]
    assert [verdict.kind for verdict in verdicts] == ["undecided", "alive"]
    assert "not activated by a dream, which reaches only " in verdicts[0].sentence


def test_the_scale_of_a_unit_does_not_matter(network_of):
    network = by_hand(network_of, (np.full((3, 2), 3e-7), [0.0, -6e-7]))
    high, resting = dream(network, "conv1:0-1", GRAY)
    assert (high.activated, high.recovered_by, high.start < 1e-6) == (True, "", True)
    assert (resting.activated, resting.recovered_by) == (True, "pre-activation")


def test_a_value_that_is_constant_by_construction_is_not_activated(fill, network_of):
    """The mean square of a LayerNorm's output is v / (v + epsilon), just below 1 for any variance v."""
    model = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(8, 3, name="conv"), layers.LayerNormalization(epsilon=1e-5, name="ln")]
    )
    network = network_of(fill(model))
    model.get_layer("ln").set_weights([np.ones(8), np.zeros(8)])
    one = dream(network, "layer:ln", Recipe(steps=8))[0]
    assert one.score == pytest.approx(1, abs=0.01)
    assert not one.activated
    assert one.steps == 8  # it responds already: no fallback is tried
    assert "also tried" not in one.note
    assert dream(network, "ln:0", Recipe(steps=8))[0].activated


# --------------------------------------------------------------------------------------------------------------------
# Classes that the network does not predict


@pytest.fixture(scope="module")
def striped(network_of):
    """Logits of a gray image of 16x16: its likeness to vertical stripes of period 8; 5; its brightness.

    Shifts of up to 8 px or 4 px either way cover whole periods, so the mean slope of class 0 is 0. Those of up to 2 px
    cover half a period.
    """
    stripes = np.tile(np.sign(np.sin(2 * np.pi * (np.arange(16) + 0.5) / 8)), (16, 1))
    model = keras.Sequential([layers.Input((16, 16, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    kernel = np.stack([stripes.ravel() / 8, np.zeros(256), np.full(256, 10 / 256)], axis=1)
    model.layers[-1].set_weights([kernel, np.array([0.0, 5.0, 2.0])])
    return network_of(model)


SHIFTED = Recipe(Pixels(), (Shift(share=0.5), Noise(0.01)), optimizer=Adam(0.05), steps=64, class_score="margin")


def test_a_class_that_strong_motions_hide_is_reached_by_weaker_ones(striped):
    stripes, constant, bright = dream(striped, "class:*", SHIFTED)
    assert stripes.attempts == ("weaker motions (1/2)", "weaker motions (1/4)")
    assert (stripes.recovered_by, stripes.note, stripes.steps) == ("weaker motions (1/4)", "", 3 * 64)
    assert stripes.recipe == SHIFTED
    for one in (stripes, constant, bright):
        assert one.prediction.is_predicted
        logits = activations(striped, one.image[None], [LOGITS])[LOGITS][0]
        assert np.argmax(logits) == one.prediction.number
    assert (bright.attempts, bright.recovered_by, bright.steps) == ((), "", 64)  # reached by the plain ascent


def test_weaker_motions_make_the_image_of_a_recipe_with_these_motions(striped, monkeypatch):
    recovered = dream(striped, "class:0", SHIFTED)[0]
    monkeypatch.setattr(fallbacks, "_easier", lambda recipe: {})
    weak = dream(striped, "class:0", replace(SHIFTED, transforms=(Shift(share=0.125), Noise(0.01))))[0]
    assert recovered.image.tobytes() == weak.image.tobytes()


def test_a_class_that_its_motions_hide_gets_weaker_ones_until_it_withstands_them(striped):
    """Shifts of up to 2 px leave the stripes predicted on the dream, and hide them where they exceed 1 px or so."""
    recipe = replace(SHIFTED, transforms=(Shift(2.0),))
    stripes, bright = dream(striped, ["class:0", "class:2"], recipe)
    assert stripes.prediction.is_predicted
    assert stripes.attempts[0] == "weaker motions (1/2)"
    assert stripes.recovered_by == stripes.attempts[-1]
    assert (bright.attempts, bright.recovered_by) == ((), "")  # no shift changes the brightness by much


def test_a_class_is_reached_alike_alone_and_in_a_batch(striped):
    together = dream(striped, "class:*", SHIFTED)
    for targets, batch in ((["class:0"], None), (["class:1", "class:0"], 2), (["class:2", "class:0"], 1)):
        alone = dream(striped, targets, SHIFTED, batch=batch)[-1]
        assert alone.image.tobytes() == together[0].image.tobytes()
        assert (alone.attempts, alone.steps) == (together[0].attempts, together[0].steps)
        assert alone.prediction == together[0].prediction


@pytest.mark.parametrize("head", first(["softmax", "sigmoid", "binary", "map"]))
def test_a_class_of_bright_images_is_reached_by_a_free_spectrum(network_of, head):
    """The class is predicted above a brightness of .6, or below .4 for class 0 of two; phases have a mean near .5."""
    image = layers.Input((8, 8, 1))
    weights, bias = {"binary": ([[20.0]], [-12.0])}.get(head, ([[20.0, 0.0]], [-12.0, 0.0]))
    if head == "map":
        last = layers.Conv2D(2, 1, activation="softmax")
        model = keras.Model(image, last(layers.AveragePooling2D(8)(image)))
        weights = [[weights]]
    else:
        last = layers.Dense(len(bias), activation="softmax" if head == "softmax" else "sigmoid")
        model = keras.Model(image, last(layers.GlobalAveragePooling2D()(image)))
    last.set_weights([np.asarray(weights), np.asarray(bias)])
    target = "class:1" if head == "binary" else "class:0"
    recipe = Recipe(Phase(), transforms=(), optimizer=Adam(0.1), steps=32)
    one = dream(network_of(model), target, recipe)[0]
    assert (one.attempts, one.recovered_by) == (("free spectrum",), "free spectrum")
    assert one.prediction.is_predicted
    assert one.image.mean() > 0.6
    assert one.steps == 2 * 32


@pytest.mark.thorough
def test_a_class_that_nothing_reaches_keeps_its_most_probable_image(striped, network_of):
    model = keras.models.clone_model(striped.model)
    kernel, bias = striped.model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias + np.array([0, 20, 0])])
    network = network_of(model)
    one = dream(network, "class:0", SHIFTED)[0]
    tried = ("weaker motions (1/2)", "weaker motions (1/4)")
    assert (one.attempts, one.recovered_by) == (tried, "")
    assert one.note == "also tried weaker motions (1/2), weaker motions (1/4)"
    plain = dream(network, "class:0", replace(SHIFTED, octaves=2))[0]  # octaves have no fallbacks
    assert plain.attempts == ()
    assert one.prediction.own.probability > plain.prediction.own.probability


def test_values_of_a_regression_and_minimized_classes_have_no_class_to_reach(network_of, striped):
    model = keras.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1, name="steering")])
    network = network_of(model)
    for owner, target in ((network, "steering:0"), (striped, "-class:0")):
        one = dream(owner, target, replace(SHIFTED, steps=2))[0]
        assert one.prediction is None
        assert not [name for name in one.attempts if "motions" in name]
