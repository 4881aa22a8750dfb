"""Attribution methods: which pixels an objective depends on, for example saliency, occlusion and class activation maps.

A method is one module in `methods/` that defines an `Attribution`, and an entry in `registry.ATTRIBUTIONS`.
"""

from __future__ import annotations

from typing import Protocol

from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network


class Attribution(Protocol):
    """A method that attributes the score of an objective to the pixels of an image."""

    @property
    def name(self) -> str:
        """The key in the registry, as options name it."""

    @property
    def meaning(self) -> str:
        """What a value of the heatmap states, in one line."""

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) of one target for images (n, h, w, c) in [0, 1] of the network's size.

        Positive values raise the score. A method that does not fit the network raises a ModelError or TargetError.
        """
