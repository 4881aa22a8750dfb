"""Images with one unit's response to each: its activation map, the map's maximum, and the patch seen there."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.evidence.activations import Floats, stream
from dreamfilters.evidence.patches import Patch, extract_patch
from dreamfilters.networks import Network
from dreamfilters.networks.layers.layer_info import LayerInfo, as_maps
from dreamfilters.serialization import plain


@dataclass(frozen=True, eq=False)
class UnitView:
    """One image and a unit's response to it.

    Attributes:
        image: (h, w, c) in [0, 1], in the network's size.
        name: the image's file, or the target of a dream.
        label: its class, "" for none.
        response: the mean or the maximum of the map, as the unit's `by` says.
        position: (row, column) of the map's maximum.
        map: (h, w); (1, 1) for a unit without positions.
        patch: the part of the image that `position` sees; None where that is the whole image.
    """

    image: Floats
    name: str
    label: str
    response: float
    position: tuple[int, int]
    map: Floats
    patch: Patch | None

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as plain values."""
        digits = [[float(f"{value:.6g}") for value in row] for row in self.map.tolist()]
        values: dict[str, Any] = plain(
            {
                "name": self.name,
                "label": self.label,
                "response": self.response,
                "position": self.position,
                "box": None if self.patch is None else self.patch.box,
                "map": digits,
            }
        )
        return values


class ViewRequest(NamedTuple):
    """An image (h, w, c) in the scan's size, with its name and label, and the unit whose response is recorded."""

    unit: ComparedUnit
    image: Floats
    name: str
    label: str = ""


def unit_views(network: Network, facts: LayerInfo, requests: Sequence[ViewRequest]) -> tuple[UnitView, ...]:
    """Return a view for each request; all units are of one layer, whose maps are held for one batch at a time.

    Args:
        network: the units' network.
        facts: the layer's, from a scan.
        requests: images and units.
    """
    if not requests:
        return ()
    batches = stream(network, (request.image for request in requests), [requests[0].unit.layer])
    maps = itertools.chain.from_iterable(itertools.chain.from_iterable(batch.values()) for batch in batches)
    return tuple(
        _view(request, as_maps(values[None])[0, ..., request.unit.number].copy(), facts)
        for request, values in zip(requests, maps, strict=True)
    )


def _view(request: ViewRequest, values: Floats, facts: LayerInfo) -> UnitView:
    finite = np.nan_to_num(values, nan=-np.inf)
    row, column = (int(index) for index in np.unravel_index(np.argmax(finite), values.shape))
    response = float(values.max() if request.unit.by == "max" else values.mean(dtype=np.float64))
    patch = extract_patch(request.image, facts, (row, column))
    seen = None if patch.whole_image else patch
    return UnitView(request.image, request.name, request.label, response, (row, column), values, seen)
