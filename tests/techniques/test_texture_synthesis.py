import numpy as np
import pytest

from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError
from dreamfilters.techniques.texture_synthesis import texture

QUICK = Recipe(Pixels(), transforms=(), optimizer=Adam(0.1), steps=40)


def test_the_gram_matrices_are_matched_at_the_size_of_the_image(network, scene):
    found = texture(network, scene(20, 24, seed=2), None, QUICK, seed=3, frames=2)
    assert found.layers == ("conv1", "conv2")
    assert found.dream.image.shape == (20, 24, 3)
    assert found.distance < 0.3 * -found.dream.start
    assert len(found.frames) == 2
    correlation = np.corrcoef(found.dream.image.ravel(), found.given.ravel())[0, 1]
    assert abs(correlation) < 0.6  # a new image, not the given one


def test_a_layer_without_positions_is_refused(network, scene):
    with pytest.raises(TargetError, match=r"classes: has no positions, .*: conv1, pool1, conv2"):
        texture(network, scene(), ["conv1", "classes"])
    with pytest.raises(TargetError, match="none given"):
        texture(network, scene(), [])
