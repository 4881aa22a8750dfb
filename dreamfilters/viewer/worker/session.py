"""What the worker does with the model: open it, show it images, look at maps, dream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import LOGITS, LayerInfo, Network, load
from dreamfilters.networks.classes.predictions import predictions
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import CLASSES, ImageArray, LayerMaps, Values
from dreamfilters.viewer.services.byte_cache import ByteCache
from dreamfilters.viewer.worker.map_encoding import layer_maps, unit_map
from dreamfilters.viewer.worker.network_description import described, display_of

_SIDE = 224  # pixels of the images for a network that takes any size
_ROOM = 2**28  # bytes of activations: those of the images that were shown last
_AT_ONCE = 2**28  # bytes of one image's activations up to which all layers are run together


def opened(spec: Any, options: Mapping[str, Any]) -> Network:
    """Return the network with a definite input size."""
    network = load(spec, **options)
    height, width = network.form.size
    return replace(network, form=replace(network.form, size=(height or _SIDE, width or _SIDE)))


class ModelSession:
    """What a network answers to single images; of those shown last everything is at hand."""

    def __init__(self, network: Network) -> None:
        self.network, self.facts = network, described(network)
        self._infos = {f"L{number}": info for number, info in enumerate(network.layers)}
        self._seen: ByteCache[Any, Mapping[str, ImageArray]] = ByteCache(
            _ROOM, weigh=lambda seen: sum(v.nbytes for v in seen.values())
        )
        drawn = [key for key, info in self._infos.items() if display_of(info) != "none"]
        self._ids = (*drawn, *([CLASSES] if self.facts.classes else []))
        self._together = image_bytes(network, self.facts.size) <= _AT_ONCE

    def warm(self) -> None:
        """Compile what the first click would wait for."""
        if self._together:
            blank = np.zeros((*self.facts.size, self.facts.channels), np.float32)
            activations(self.network, blank[None], [self.facts.addresses[each] for each in self._ids])

    def activation(self, layer: str, key: Any, image: ImageArray) -> ImageArray:
        """Return what a layer makes of an image, (h, w, c) or (c,); `key` tells images apart."""
        asked = self._ids if self._together else (layer,)
        held = (key, None if self._together else layer)
        seen = self._seen.get(held)
        if seen is None:
            addresses = [self.facts.addresses[each] for each in asked]
            found = activations(self.network, image[None], addresses)
            seen = {each: np.array(found[name][0]) for each, name in zip(asked, addresses, strict=True)}
            self._seen[held] = seen
        return seen[layer]

    def maps(self, layer: str, key: Any, image: ImageArray) -> LayerMaps:
        """Return a layer's maps for an image."""
        values = self.activation(layer, key, image)
        return layer_maps(UnitMaps.of(self._info(layer, values), values))

    def map(self, layer: str, unit: int, key: Any, image: ImageArray) -> Values:
        """Return one unit's map for an image, in full."""
        values = self.activation(layer, key, image)[..., unit]
        found = unit_map(np.atleast_2d(values))
        return {**found, "box": list(self.facts.seen_from(layer, *found["position"]))}  # type: ignore[misc]

    def predictions(self, key: Any, image: ImageArray, top: int) -> list[Values]:
        """Return the surest classes of an image."""
        found = predictions(self.network, self.activation(CLASSES, key, image), top)
        return [
            {"index": g.number, "name": g.name, "probability": plain(g.probability), "logit": plain(g.logit)}
            for g in found
        ]

    def _info(self, layer: str, values: ImageArray) -> LayerInfo:
        return self._infos.get(layer) or LayerInfo(LOGITS, "logits", values.shape, len(values), "linear", kind="vector")


def image_bytes(network: Network, sides: tuple[int, int]) -> int:
    """Return about how many bytes all layers give for one image; a side that is not known is the image's."""
    shapes = [info.shape for info in network.layers if display_of(info) != "none"]
    known = [[side or sides[min(place, 1)] for place, side in enumerate(shape)] for shape in shapes]
    return 4 * sum(math.prod(shape) for shape in known)


def _bytes(seen: Mapping[str, ImageArray]) -> int:
    return sum(values.nbytes for values in seen.values())
