"""Attribution methods: which pixels an objective depends on, for example saliency, occlusion and class activation maps.

A method is one module in `methods/` that defines an `Attribution`, and an entry in `registry.ATTRIBUTIONS`. It can also
define `signed = False`, if its values are magnitudes, and `remarks`, see `remarks_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def is_signed(method: Attribution) -> bool:
    """Return whether the sign of a value says if the pixel raises or lowers the score; so it does by default."""
    return bool(getattr(method, "signed", True))


def remarks_of(
    method: Attribution, network: Network, objective: Objective, images: Floats, heatmaps: Floats
) -> Sequence[str]:
    """Return what a reader of each heatmap has to know, (n,); '' for most.

    It is that of `method.remarks(network, objective, images, heatmaps)`, if the method defines it.
    """
    remarks = getattr(method, "remarks", None)
    return [""] * len(images) if remarks is None else list(remarks(network, objective, images, heatmaps))
