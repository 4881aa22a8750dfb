import numpy as np
import pytest

from dreamfilters.comparison.measures.map_similarity import MapSimilarity, map_similarity
from dreamfilters.errors import ImageError


@pytest.fixture(scope="module")
def bump():
    rows, columns = np.mgrid[0:12, 0:12]
    return np.exp(-((rows - 4) ** 2 + (columns - 5) ** 2) / 8)


def test_a_map_equals_itself_and_is_opposite_to_its_negative(bump):
    assert map_similarity(bump, bump) == MapSimilarity(pytest.approx(1), pytest.approx(1))
    opposite = map_similarity(bump, -bump)
    assert opposite.cosine == pytest.approx(-1)
    assert opposite.ssim < 0


def test_cosine_worked_by_hand():
    assert map_similarity([[3, 0], [0, 4]], [[4, 0], [3, 0]]).cosine == pytest.approx(12 / 25)
    assert map_similarity([[1, 0], [0, 0]], [[0, 0], [0, 1]]).cosine == 0


def test_the_cosine_ignores_strength_and_ssim_does_not(bump):
    found = map_similarity(bump, 0.2 * bump)
    assert found.cosine == pytest.approx(1)
    assert found.ssim < 0.9


def test_ssim_worked_by_hand_on_one_window():
    """On 3x3 positions there is one window. One map has a single 1, the other is zero but shares the range of 1.

    Means 1/9 and 0, variance 1/9 (of a sample of nine) and 0, covariance 0; C1 = .01^2 and C2 = .03^2.
    """
    peak = np.zeros((3, 3))
    peak[1, 1] = 1
    expected = (0.0001 / (1 / 81 + 0.0001)) * (0.0009 / (1 / 9 + 0.0009))
    assert map_similarity(peak, np.zeros((3, 3))).ssim == pytest.approx(expected)


def test_noise_lowers_similarity_gradually(bump):
    noise = np.random.default_rng(0).normal(size=bump.shape)
    found = [map_similarity(bump, bump + strength * noise) for strength in (0, 0.05, 0.2, 0.8)]
    assert [one.ssim for one in found] == sorted((one.ssim for one in found), reverse=True)
    assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)


def test_unrelated_maps_have_no_similarity():
    rng = np.random.default_rng(2)
    found = [map_similarity(rng.normal(size=(24, 24)), rng.normal(size=(24, 24))) for _ in range(20)]
    assert np.mean([one.ssim for one in found]) == pytest.approx(0, abs=0.05)
    assert np.mean([one.cosine for one in found]) == pytest.approx(0, abs=0.05)


def test_constant_maps_are_undefined_and_not_nan(bump):
    flat, silent = np.full((12, 12), 0.3), np.zeros((12, 12))
    assert map_similarity(flat, flat) == MapSimilarity(None, pytest.approx(1))
    assert map_similarity(silent, silent) == MapSimilarity(None, None)
    against = map_similarity(bump, silent)
    assert against.cosine is None
    assert 0 < against.ssim < 1
    assert "–" in map_similarity(silent, flat)._repr_html_()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 9)])
def test_a_map_too_small_for_a_window_has_a_cosine_only(shape):
    rising = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    assert map_similarity(rising, rising) == MapSimilarity(None, pytest.approx(1))


@pytest.mark.parametrize("shape", [(3, 3), (4, 4), (6, 20), (8, 8)])
def test_a_small_map_gets_a_small_window(shape):
    rising = np.arange(float(np.prod(shape))).reshape(shape)
    assert map_similarity(rising, rising).ssim == pytest.approx(1)


def test_nan_and_huge_values(bump):
    assert map_similarity(np.full((4, 4), np.nan), np.ones((4, 4))) == MapSimilarity(None, None)
    assert map_similarity(1e200 * bump, 1e200 * bump).cosine == pytest.approx(1)


def test_maps_of_unequal_shapes_are_refused(bump):
    with pytest.raises(ImageError, match=r"\(12, 12\) and \(6, 6\)"):
        map_similarity(bump, bump[:6, :6])
    with pytest.raises(ImageError, match=r"\(4,\)"):
        map_similarity(np.ones(4), np.ones(4))
