import json

import numpy as np
import pytest

from dreamfilters.comparison.measures.response_rank import ResponseRanks, response_rank
from dreamfilters.comparison.responses import responses_to
from dreamfilters.dreams.ascent.compiled_step import ROBUST_VIEWS
from dreamfilters.errors import ImageError
from dreamfilters.serialization import plain


def test_a_rank_worked_by_hand():
    found = response_rank(3.0, [1.0, 4.0, 2.0, 3.0])
    assert (found.ratio, found.margin, found.percentile) == (0.75, -1.0, 75.0)
    assert (found.largest, found.index, found.count, found.loses) == (4.0, 1, 4, True)


def test_a_dream_with_the_largest_response_does_not_lose():
    best = response_rank(4.0, [1.0, 4.0])
    assert (best.ratio, best.percentile, best.loses) == (1.0, 100.0, False)
    assert ">100</td>" in best._repr_html_()


@pytest.mark.parametrize("largest", [0.0, -2.0])
def test_there_is_no_ratio_to_a_response_of_zero_or_below(largest):
    found = response_rank(1.5, [largest, largest - 1])
    assert found.ratio is None
    assert found.margin == 1.5 - largest
    assert found.percentile == 100


def test_the_percentile_grows_with_the_response():
    real = np.random.default_rng(0).normal(size=100)
    found = [response_rank(response, real).percentile for response in np.linspace(-4, 4, 50)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 100)


def test_nan_is_ignored_and_a_dream_with_nan_loses():
    found = response_rank(1.0, [np.nan, 0.5, 2.0])
    assert (found.count, found.index, found.percentile) == (2, 2, 50.0)
    broken = response_rank(float("nan"), [1.0])
    assert broken.loses
    assert plain(broken)["response"] is None
    with pytest.raises(ImageError, match="2 real images: none has a response that is a number"):
        response_rank(1.0, [np.nan, np.nan])


def test_ranks_are_by_mean_and_by_maximum(compared):
    ranks = compared.units[0].measures["response_rank"]
    robust = compared.units[0].measures["robust_response_rank"]
    assert ranks.rank is ranks.mean
    assert ResponseRanks("max", ranks.mean, ranks.maximum).rank is ranks.maximum
    assert ranks.maximum.response > ranks.mean.response
    assert (ranks.mean.count, robust.mean.count) == (24, 24)
    values = ranks.as_values()
    json.dumps(values, allow_nan=False)
    assert sum(values["histogram"]["counts"]) == 24
    assert "histogram" not in robust.as_values()


def test_robust_ranks_are_those_of_the_transformed_images(colors, compared, images_of):
    images, _ = images_of()
    unit = compared.units[0]
    found = unit.measures["robust_response_rank"].mean
    stack = np.concatenate([images, unit.dream.image[None]])
    expected = responses_to(colors, stack, {"conv": [0]}, views=ROBUST_VIEWS)["conv"].mean[:, 0]
    assert found.response == pytest.approx(expected[-1], abs=1e-5)
    assert found.largest == pytest.approx(expected[:-1].max(), abs=1e-5)
    assert found.index == int(np.argmax(expected[:-1]))


def test_the_histogram_marks_dream_strongest_image_and_the_users(compared):
    unit = compared.units[0]
    ranks = unit.measures["response_rank"]
    assert {mark.kind: mark.value for mark in ranks.marks} == {
        "real": ranks.mean.largest,
        "dream": ranks.mean.response,
        "robust": unit.measures["robust_response_rank"].mean.response,
        "user-image": unit.user_image.response,
    }
