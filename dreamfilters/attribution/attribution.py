"""Attribution methods: which pixels an objective depends on, for example saliency, occlusion and class activation maps.

A method is one module that defines an `Attribution` and an entry in `ATTRIBUTIONS`. Command line, report, viewer and
Python iterate over that registry.
"""

from __future__ import annotations

from typing import Protocol

from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network
from dreamfilters.registry import Registry


class Attribution(Protocol):
    """A method that attributes the score of an objective to the pixels of an image."""

    @property
    def name(self) -> str:
        """The key in the registry, as options name it."""

    @property
    def meaning(self) -> str:
        """What a value of the heatmap states, in one line."""

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) for images (n, h, w, c) in [0, 1]; positive values raise the score."""


ATTRIBUTIONS: Registry[Attribution] = Registry("attribution method", [])
