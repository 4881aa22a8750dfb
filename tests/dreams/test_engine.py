import hashlib
import json

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.ascent import check_steps
from dreamfilters.dreams.engine import canvas_of, dream, iter_dreams
from dreamfilters.dreams.objectives.classes import logit, margin
from dreamfilters.dreams.objectives.features import diversity
from dreamfilters.dreams.objectives.objective import join
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.objectives.units import channel, neuron
from dreamfilters.dreams.optimizers import Adam, Momentum, Normalized
from dreamfilters.dreams.parameterizations import CPPN, Fourier, Phase, Pixels, Pyramid
from dreamfilters.dreams.penalties import L2, ClipNorm, Decay, TotalVariation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dreams
from dreamfilters.dreams.transforms import Blur, Color, Crop, Flip, Jitter, Noise, Pad, Trim
from dreamfilters.errors import RecipeError, TargetError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS, InputForm, Network
from tests.batch_independence import any_batch_size, needs_avx512
from tests.thorough import first

STEPS = 4
QUICK = Recipe(steps=STEPS)
STILL = Recipe(transforms=(), steps=STEPS)  # without transforms, the score of a step is that of the image


def pixels(dreams):
    return [result.image.tobytes() for result in dreams]


def scores_of(network, goal, images):
    seen = network.watch(goal.layers)(network.to_input(np.asarray(images, "float32")))
    return np.asarray(goal.score(seen, goal.wanted))


@pytest.fixture(scope="module")
def even(fill, network_of):
    """A network whose layers all have 16 units, so that batches are not padded for it."""
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(16, 3, activation="tanh", name="conv2"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(16, name="classes"),
        ],
        name="even",
    )
    return network_of(fill(model))


# The bytes could depend on the number of pixels, coefficients and views, and on vectorized functions.
BYTES = {
    "a filter by the standard way": ("conv2:0-4", QUICK),
    "an odd canvas": ("conv2:0-4", Recipe(Fourier((15, 17)), steps=STEPS)),
    "phases of a canvas that fills no vectors": ("conv2:0-4", Recipe(Phase(20), steps=STEPS)),
    "a pyramid": ("conv2:0-4", Recipe(Pyramid(20), steps=STEPS)),
    "a CPPN": ("conv2:0-2", Recipe(CPPN(12, width=5, depth=2), optimizer=Adam(0.02), steps=STEPS)),
    "several views of crops and noise": ("conv2:0-2", Recipe(Fourier(), (Crop(views=3), Noise(0.1, 0.1)), steps=STEPS)),
    "blur, light and penalties": (
        "conv2:0-4",
        Recipe(Fourier((16, 18)), (Blur(2.0), Color(0.1, 0.1, 0.1), Flip()), (TotalVariation(0.1),), steps=STEPS),
    ),
    "sums": ("conv2:0-4 - 0.3*conv1:3", QUICK),
    "edits": ("conv2:0-4", Recipe(Pixels(gain=3.0), (Jitter(2),), (), (Decay(0.01), ClipNorm(5.0)), steps=STEPS)),
    "octaves": ("conv2:0-3", Recipe(Fourier(32), steps=2, octaves=2)),
}


@any_batch_size
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=needs_avx512 if case in ("a CPPN", "edits") else ()) for case in BYTES]
)
def test_an_image_is_the_same_alone_in_any_batch_and_on_the_next_run(case, even):
    goal, recipe = BYTES[case]
    together = dream(even, goal, recipe, seed=3)
    alone = dream(even, goal, recipe, seed=3, batch=1)
    assert pixels(alone) == pixels(together)
    assert [(one.score, one.robust, one.history.tobytes()) for one in alone] == [
        (one.score, one.robust, one.history.tobytes()) for one in together
    ]
    assert len(set(pixels(together))) == len(together)


@pytest.mark.parametrize("case", first(BYTES, 4))
def test_an_image_is_the_same_among_any_others_in_batches_of_the_default_size(case, even):
    text, recipe = BYTES[case]
    (goal,) = goals(even, text)
    together = dream(even, goal, recipe, seed=3)
    for rows in ([2], [2, 0, 1], [1, 0, 2]):
        others = dream(even, goal[rows], recipe, seed=3)
        at = rows.index(2)
        assert others[at].image.tobytes() == together[2].image.tobytes()
        assert (others[at].score, others[at].robust) == (together[2].score, together[2].robust)
        assert others[at].history.tobytes() == together[2].history.tobytes()


