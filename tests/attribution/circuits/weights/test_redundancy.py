"""Tests of redundant units and of the most similar unit."""

import numpy as np
import pytest

from dreamfilters.attribution.circuits.weights.redundancy import partners_of, redundant_units
from dreamfilters.errors import RecipeError


@pytest.fixture
def alike(make_tiny, network_of):
    """`tiny`, in which unit 4 of conv2 has three times the weights of unit 2, and unit 6 never responds."""
    model = make_tiny()
    kernel, bias = model.get_layer("conv2").get_weights()
    kernel[..., 4], bias[4] = 3 * kernel[..., 2], 3 * bias[2]
    kernel[..., 6], bias[6] = 0, -1
    model.get_layer("conv2").set_weights([kernel, bias])
    return network_of(model)


def test_a_multiple_of_a_unit_is_redundant(alike, scene):
    images = np.stack([scene(seed=seed) for seed in range(5)])
    found = {one.unit: one for one in redundant_units(alike, "conv2", images)}
    assert found[4].partner == 2
    assert found[4].weights == pytest.approx(1)
    assert found[4].responses == pytest.approx(1)
    assert found[4].factor == pytest.approx(3, rel=1e-4)
    assert 2 not in found  # the first one is kept
    assert 6 not in found


def test_partners_worked_by_hand(alike):
    responses = np.zeros((4, 8))
    responses[:, 0] = 1, 0, 2, 0
    responses[:, 1] = 2, 0, 4, 0.1
    responses[:, 2] = 0, 1, 0, 2
    partners = partners_of(alike, "conv2", responses)
    assert (partners[0].partner, partners[1].partner) == (1, 0)
    assert partners[0].factor == pytest.approx((1 * 2 + 2 * 4) / (4 + 16 + 0.01))
    assert partners[0].responses == pytest.approx(np.corrcoef(responses[:, 0], responses[:, 1])[0, 1])
    assert partners[7].responses is None  # it does not respond
    assert partners_of(alike, "conv2", responses, excluded=[1])[0].partner != 1
    assert len(partners_of(alike, "conv2", responses, excluded=range(8))) == 8  # there are no others


def test_a_wrong_threshold_is_refused(alike):
    with pytest.raises(RecipeError, match=r"threshold=1\.5: must be above 0 and at most 1"):
        redundant_units(alike, "conv2", np.zeros((1, 16, 16, 3)), threshold=1.5)
