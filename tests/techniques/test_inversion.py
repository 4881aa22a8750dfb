import numpy as np
import pytest

from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.techniques.inversion import invert

QUICK = Recipe(Pixels(), transforms=(), optimizer=Adam(0.15), steps=30)


def test_an_early_layer_keeps_the_image_and_a_late_one_less(network, scene):
    image = scene(seed=7)
    found = invert(network, image, ["conv1", "classes"], QUICK)
    assert found.layers == ("conv1", "classes")
    assert found.errors[0] < 0.2
    assert found.errors[1] < 0.01  # three numbers are matched easily
    assert found.pixel_errors[0] < 0.7 * found.pixel_errors[1]  # but they say little of the image
    assert set(found.images) == {"inversion-00", "inversion-01"}
    assert [row["layer"] for row in found.as_values()["layers"]] == ["conv1", "classes"]
    assert found.strip.sheet.shape[2] == 3


def test_a_layer_that_does_not_exist_or_is_silent_is_refused(network, red):
    with pytest.raises(UnknownNameError, match="conv9"):
        invert(network, np.zeros((16, 16, 3)), "conv9", QUICK)
    with pytest.raises(TargetError, match="conv: is silent on image"):
        invert(red, np.zeros((16, 16, 3)), "conv", QUICK)