def test_an_image_is_the_same_alone_and_among_other_targets(network):
    recipe = Recipe(Fourier((15, 17)), steps=STEPS)
    batch = None if backend.ONE_SHAPE else 3  # see there
    together = dream(network, ["conv2:0-4", "class:*", "conv2:7"], recipe, seed=3, batch=batch)
    by_name = {one.name: one.image.tobytes() for one in together}
    assert list(by_name)[:6] == [f"conv2:{k}" for k in (0, 1, 2, 3, 4, 7)]  # targets of one program come together
    for name in ("conv2:4", "conv2:7", 'class:"Vorfahrt achten"'):
        assert dream(network, name, recipe, seed=3)[0].image.tobytes() == by_name[name]


@any_batch_size
@pytest.mark.parametrize("penalties", first([((TotalVariation(0.1), L2(0.1)),), ((),)]), ids=["penalties", ""])
def test_an_image_is_the_same_in_any_batch_on_a_large_odd_canvas(penalties, network):
    """A plain sum over a map or an image depends on the other rows: see `backend.row_sums`."""
    recipe = Recipe(Fourier((97, 95)), steps=3, penalties=penalties)
    together = dream(network, "conv1:0-6", recipe, batch=7)
    for batch in (1, 3):
        alone = dream(network, "conv1:0-6", recipe, batch=batch)
        assert pixels(alone) == pixels(together)
        assert [(one.score, one.history.tobytes()) for one in alone] == [
            (one.score, one.history.tobytes()) for one in together
        ]


@any_batch_size
@pytest.mark.thorough
def test_margins_over_few_classes_are_the_same_in_any_batch(network):
    """Three classes do not fill a vector, so their logarithms could be rounded differently."""
    goal = margin([0, 1, 2] * 4)
    together = dream(network, goal, QUICK, batch=12)
    assert pixels(dream(network, goal, QUICK, batch=1)) == pixels(together)
    assert len(set(pixels(together))) == 12  # equal targets have different seeds


@pytest.mark.thorough
def test_a_layer_of_a_real_architecture_at_64_pixels(fill):
    model = fill(keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35, classes=10))
    network = Network(model, InputForm.from_range(-1, 1, size=(64, 64)), name="mobile")
    recipe = Recipe(steps=2)
    together = dream(network, "block_2_expand:0-4", recipe, seed=1)
    assert pixels(dream(network, "block_2_expand:3", recipe, seed=1)) == pixels(together[3:4])
    assert all(one.activated for one in together)


def test_another_seed_is_another_image(network):
    first, second = (dream(network, "conv2:1", QUICK, seed=seed)[0] for seed in (1, 2))
    assert np.abs(first.image - second.image).mean() > 0.05
    assert (first.seed, second.seed) == (1, 2)


@pytest.fixture(scope="module")
def quick(network):
    """Dreams of three filters."""
    return dream(network, "conv2:0-2", QUICK, seed=5)


def test_the_fields_of_a_dream(quick, network):
    for number, one in enumerate(quick):
        assert one.name == f"conv2:{number}"
        assert one.image.shape == (16, 16, 3)
        assert one.image.dtype == np.float32
        assert 0 <= one.image.min() <= one.image.max() <= 1
        assert one.activated
        assert (one.recovered_by, one.note, one.seed, one.recipe) == ("", "", 5, QUICK)
        assert one.score > one.start
        assert one.steps == len(one.history) == STEPS
        assert one.seconds > 0
        assert one.transparency is None
        assert one.frames == ()
    assert [one.score for one in quick] == pytest.approx(
        scores_of(network, channel("conv2", [0, 1, 2]), [one.image for one in quick]).tolist(), rel=1e-5
    )


def test_the_robust_score_is_slightly_below_the_score(quick):
    for one in quick:
        assert 0.2 * one.score < one.robust < one.score


