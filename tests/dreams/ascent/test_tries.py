"""The best of several seeds: the choice by hand-made dreams, and the dreams of each seed made separately."""

from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.dreams.ascent.fallbacks import Ladder
from dreamfilters.dreams.ascent.prediction import DreamPrediction
from dreamfilters.dreams.ascent.tries import Tries, better, first_try
from dreamfilters.dreams.engine import dream, iter_dreams
from dreamfilters.dreams.objectives.features import diversity
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.networks.classes.predictions import Prediction
from tests.batch_independence import any_batch_size

QUICK = Recipe(steps=4)
STILL = Recipe(transforms=(), steps=4)  # has fewer fallbacks for classes, which are compiled
NAN = float("nan")


def predicted(reached):
    own = Prediction(0, "STOP", 1.0, 0.6, predicted=reached)
    return DreamPrediction(0, (own,), own, reached)


def made(seed, robust, **changes):
    image = np.full((2, 2, 3), seed / 10, "float32")
    given = Dream("conv:0", image, 9.0 - seed, robust, 0.0, 4, 0.5, seed, Recipe(steps=4), True)
    return replace(given, **changes)


def best(*seeds, group=1):
    """The best dreams of each seed's dreams."""
    kept, *others = map(first_try, seeds)
    for other in others:
        kept = better(kept, other, group)
    return kept


def test_the_highest_robust_score_is_kept_with_the_scores_of_all():
    (kept,) = best([made(5, 1.0)], [made(6, 3.0)], [made(7, 2.0)])
    assert (kept.seed, kept.robust, kept.score, kept.seconds) == (6, 3.0, 3.0, 1.5)
    assert kept.image[0, 0, 0] == np.float32(0.6)
    assert kept.tries == Tries(6, (5, 6, 7), (1.0, 3.0, 2.0), "activated", (True, True, True))


@pytest.mark.parametrize(
    ("rivals", "seed"),
    [
        ([(1.0, True), (9.0, False), (2.0, True)], 2),  # reached, then the robust score
        ([(1.0, False), (9.0, False)], 1),
        ([(9.0, False), (-3.0, True)], 1),
        ([(2.0, True), (2.0, True)], 0),  # the earlier of equals
        ([(NAN, True), (-5.0, True)], 1),
        ([(-5.0, True), (NAN, True)], 0),
        ([(NAN, False), (NAN, True)], 1),
    ],
)
def test_a_class_that_is_predicted_and_a_unit_that_is_activated_come_first(rivals, seed):
    classes = [[made(n, robust, prediction=predicted(reached))] for n, (robust, reached) in enumerate(rivals)]
    units = [[made(n, robust, activated=reached)] for n, (robust, reached) in enumerate(rivals)]
    for dreams, aim in ((classes, "predicted"), (units, "activated")):
        (kept,) = best(*dreams)
        assert (kept.seed, kept.tries.aim) == (seed, aim)
        assert kept.tries.reached == tuple(reached for _, reached in rivals)


def test_dreams_that_are_scored_together_stay_together():
    """The second dream of seed 1 is better, but the first is worse by more."""
    dreams = [made(0, 5.0), made(0, 1.0)], [made(1, 2.0), made(1, 3.0)]
    assert [one.seed for one in best(*dreams)] == [0, 1]
    together = best(*dreams, group=2)
    assert [one.seed for one in together] == [0, 0]
    assert [one.tries.robust for one in together] == [(5.0, 2.0), (1.0, 3.0)]


def test_the_spread_is_said_in_words():
    tries = Tries(7, (5, 6, 7), (1.0, NAN, 3.0), "predicted", (False, True, True))
    assert tries.text == "best of 3 seeds: robust 3, others 1; 2 of 3 predicted"
    lost = Tries(5, (5, 6), (NAN, NAN), "activated", (False, False))
    assert lost.text == "best of 2 seeds: robust nan, other not finite; 0 of 2 activated"
    kept = best([made(5, 1.0)], [made(6, 3.0)], [made(7, 2.0)])[0]
    assert kept.caption == "conv:0\n3\nbest of 3 seeds\nrobust 3, others 1 to 2"
    assert "seed 6, best of 3 seeds: robust 3, others 1 to 2, median 1.5" in kept._repr_html_()
    assert "best of" not in made(5, 1.0)._repr_html_() + made(5, 1.0).caption
    assert "tries" not in made(5, 1.0).as_values()


