import json

import numpy as np
import pytest

from dreamfilters.comparison.measures.response_rank import ResponseRanks, contests, contests_between, response_rank
from dreamfilters.comparison.responses import responses_to
from dreamfilters.errors import ImageError


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(6)])


def test_a_standing_worked_by_hand():
    found = response_rank(3.0, [1.0, 4.0, 2.0, 3.0])
    assert (found.ratio, found.margin, found.percentile) == (0.75, -1.0, 75.0)
    assert (found.largest, found.index, found.count, found.loses) == (4.0, 1, 4, True)


def test_a_dream_that_does_what_the_best_image_does_does_not_lose():
    best = response_rank(4.0, [1.0, 4.0])
    assert (best.ratio, best.percentile, best.loses) == (1.0, 100.0, False)
    assert "<td>100</td>" in best._repr_html_()


@pytest.mark.parametrize("largest", [0.0, -2.0])
def test_there_is_no_ratio_to_what_is_not_above_zero(largest):
    found = response_rank(1.5, [largest, largest - 1])
    assert found.ratio is None
    assert found.margin == 1.5 - largest
    assert found.percentile == 100


def test_a_stronger_dream_never_stands_lower():
    real = np.random.default_rng(0).normal(size=100)
    found = [response_rank(response, real).percentile for response in np.linspace(-4, 4, 50)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 100)


def test_numbers_that_are_none_do_not_count_and_a_dream_without_one_loses():
    found = response_rank(1.0, [np.nan, 0.5, 2.0])
    assert (found.count, found.index, found.percentile) == (2, 2, 50.0)
    broken = response_rank(float("nan"), [1.0])
    assert broken.loses
    assert broken.as_values()["response"] is None
    with pytest.raises(ImageError, match="2 real images: none has a response"):
        response_rank(1.0, [np.nan, np.nan])


def test_a_contest_flags_what_a_real_image_does_better(network, images):
    responses = responses_to(network, images, {"conv2": [0]})["conv2"].mean[:, 0]
    order = np.argsort(responses)
    weak, strong = images[order[:1]], images[order[-1:]]
    lost = contests(network, weak, images, "conv2", 0)[0]
    won = contests(network, strong, images, "conv2", 0, looks=0)[0]
    assert lost.mean.loses
    assert f"by mean: loses to image {order[-1]}" in lost.flags
    assert lost.mean.percentile == pytest.approx(100 / 6)
    assert (won.mean.ratio, won.mean.loses, won.moved_mean) == (1.0, False, None)
    assert lost.moved_mean.count == 6
    json.dumps(lost.as_values(), allow_nan=False)
    assert "loses to image" in lost._repr_html_()


def test_a_contest_without_a_loss_says_so():
    best = response_rank(2.0, [1.0])
    contest = ResponseRanks(best, best)
    assert contest.flags == ()
    assert contest.as_values()["flags"] == []
    assert "No real image does better" in contest._repr_html_()


def test_many_units_of_many_layers_in_one_pass_stand_as_each_on_its_own(network, images):
    units = {"conv1": [3], "conv2": [0, 6]}
    own, real, moving = (
        responses_to(network, some, units, looks=looks) for some, looks in ((images[:2], 0), (images, 0), (images, 2))
    )
    shaken = responses_to(network, images[:2], units, looks=2)
    together = contests_between(own["conv2"], real["conv2"], column=1, moved=(shaken["conv2"], moving["conv2"]))
    alone = contests(network, images[:2], images, "conv2", 6, looks=2)
    for one, other in zip(together, alone, strict=True):
        assert one.mean.response == pytest.approx(other.mean.response, abs=1e-6)
        assert one.moved_maximum.largest == pytest.approx(other.moved_maximum.largest, abs=1e-6)
        assert one.flags == other.flags