def test_history_holds_the_score_before_each_step(network):
    goal = channel("conv2", [0, 3])
    moments = []
    results = dream(network, goal, STILL, on_step=lambda moment: moments.append(moment.images()))
    seen = np.stack([scores_of(network, goal, images[:2]) for images in moments], axis=1)  # after each step
    for row, one in enumerate(results):
        assert not one.recovered_by
        assert one.history[0] == pytest.approx(one.start, rel=1e-5)
        assert one.history[1:] == pytest.approx(seen[row, :-1], rel=1e-4)  # the image after the step before


def test_the_best_image_is_kept(network):
    """With a learning rate far too high the score falls again; the best of steps 40, 48, 56 and 64 is kept."""
    goal = logit([0, 1, 2])
    recipe = Recipe(Pixels(gain=1.0), (), optimizer=Momentum(rate=800.0, momentum=0.95), steps=64)
    checks, moments = (39, 47, 55, 63), []
    results = dream(network, goal, recipe, on_step=lambda moment: moments.append(moment.images()))
    seen = np.stack([scores_of(network, goal, images[:3]) for images in (moments[check] for check in checks)])
    best = seen.argmax(axis=0)
    assert np.any(best < 3)  # otherwise the last image is always the best
    for row, one in enumerate(results):
        assert one.score == pytest.approx(seen[best[row], row], rel=1e-5)
        assert np.array_equal(one.image, moments[checks[best[row]]][row])


@pytest.mark.parametrize(
    ("steps", "checks"),
    [(1, {1}), (8, {8}), (13, {13}), (32, {24, 32}), (64, {40, 48, 56, 64}), (256, {160, 192, 224, 256})],
)
def test_a_short_ascent_is_checked_less_often(steps, checks):
    assert check_steps(steps) == checks


def test_more_frames_than_steps_are_one_for_each_step(network):
    assert [len(one.frames) for one in dream(network, "conv2:0", Recipe(steps=3), frames=10**12)] == [3]


def test_frames_are_spread_over_the_steps(network):
    moments = []
    results = dream(
        network, "conv2:0,3", Recipe(steps=6), frames=3, on_step=lambda moment: moments.append(moment.images())
    )
    for row, one in enumerate(results):
        assert len(one.frames) == 3
        for frame, step in zip(one.frames, (2, 4, 6), strict=True):
            assert np.array_equal(frame, moments[step - 1][row])


def test_octaves_grow_to_the_full_canvas(network):
    shapes = []
    recipe = Recipe(Fourier(32), steps=3, octaves=3, octave_scale=2.0)
    one = dream(network, "conv2:3", recipe, on_step=lambda moment: shapes.append(moment.images().shape[1:3]))[0]
    assert shapes == [(8, 8)] * 3 + [(16, 16)] * 3 + [(32, 32)] * 3
    assert one.image.shape == (32, 32, 3)
    assert one.steps == len(one.history) == 9


def test_an_octave_starts_from_the_enlarged_result_of_the_last(network):
    recipe = Recipe(Pixels(32), (), optimizer=Normalized(rate=0.5), steps=6, octaves=2, octave_scale=2.0)
    images = []
    dream(network, "conv2:3", recipe, on_step=lambda moment: images.append(moment.images()[0]))
    small, grown = images[5], images[6]
    enlarged = np.kron(small, np.ones((2, 2, 1)))
    assert np.corrcoef(enlarged.ravel(), grown.ravel())[0, 1] > 0.7


def test_an_ascent_starts_from_the_start_image(network, scene):
    image = scene(16, 16, seed=4)
    recipe = Recipe(Pixels(), (), optimizer=Normalized(rate=1e-4), steps=2)
    one, other = dream(network, "conv2:3,5", recipe, start=image)
    assert one.image == pytest.approx(image, abs=0.01)
    assert other.image == pytest.approx(image, abs=0.01)
    assert one.start == pytest.approx(scores_of(network, channel("conv2", [3]), [image])[0], abs=0.01)


