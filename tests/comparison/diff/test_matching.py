"""Linear CKA against its definition by features, and pairs of units against planted ones."""

import numpy as np
import pytest

from dreamfilters.comparison.diff.matching import linear_cka, match_layers, match_units


@pytest.fixture
def responses():
    return np.random.default_rng(0).normal(size=(60, 5))


def test_linear_cka_is_that_of_its_definition(responses):
    other = np.random.default_rng(1).normal(size=(60, 7)) + responses[:, :1]
    x, y = responses - responses.mean(axis=0), other - other.mean(axis=0)
    numerator = np.linalg.norm(y.T @ x, "fro") ** 2
    expected = numerator / (np.linalg.norm(x.T @ x, "fro") * np.linalg.norm(y.T @ y, "fro"))
    assert linear_cka(responses, other) == pytest.approx(expected)


def test_linear_cka_ignores_rotations_and_factors_but_not_other_responses(responses):
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))
    assert linear_cka(responses, 3 * responses @ rotation) == pytest.approx(1)
    assert linear_cka(responses, np.random.default_rng(3).normal(size=(60, 5))) < 0.3
    assert linear_cka(responses, np.ones((60, 2))) == 0


def test_units_find_their_partners_and_noise_finds_none(responses):
    noise = np.random.default_rng(4).normal(size=(60, 1))
    other = np.concatenate([responses[:, [4, 2, 0]] * 2 + 1, noise, np.zeros((60, 1))], axis=1)
    found = match_units(responses, other)
    pairs = dict(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert {pairs[4], pairs[2], pairs[0]} == {0, 1, 2}
    assert (pairs[4], pairs[2], pairs[0]) == (0, 1, 2)
    sure = dict(zip(found.first.tolist(), found.correlations.tolist(), strict=True))
    assert min(sure[unit] for unit in (0, 2, 4)) > 0.999
    (with_noise,) = [unit for unit, partner in pairs.items() if partner == 3]
    assert abs(sure[with_noise]) < 0.5  # on the images that did not choose it
    assert 4 not in pairs.values()  # it is constant


def test_of_equal_partners_the_one_of_the_same_number_is_taken(responses):
    twins = np.repeat(responses[:, :1], 4, axis=1)
    found = match_units(twins, twins)
    assert found.first.tolist() == found.second.tolist() == [0, 1, 2, 3]


def test_nothing_to_match_gives_no_pairs():
    found = match_units(np.zeros((10, 3)), np.zeros((10, 2)))
    assert len(found.first) == len(found.correlations) == 0
    assert match_layers(np.array([[0.4]]), 0.5) == []
