"""Attribution methods: which pixels an objective depends on, for example saliency, occlusion and class activation maps.

A method is one module in `methods/` that defines an `Attribution`, and an entry in `registry.ATTRIBUTIONS`. It can also
define `signed = False`, if its values are magnitudes, and `remarks`, see `remarks_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True)
class RenamedAttribution:
    """A method under another name, such as one of two occlusions with different windows."""

    method: Attribution
    name: str

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return the heatmaps of the method."""
        return self.method(network, objective, images)

    def __getattr__(self, attribute: str) -> Any:
        """Return an attribute of the method, such as its meaning or remarks."""
        return getattr(object.__getattribute__(self, "method"), attribute)


def with_own_names(methods: Sequence[Attribution]) -> tuple[Attribution, ...]:
    """Return methods whose names differ: one whose name is taken gets its settings, or a number, as part of it.

    >>> from dreamfilters import Occlusion
    >>> [method.name for method in with_own_names([Occlusion(), Occlusion(window=0.3)])]
    ['occlusion', 'occlusion window=0.3']
    """
    named: dict[str, Attribution] = {}
    for method in methods:
        settings = _changed_settings(method)
        names = [method.name, *([f"{method.name} {settings}"] if settings else [])]
        names += [f"{names[-1]} {number}" for number in range(2, len(methods) + 1)]
        name = next(name for name in names if name not in named)
        named[name] = method if name == method.name else RenamedAttribution(method, name)
    return tuple(named.values())


def _changed_settings(method: Attribution) -> str:
    """Return the settings of a method that are not the default, such as 'window=0.3'."""
    known: tuple[Field[Any], ...] = fields(method) if is_dataclass(method) else ()
    settings = [(one.name, getattr(method, one.name), one.default) for one in known]
    changed = [(name, value) for name, value, default in settings if value != default]
    return " ".join(f"{name}={value}" for name, value in changed if name not in ("name", "meaning"))