def test_each_unit_can_have_its_own_start_image(network, scene):
    images = np.stack([scene(16, 16, seed=4), scene(16, 16, seed=5)])
    recipe = Recipe(Pixels(), (), optimizer=Normalized(rate=1e-4), steps=2)
    for one, image in zip(dream(network, "conv2:3,5", recipe, start=images), images, strict=True):
        assert one.image == pytest.approx(image, abs=0.01)


def test_a_start_image_is_resized_and_keeps_its_detail_through_octaves(network, scene):
    image = scene(40, 40, seed=4)
    recipe = Recipe(Pixels(32), (), optimizer=Normalized(rate=1e-5), steps=1, octaves=3, octave_scale=1.4)
    one = dream(network, "layer:conv2", recipe, start=image)[0]
    again = dream(
        network, "layer:conv2", Recipe(Pixels(32), (), optimizer=Normalized(rate=1e-5), steps=1), start=image
    )[0]
    assert one.image.shape == (32, 32, 3)
    assert np.abs(one.image - again.image).mean() < 0.01


@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 1), (16, 16, 4), (3, 16, 16, 3), (0, 16, 3)])
def test_an_invalid_start_is_refused(network, shape):
    with pytest.raises(RecipeError, match=r"start: images \(.*; give one \(h, w, 3\) or 2 of them") as caught:
        dream(network, "conv2:0-1", QUICK, start=np.zeros(shape, "float32"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_start_that_is_not_finite_is_refused(network):
    with pytest.raises(RecipeError, match="start: "):
        dream(network, "conv2:0-1", QUICK, start=np.full((16, 16, 3), np.nan, "float32"))


def test_transparency_is_where_the_image_matters(network):
    """A neuron of a 3x3 convolution depends on 3x3 pixels; only these are opaque."""
    recipe = Recipe(Pixels(), (), steps=STEPS, transparency=True)
    one = dream(network, neuron("conv1", [(1, 5, 9)]), recipe)[0]
    inside = np.zeros((16, 16), bool)
    inside[4:7, 8:11] = True
    assert one.transparency.shape == (16, 16)
    assert one.transparency.dtype == np.float32
    assert np.all(one.transparency[inside] > 0)
    assert np.all(one.transparency[~inside] == 0)
    assert one.transparency.max() == 1


def test_transparency_does_not_change_the_image(network, quick):
    recipe = Recipe(steps=STEPS, transparency=True)
    assert np.abs(dream(network, "conv2:1", recipe, seed=5)[0].image - quick[1].image).max() < 1e-4


def test_penalties_are_lowered(network):
    rough = dream(network, "conv2:3", Recipe(Pixels(), (), steps=12))[0]
    smooth = dream(network, "conv2:3", Recipe(Pixels(), (), (TotalVariation(3.0),), steps=12))[0]
    variation = TotalVariation(1.0)
    assert float(variation(smooth.image[None])[0]) < 0.7 * float(variation(rough.image[None])[0])
    assert smooth.activated


@pytest.mark.parametrize("channels", first([2, 1, 4]))
def test_networks_of_other_channels(channels, make_tiny, network_of):
    network = network_of(make_tiny(channels=channels))
    for recipe in (QUICK, Recipe(Phase(), steps=STEPS)):
        one = dream(network, "conv2:3", recipe)[0]
        assert one.image.shape == (16, 16, channels)
        assert one.activated


@pytest.mark.parametrize("size", first([((33, 47),), 96]))
def test_a_filter_is_dreamed_on_a_canvas_of_another_size(size, network):
    one = dream(network, "conv2:3", Recipe(Fourier(size), steps=2))[0]
    height, width = (size, size) if isinstance(size, int) else size
    assert one.image.shape == (height, width, 3)
    assert one.score == pytest.approx(scores_of(network, channel("conv2", [3]), [one.image])[0], rel=1e-4)
    assert one.activated


def test_a_class_on_another_canvas_is_scored_at_the_networks_size(network):
    goal = logit([1])
    one = dream(network, goal, Recipe(Fourier((24, 20)), steps=STEPS))[0]
    assert one.image.shape == (24, 20, 3)
    assert one.score == pytest.approx(scores_of(network, goal, network.form.fit(one.image)[None])[0], rel=1e-4)
    assert one.activated


def test_a_class_accepts_images_that_transforms_enlarge(network):
    one = dream(network, "class:1", Recipe(Fourier(16), (Pad(4), Jitter(2), Trim(1)), steps=STEPS))[0]
    assert one.image.shape == (16, 16, 3)
    assert one.activated


def test_a_canvas_too_small_for_the_layer_is_refused(network):
    with pytest.raises(RecipeError, match=r"canvas 3x3: too small for conv2 of tiny") as caught:
        dream(network, "conv2:0", Recipe(Fourier(3), steps=1))
    assert len(str(caught.value).splitlines()) == 1


# --------------------------------------------------------------------------------------------------------------------
# Numbers that are not finite


def test_a_number_that_is_not_finite_stops_only_its_image(network):
    healthy = 2.0 * channel("conv2", [0, 1, 3])
    ill = 2.0 * channel("conv2", [0, 1, 3])
    ill.wanted[0][1] = np.nan
    expected, results = dream(network, healthy, QUICK), dream(network, ill, QUICK)
    assert [one.activated for one in results] == [True, False, True]
    assert pixels(results)[::2] == pixels(expected)[::2]
    stopped = results[1]
    assert "stopped at step 1: a number was not finite" in stopped.note
    assert "not activated" in stopped.note
    assert np.isnan(stopped.score)
    assert np.all(np.isfinite(stopped.image))
    assert len(stopped.history) == 1


def test_an_ascent_that_overflows_keeps_its_last_finite_image(network):
    recipe = Recipe(Pixels(), (), optimizer=Momentum(rate=1e38, momentum=0.99), steps=6)
    for one in dream(network, "conv2:0-2", recipe):
        assert np.all(np.isfinite(one.image))
        assert "not finite" in one.note or one.activated


# --------------------------------------------------------------------------------------------------------------------
# Batches, groups, on_step


def test_facets_of_a_unit_are_made_together_and_differ(network):
    goal = join(*(channel("conv2", [unit] * 3) + 3.0 * diversity("conv1", 3) for unit in (3, 5)))
    assert len(goal) == 6
    assert goal.group == 3
    recipe = Recipe(steps=8)
    together, batched = dream(network, goal, recipe), dream(network, goal, recipe, batch=4)  # whole groups: 3 at a time
    assert pixels(together) == pixels(batched)
    assert pixels(dream(network, goal, recipe, batch=3)) == pixels(batched)
    apart = scores_of(network, diversity("conv1", 3), [one.image for one in together[:3]]).mean()
    plain = dream(network, channel("conv2", [3] * 3), recipe)
    assert apart > scores_of(network, diversity("conv1", 3), [one.image for one in plain]).mean() + 0.01


@pytest.mark.parametrize(("batch", "goal", "least"), [(0, "conv2:0", 1), (-3, "conv2:0", 1)])
def test_an_impossible_batch_is_refused(batch, goal, least, network):
    with pytest.raises(RecipeError, match=f"batch={batch}: at least {least}"):
        dream(network, goal, QUICK, batch=batch)


def test_a_batch_smaller_than_a_group_is_refused(network):
    goal = channel("conv2", [3] * 3) + diversity("conv2", 3)
    with pytest.raises(RecipeError, match="batch=2: at least 3"):
        dream(network, goal, QUICK, batch=2)


def test_dreams_are_yielded_batch_by_batch(network):
    names = []
    for one in iter_dreams(
        network, "conv2:0-4", Recipe(steps=2), batch=2, on_step=lambda moment: names.append(moment.names[:2])
    ):
        names.append(one.name)
    assert names[2:4] == ["conv2:0", "conv2:1"]  # after the two steps of the first batch, before the second
    assert names[-1] == "conv2:4"


def test_on_step_receives_the_state_of_the_ascent(network):
    moments = []
    dream(network, "conv2:0-4", Recipe(steps=3), batch=2, on_step=moments.append)
    assert [moment.step for moment in moments] == [1, 2, 3] * 3
    assert [moment.finished for moment in moments] == [0] * 3 + [2] * 3 + [4] * 3
    assert {moment.total for moment in moments} == {5}
    assert {moment.steps for moment in moments} == {3}
    assert moments[0].names[:2] == ("conv2:0", "conv2:1")
    images = moments[-1].images()
    assert images.shape[1:] == (16, 16, 3)
    assert 0 <= images.min() <= images.max() <= 1


def test_on_step_does_not_change_the_image(network, quick):
    watched = dream(network, "conv2:0-2", QUICK, seed=5, on_step=lambda moment: moment.images())
    assert pixels(watched) == pixels(quick)


def state_of(model):
    digest = hashlib.sha256(json.dumps(model.get_config(), sort_keys=True, default=str).encode())
    for layer in model._flatten_layers():
        digest.update(
            f"{layer.name} {layer.trainable} {len(layer._inbound_nodes)} {len(layer._outbound_nodes)}".encode()
        )
        digest.update(f"{getattr(layer, 'activation', None)} {layer.input_spec} {len(layer.losses)}".encode())
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()


def test_the_users_model_is_never_changed(make_tiny, network_of, scene):
    model = make_tiny()
    model.compile("sgd", "mse")
    images = scene()[None]
    before, outputs = state_of(model), np.asarray(model(images))
    network = network_of(model)
    dead = 0.0 * channel("conv2", [0])  # all fallbacks are tried
    for goal in ("conv2:0", "class:1", dead):
        dream(network, goal, Recipe(steps=2))
    assert state_of(model) == before
    assert np.asarray(model(images)).tobytes() == outputs.tobytes()
    assert model.layers[0].activation is keras.activations.relu


# --------------------------------------------------------------------------------------------------------------------
# Canvas and prior


def test_the_canvas_has_the_size_of_the_recipe_or_the_network_or_128(network, tiny):
    assert (canvas_of(network, QUICK).height, canvas_of(network, QUICK).width) == (16, 16)
    assert (
        canvas_of(network, Recipe(Fourier((9, 11)))).height,
        canvas_of(network, Recipe(Fourier((9, 11)))).width,
    ) == (9, 11)
    free = Network(tiny, InputForm.from_range(0, 1), name="free")
    assert (canvas_of(free, QUICK).height, canvas_of(free, QUICK).width) == (128, 128)


def test_the_prior_is_given_or_named_or_that_of_the_network(network, tiny, gray, network_of, tmp_path, scene):
    assert canvas_of(network, QUICK).prior == priors.IMAGENET  # the network has none
    assert canvas_of(network, Recipe(Pixels())).prior == priors.neutral(3)
    assert canvas_of(network_of(gray), QUICK).prior == priors.neutral(1)  # ImageNet has no gray statistics
    own = priors.measure_prior(np.stack([scene(seed=k) for k in range(3)]), name="own")
    path = tmp_path / "own.npz"
    own.save(path)
    assert canvas_of(network, Recipe(Fourier(prior=str(path)))).prior == own
    bringing = Network(tiny, network.form, name="bringing", prior=path)
    assert canvas_of(bringing, QUICK).prior == own
    assert canvas_of(bringing, Recipe(Fourier(prior="imagenet"))).prior == priors.IMAGENET
    assert canvas_of(bringing, QUICK, priors.neutral(3)).prior == priors.neutral(3)


def test_a_prior_of_other_channels_is_refused(network):
    with pytest.raises(RecipeError, match="prior none: has 1 color channels, images of tiny have 3"):
        dream(network, "conv2:0", QUICK, prior=priors.neutral(1))


def test_a_prior_changes_the_colors(network):
    red = priors.Prior("red", np.array([2.0, -2.0, -2.0], "float32"), np.eye(3, dtype="float32") * 0.2)
    one = dream(network, "conv2:3", Recipe(Fourier(gain=1.0), steps=2), prior=red)[0]
    assert one.image[..., 0].mean() > 0.8
    assert one.image[..., 1:].mean() < 0.2


# --------------------------------------------------------------------------------------------------------------------
# Errors


@pytest.mark.parametrize(
    ("goal", "kind", "message"),
    [
        ("conv2:8", TargetError, "conv2 of tiny has 8 filters, 0 to 7"),
        (channel("conv2", [3, 8]), TargetError, "conv2:8: conv2 of tiny has 8 filters, 0 to 7"),
        (logit([3]), TargetError, "class 3: tiny has 3 classes, 0 to 2"),
        ("conv2:1@6,0", TargetError, "conv2:1@6,0: conv2 has 6 rows and 6 columns on this canvas"),
        ("conv2:1@0,6", TargetError, "conv2 has 6 rows and 6 columns"),
        ("classes:1@0,1", TargetError, "classes:1@0,1: it has no positions, omit them"),
        ("conv2:1@6", TargetError, "conv2:1@6: give conv2:1@ROW,COLUMN"),
        ("conv9", UnknownNameError, "conv9: tiny has no such layer"),
        (channel("conv9", [0]), UnknownNameError, "conv9: tiny has no such layer"),
    ],
)
def test_what_the_network_does_not_have_is_refused_before_the_first_step(goal, kind, message, network):
    with pytest.raises(kind, match=message) as caught:
        dream(network, goal, QUICK)
    assert len(str(caught.value).splitlines()) == 1


def test_a_neuron_outside_the_small_map_is_inside_that_of_a_larger_canvas(network):
    assert dream(network, "conv2:1@9,9", Recipe(Fourier(32), steps=1))[0].name == "conv2:1@9,9"


@pytest.fixture(scope="module")
def one_sided(fill, network_of):
    """Three classes, the last of which is never predicted: its bias is -100."""
    model = fill(
        keras.Sequential(
            [
                layers.Input((12, 12, 3)),
                layers.Conv2D(8, 3, activation="relu"),
                layers.GlobalMaxPooling2D(),
                layers.Dense(3, activation="softmax"),
            ]
        )
    )
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, np.array([bias[0], bias[1], -100.0])])
    return network_of(model)


