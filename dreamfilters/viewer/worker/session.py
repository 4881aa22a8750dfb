"""A network in the worker: its description and its activations on single images, cached by image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import Network, load
from dreamfilters.networks.classes.class_head import predictions
from dreamfilters.serialization import plain
from dreamfilters.viewer.byte_cache import ByteCache
from dreamfilters.viewer.messages import CLASS_LAYER, ImageArray, LayerMaps, Values
from dreamfilters.viewer.worker.map_encoding import encode_layer_maps, encode_unit_map
from dreamfilters.viewer.worker.network_description import describe_network, display_of

_SIDE = 224  # pixels of the input of a network that takes any size
_CACHE = 2**28  # bytes of activations that are cached
_ALL_LAYERS = 2**28  # bytes of one image's activations up to which all layers are computed together


def open_network(spec: Any, options: Mapping[str, Any]) -> Network:
    """Return the network with a definite input size."""
    network = load(spec, **options)
    height, width = network.form.size
    return replace(network, form=replace(network.form, size=(height or _SIDE, width or _SIDE)))


class ModelSession:
    """Activations of a network on single images.

    Images are distinguished by `key`, any hashable value; the activations of the latest images are cached.
    """

    def __init__(self, network: Network, *, cache: int = _CACHE, all_layers: int = _ALL_LAYERS) -> None:
        """Describe the network.

        Args:
            network: with a definite input size.
            cache: bytes of activations that are cached.
            all_layers: bytes of one image's activations up to which all layers are computed together.
        """
        self.network, self.description = network, describe_network(network)
        self._cache: ByteCache[Any, Mapping[str, ImageArray]] = ByteCache(
            cache, size_of=lambda outputs: sum(values.nbytes for values in outputs.values())
        )
        self._layers = tuple(key for key, info in self.description.layers.items() if display_of(info) != "none")
        self._together = activation_bytes(network, self.description.size) <= all_layers

    @property
    def cached_bytes(self) -> int:
        """Size of the cached activations."""
        return self._cache.byte_count

    def warm_up(self) -> None:
        """Compile the program that the first request needs."""
        if self._together:
            description = self.description
            blank = np.zeros((1, *description.size, description.channels), np.float32)
            activations(self.network, blank, [description.layers[each].name for each in self._layers])

    def activation(self, layer: str, key: Any, image: ImageArray) -> ImageArray:
        """Return the output of a layer for an image, (h, w, c), (t, c) or (c,)."""
        layers = self._layers if self._together else (layer,)
        cache_key = (key, None if self._together else layer)
        outputs = self._cache.get(cache_key)
        if outputs is None:
            names = [self.description.layers[each].name for each in layers]
            found = activations(self.network, image[None], names)
            outputs = {each: np.array(found[name][0]) for each, name in zip(layers, names, strict=True)}
            self._cache[cache_key] = outputs
        return outputs[layer]

    def layer_maps(self, layer: str, key: Any, image: ImageArray) -> LayerMaps:
        """Return the activation maps of a layer for an image."""
        return encode_layer_maps(UnitMaps.of(self.description.layers[layer], self.activation(layer, key, image)))

    def unit_map(self, layer: str, unit: int, key: Any, image: ImageArray) -> Values:
        """Return the activation map of a unit for an image, at full resolution."""
        maps = UnitMaps.of(self.description.layers[layer], self.activation(layer, key, image), (unit,))
        values = encode_unit_map(maps)
        row, column = values["position"]
        return {**values, "box": list(self.description.box_of(layer, row, column))}

    def predictions(self, key: Any, image: ImageArray, top: int) -> list[Values]:
        """Return the top-k classes predicted for an image."""
        return [
            {"index": each.number, "name": each.name, "probability": plain(each.probability),
             "logit": plain(each.logit)}
            for each in predictions(self.network, self.activation(CLASS_LAYER, key, image), top)
        ]  # fmt: skip


def activation_bytes(network: Network, size: tuple[int, int]) -> int:
    """Return approximately how many bytes the outputs of all layers take for one image.

    An unknown side of a map is taken to be as long as that of the image.
    """
    shapes = [info.shape for info in network.layers if display_of(info) != "none"]
    sides = [[side or size[min(axis, 1)] for axis, side in enumerate(shape)] for shape in shapes]
    return 4 * sum(math.prod(shape) for shape in sides)
