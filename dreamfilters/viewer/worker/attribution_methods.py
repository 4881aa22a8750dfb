"""The attribution methods in the order in which the page offers them."""

from __future__ import annotations

from dreamfilters.attribution.attribute import chosen_methods
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.viewer.messages import Values

_SHOWN = ("gradient", "occlusion")  # what the output reacts to, and what it needs


def attribution_methods() -> list[Values]:
    """Return each attribution method as JSON values: the default methods first, which are `quick`, the others after.

    The heatmaps of those that are `shown` are there without a choice.
    """
    quick = {method.name: method for method in chosen_methods()}
    return [
        {
            "name": method.name,
            "meaning": method.meaning,
            "quick": method.name in quick,
            "shown": method.name in _SHOWN,
        }
        for method in (*quick.values(), *(each for name, each in ATTRIBUTIONS.items() if name not in quick))
    ]