def test_the_dream_of_a_class_is_shown_to_its_network(one_sided):
    found = dream(one_sided, "class:*", Recipe(steps=8), seed=1)
    logits = scores_of(one_sided, logit([0, 1, 2]), [one.image for one in found])
    assert [one.prediction.is_predicted for one in found] == [True, True, False]
    assert [one.prediction.own.logit for one in found] == pytest.approx(logits.tolist(), rel=1e-5)
    lost = found[2].prediction
    assert (lost.own.number, lost.own.probability) == (2, pytest.approx(0, abs=1e-9))
    assert lost.text.startswith(f"not its class: predicted {lost.predictions[0].name}, ")
    alone = dream(
        one_sided, "class:2", Recipe(steps=8), seed=1, batch=backend.execution().rows if backend.ONE_SHAPE else 1
    )[0]
    assert alone.prediction == lost  # to the last digit
    assert dream(one_sided, "-class:2", Recipe(steps=1))[0].prediction is None


def test_the_margin_of_a_single_output(fill, network_of):
    """A network with a single value has no other classes, so the margin is the value."""
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="value",
    )
    network = network_of(fill(model))
    one = dream(network, margin([0]), QUICK)[0]
    assert one.activated
    assert one.score == pytest.approx(scores_of(network, logit([0]), [one.image])[0], rel=1e-5)
    assert LOGITS in margin([0]).layers


def test_dreams_are_a_tuple_and_images_for_every_function(network):
    recipe = Recipe(transforms=(), steps=2)
    dreams = dream(network, "conv1:0-1", recipe)
    assert isinstance(dreams, tuple)
    assert isinstance(dreams[:1], Dreams)
    assert np.asarray(dreams).shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(np.asarray(dreams[0]), dreams[0].image)
    stack = np.stack([one.image for one in dreams])
    np.testing.assert_array_equal(
        activations(network, dreams, ["conv1"])["conv1"], activations(network, stack, ["conv1"])["conv1"]
    )
    again, same = (dream(network, "conv1:0", recipe, start=start) for start in (dreams[1], dreams[1].image))
    np.testing.assert_array_equal(again[0].image, same[0].image)


def test_a_recipe_may_hold_lists(network):
    listed, tupled = (Recipe(Fourier(kind([16, 16])), transforms=kind([Pad(1)]), steps=2) for kind in (list, tuple))
    assert pixels(dream(network, "conv1:0", listed)) == pixels(dream(network, "conv1:0", tupled))
