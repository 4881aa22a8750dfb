"""Tests of the registry of attribution methods."""

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.methods.method_names import NAMES
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.errors import UnknownNameError


@dataclass(frozen=True)
class Brightness:
    """A toy method: every pixel contributes its brightness."""

    name: str = "brightness"
    meaning: str = "the mean of the channels"

    def __call__(self, network, objective, images):
        return images.mean(axis=-1)


@pytest.fixture
def brightness():
    method: Attribution = Brightness()
    ATTRIBUTIONS.register(method)
    yield method
    ATTRIBUTIONS.remove("brightness")


def test_a_registered_method_is_found_by_name_and_returns_a_heatmap_per_image(brightness, network, scene):
    images = np.stack([scene(seed=1), scene(seed=2)])
    (objective,) = goals(network, "conv2:0")
    assert "brightness" in list(ATTRIBUTIONS)
    heatmaps = ATTRIBUTIONS["brightness"](network, objective, images)
    np.testing.assert_allclose(heatmaps, images.mean(axis=-1))
    with pytest.raises(UnknownNameError, match=r"brightnes: .* Close names: brightness"):
        ATTRIBUTIONS["brightnes"]


def test_a_removed_method_is_gone():
    with pytest.raises(UnknownNameError, match="attribution method brightness"):
        ATTRIBUTIONS["brightness"]


def test_the_names_known_without_tensorflow_are_those_of_the_registry():
    code = "from dreamfilters.attribution.registry import ATTRIBUTIONS; print(*ATTRIBUTIONS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert tuple(done.stdout.split()) == NAMES  # in a new process, because tests register methods of their own
