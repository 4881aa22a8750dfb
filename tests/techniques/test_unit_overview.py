import numpy as np
import pytest

from dreamfilters.attribution.methods.guided_backprop import Deconvnet
from dreamfilters.dreams.objectives.units import neuron
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import activations
from dreamfilters.techniques.unit_overview import unit_overview

QUICK = Recipe(Pixels(), transforms=(), steps=2)


@pytest.fixture(scope="module")
def pixels(scene):
    return np.stack([scene(seed=number) for number in range(7)])


@pytest.fixture(scope="module")
def found(network, pixels):
    return unit_overview(network, "conv2:3", pixels, QUICK, count=3)


def test_the_images_are_the_strongest_and_the_dreams_differ(found, network, pixels):
    maps = activations(network, pixels, ["conv2"])["conv2"][..., 3]
    means = maps.mean(axis=(1, 2))
    assert [one.score for one in found.strongest] == pytest.approx(sorted(means, reverse=True)[:3], rel=1e-5)
    assert found.searched == 7
    assert len({each.image.tobytes() for each in found.dreams}) == 3


def test_the_deconvolution_is_that_of_the_strongest_position_cut_to_its_receptive_field(found, network, pixels):
    maps = activations(network, pixels, ["conv2"])["conv2"][..., 3]
    best = int(maps.mean(axis=(1, 2)).argmax())
    row, column = np.unravel_index(maps[best].argmax(), maps[best].shape)
    expected = Deconvnet()(network, neuron("conv2", [(3, row, column)]), pixels[best][None])[0]
    one = found.strongest[0]
    top, left, bottom, right = one.patch.box
    assert one.signal.shape == one.patch.image.shape
    inside = np.abs(one.signal).max(axis=-1)
    kept = expected[max(0, top) : bottom, max(0, left) : right]
    assert inside.max() == pytest.approx(kept.max(), rel=1e-5)
    assert inside.sum() == pytest.approx(expected.sum(), rel=1e-4)  # nothing outside of the receptive field


@pytest.mark.thorough
def test_a_class_shows_whole_images(network, pixels):
    made = unit_overview(network, "class:1", pixels, QUICK, count=2)
    assert all(one.patch.whole_image for one in made.strongest)
    assert made.strongest[0].signal.shape == (16, 16, 3)
    assert made.strip.columns == 2
    assert len(made.strip.images) == 6


def test_a_count_below_one_is_refused(network, pixels):
    with pytest.raises(RecipeError, match="count=0"):
        unit_overview(network, "conv2:3", pixels, QUICK, count=0)