def test_values_are_read_back():
    tries = Tries(7, (6, 7), (NAN, 3.0), "predicted", (False, True))
    values = tries.as_values()
    assert (values["text"], values["robust"]) == (tries.text, [None, 3.0])
    again = Tries.from_values(values)
    assert repr(again) == repr(tries)  # NaN is not equal to itself
    for change in ({"seed": 5}, {"robust": [1.0]}, {"aim": "better"}, {"reached": [1, 1]}, {"more": 1}):
        with pytest.raises(ValueError, match="tries"):
            Tries.from_values(values | change)
    with pytest.raises(ValueError, match="tries"):
        Tries.from_values(3)


def facts(one):
    """Everything about a dream but its tries and its time."""
    frames = [frame.tobytes() for frame in one.frames]
    values = {key: value for key, value in one.as_values().items() if key != "tries"}
    return one.image.tobytes(), frames, values


@any_batch_size
def test_the_kept_dream_is_the_best_of_the_dreams_of_each_seed_byte_for_byte(network):
    """Alone and in batches, with frames, from noise and from an image."""
    targets, moments = ["conv2:0-2", "class:1"], []
    for start in (None, np.random.default_rng(3).random((16, 16, 3), "float32")):
        single = [dream(network, targets, STILL, seed=seed, start=start, frames=2, batch=2) for seed in (5, 6, 7)]
        kept = dream(network, targets, STILL, seed=5, start=start, frames=2, tries=3, batch=2, on_step=moments.append)
        for row, one in enumerate(kept):
            rivals = [dreams[row] for dreams in single]
            reached = [each.prediction.is_predicted if each.prediction else each.activated for each in rivals]
            order = [(reach, each.robust) for reach, each in zip(reached, rivals, strict=True)]
            assert facts(one) == facts(rivals[order.index(max(order))])
            assert one.tries.robust == tuple(each.robust for each in rivals)
            assert one.tries.reached == tuple(reached)
            assert one.image.base is None  # it does not hold the images of its batch
        assert len({one.seed for one in kept}) > 1
    alone = next(iter_dreams(network, "conv2:1", STILL, seed=5, tries=3, start=start, frames=2))
    assert (facts(alone), alone.tries) == (facts(kept[1]), kept[1].tries)
    whole = [moment for moment in moments if len(moment.names) == 2 and moment.step == 4]
    assert {(moment.tried, moment.tries) for moment in whole} == {(0, 3), (1, 3), (2, 3)}


@pytest.mark.thorough
def test_a_group_is_chosen_as_a_whole(network):
    goal = channel("conv2", [3] * 2) + 2.0 * diversity("conv2", 2)
    pairs = dream(network, goal, QUICK, seed=1, tries=2)
    assert pairs[0].seed == pairs[1].seed
    means = np.mean([one.tries.robust for one in pairs], axis=0)
    assert pairs[0].seed == 1 + np.argmax(means)


def test_a_class_that_one_seed_reaches_is_of_that_seed(network, monkeypatch):
    """Each seed in turn is the only one that reaches the class: it is kept, whatever its robust score."""
    for lucky in (5, 6, 7):
        monkeypatch.setattr(
            Ladder, "recover", lambda ladder, *_, lucky=lucky: [predicted(ladder.batches.seed == lucky)]
        )
        (kept,) = dream(network, "class:0", STILL, seed=5, tries=3)
        assert (kept.seed, kept.prediction.is_predicted) == (lucky, True)
        assert kept.tries.text.endswith("; 1 of 3 predicted")


@pytest.mark.parametrize("tries", [0, -1, 1.5, 10**9, True, "3", None])
def test_a_wrong_number_of_tries_is_one_line(network, tries):
    with pytest.raises(RecipeError) as caught:
        dream(network, "conv2:0", QUICK, tries=tries)
    assert str(caught.value) == f"tries={tries!r}: must be a whole number from 1 to 1000"
