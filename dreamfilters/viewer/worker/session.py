"""A network in the worker, in values for the page: its description, and its maps for single images, cached by image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from dreamfilters.attribution.circuits.weights.kernels import convolutions
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import ModelError, TargetError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.maps.class_mask import class_color, class_mask, mask_over
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.images.panels import png_of
from dreamfilters.networks import LOGITS, LayerInfo, Network, load
from dreamfilters.networks.classes.predictions import predicted_from, predictions
from dreamfilters.networks.layers.pass_through import way_of
from dreamfilters.serialization import plain
from dreamfilters.viewer.byte_cache import ByteCache
from dreamfilters.viewer.messages import CLASS_LAYER, ImageArray, LayerMaps, NetworkDescription, Values
from dreamfilters.viewer.worker.attribution_methods import attribution_methods
from dreamfilters.viewer.worker.found_form import with_form
from dreamfilters.viewer.worker.map_encoding import encode_layer_maps, encode_unit_map
from dreamfilters.viewer.worker.technique_jobs import technique_forms

ImageKey: TypeAlias = tuple[str, int]  # name and version

_FORWARDING = ("identity", "cast", "reshape", "reorder")  # the values of the layer before, see `pass_through`
_SIDE = 224  # pixels of the input of a network that takes any size
_CACHE = 2**28  # bytes of activations that are cached
_ALL_LAYERS = 2**28  # bytes of one image's activations up to which all layers are computed together


def open_network(spec: Any, options: Mapping[str, Any]) -> Network:
    """Return the network with a definite input size.

    Of the options, `found` is a form that a search has found before the worker was restarted; `load` takes the others.
    """
    options = dict(options)
    found = options.pop("found", None)
    if isinstance(spec, Network):
        as_it_is = {"form": spec.form, "classes": spec.classes, **spec.choices}
        network = load(spec.model, **{**as_it_is, **options}) if options else spec
    else:
        network = load(spec, **options)
    height, width = network.form.size
    network = replace(network, form=replace(network.form, size=(height or _SIDE, width or _SIDE)))
    return network if found is None else with_form(network, found)


class ModelSession:
    """Activations of a network on single images.

    Images are distinguished by `key`, a name and a version; the activations of the latest images are cached. Those of
    an earlier version, such as a frame of the webcam that another one has replaced, are dropped.
    """

    def __init__(
        self,
        network: Network,
        *,
        cache: int = _CACHE,
        all_layers: int = _ALL_LAYERS,
        description: NetworkDescription | None = None,
    ) -> None:
        """Describe a network with a definite input size, unless that is done; limits are in bytes of activations."""
        self.network, self.description = network, description or describe_network(network)
        self._cache: ByteCache[Any, Mapping[str, ImageArray]] = ByteCache(
            cache, size_of=lambda outputs: sum(values.nbytes for values in outputs.values())
        )
        self._layers = tuple(key for key, info in self.description.layers.items() if display_of(info) != "none")
        self.activation_bytes = _activation_bytes(network, self.description.size)  # of all layers for one image
        self._together = self.activation_bytes <= all_layers

    def warm_up(self) -> None:
        """Compile the program that the first request needs."""
        if self._together:
            description = self.description
            blank = np.zeros((1, *description.size, description.channels), np.float32)
            activations(self.network, blank, [description.layers[each].name for each in self._layers])

    def activation(self, layer: str, key: ImageKey, image: ImageArray) -> ImageArray:
        """Return the output of a layer for an image, (h, w, c), (t, c) or (c,)."""
        layers = self._layers if self._together else (layer,)
        cache_key = (key, None if self._together else layer)
        outputs = self._cache.get(cache_key)
        if outputs is None:
            names = [self.description.layers[each].name for each in layers]
            found = activations(self.network, image[None], names)
            outputs = {each: np.array(found[name][0]) for each, name in zip(layers, names, strict=True)}
            self._cache.drop(lambda known: known[0][0] == key[0] and known[0] != key)
            self._cache[cache_key] = outputs
        return outputs[layer]

    def layer_maps(self, layer: str, key: ImageKey, image: ImageArray) -> LayerMaps:
        """Return the activation maps of a layer for an image."""
        return encode_layer_maps(UnitMaps.of(self.description.layers[layer], self.activation(layer, key, image)))

    def unit_map(self, layer: str, unit: int, key: ImageKey, image: ImageArray) -> Values:
        """Return the activation map of a unit for an image, at full resolution."""
        maps = UnitMaps.of(self.description.layers[layer], self.activation(layer, key, image), (unit,))
        values = encode_unit_map(maps)
        row, column = values["position"]
        return {**values, "box": list(self.description.box_of(layer, row, column))}

    def predictions(self, key: ImageKey, image: ImageArray, top: int) -> list[Values]:
        """Return the top-k classes predicted for an image; the values of a regression."""
        layer = self._predicted_from
        if layer is None:
            return []
        return [
            {"index": each.number, "name": each.name, "probability": plain(each.probability),
             "logit": plain(each.logit), "share": each.share, "predicted": each.predicted,
             "color": None if each.share is None else "#{:02x}{:02x}{:02x}".format(*class_color(each.number))}
            for each in predictions(self.network, self.activation(layer, key, image), top)
        ]  # fmt: skip

    def class_mask_png(self, key: ImageKey, image: ImageArray) -> bytes:
        """Return an image with the color of the class that is predicted at each position over it, as a PNG.

        Raises:
            TargetError: the output is no map of classes.
        """
        layer = self._predicted_from
        if layer is None or not self.description.values["has_mask"]:
            raise TargetError(f"{self.network.name}: the output is not a map of classes, so there is no mask")
        mask = class_mask(self.network.head, self.activation(layer, key, image))
        return png_of(mask_over(image, mask, self.network.output_layer))

    @property
    def _predicted_from(self) -> str | None:
        """The id of the layer whose values `predictions` takes."""
        address = predicted_from(self.network)
        return next((layer for layer, info in self.description.layers.items() if info.name == address), None)


def _activation_bytes(network: Network, size: tuple[int, int]) -> int:
    """Return the approximate size of all outputs; an unknown side of a map counts as that of the image."""
    shapes = [info.shape for info in network.layers if display_of(info) != "none"]
    sides = [[side or size[min(axis, 1)] for axis, side in enumerate(shape)] for shape in shapes]
    return 4 * sum(math.prod(shape) for shape in sides)


def describe_network(network: Network) -> NetworkDescription:
    """Return the description of a network.

    Raises:
        ModelError: the network has no definite input size.
    """
    layers = {f"L{number}": info for number, info in enumerate(network.layers)}
    ids = {info.name: key for key, info in layers.items()}
    height, width = network.form.size
    if height is None or width is None:
        raise ModelError(f"{network.name}: takes images of any size; give one")
    targets = tuple(name for goal in goals(network, "class:*") for name in goal.names) if network.classes else ()
    output = ids[network.output_layer.name] if targets else None
    keys = {key: CLASS_LAYER if key == output else key for key in layers}
    drawn = frozenset(convolutions(network))
    shown = {
        keys[key]: replace(network.layer(LOGITS), name=LOGITS) if key == output else info
        for key, info in layers.items()
    }
    return NetworkDescription(
        values={
            "name": network.name,
            "fingerprint": network.fingerprint,
            "parameters": int(network.model.count_params()),
            "form": {"height": height, "width": width, "channels": network.form.channels,
                     "text": network.form.describe(), "interval": network.form.describe_interval(),
                     "source": network.origin.source, "origin": network.origin.text, "line": network.describe_input()},
            "classes": list(network.class_titles),
            "is_classifier": network.is_classifier,
            "attributions": attribution_methods(),
            "techniques": technique_forms(),
            "layers": [
                {**_layer_values(key, info, (height, width)), "kernels": info.name in drawn,
                 **(_class_names(network) if key == CLASS_LAYER else {})}
                for key, info in shown.items()
            ],
            "edges": _edges(network, {name: keys[key] for name, key in ids.items()}),
            "class_layer": CLASS_LAYER if targets else None,
            "has_mask": bool(targets) and network.layer(LOGITS).kind == "map",
            "class_output": network.output_layer.name if targets else None,
        },
        layers=shown,
        layer_targets={keys[key]: quoted(info.name) for key, info in layers.items()},
        class_names=network.classes,
        class_targets=targets,
        size=(height, width),
        channels=network.form.channels,
        resize_rule=network.form.resize,
        bits=network.form.bits,
        chosen_size=(height, width) if any(None in tensor.shape[1:] for tensor in network.model.inputs) else None,
    )  # fmt: skip


def _class_names(network: Network) -> Values:
    """Return the names of the output layer where it stands for the classes: its units are the logits."""
    taken = any(info.name == "class" for info in network.layers if info.name != network.output_layer.name)
    return {"name": "class of the network" if taken else "class", "type": "Classes", "activation": "logits"}


def display_of(info: LayerInfo) -> str:
    """Return how the page displays a layer: 'maps', 'bars' for one number per unit, 'none' for no units."""
    if not (info.is_visual and info.units):
        return "none"
    return "bars" if info.positions == 1 else "maps"


def _layer_values(key: str, info: LayerInfo, size: tuple[int, int]) -> Values:
    field, grid = info.receptive_field, info.grid
    return {
        "id": key,
        "name": info.name,
        "type": info.type,
        "shape": " × ".join(str(side or "?") for side in info.shape) if None in info.shape else list(info.shape),
        "units": info.units,
        "activation": info.activation,
        "kind": info.kind,
        "display": display_of(info),
        "grid": None if grid is None else {
            "rows": grid.rows, "columns": grid.columns, "patch": [size[0] / grid.rows, size[1] / grid.columns],
        },
        "receptive_field": None if field is None else {
            "size": [float(side) for side in field.size],
            "stride": [float(side) for side in field.stride],
        },
        "dreamable": info.dreamable and info.units > 0,
        "forwards": way_of(info.type) in _FORWARDING,
        "reason": info.reason or (None if info.units else "it has no units"),
    }  # fmt: skip


def _edges(network: Network, ids: dict[str, str]) -> list[list[str]]:
    writers: dict[int, Any] = network.graph.writers
    return [
        [ids[writers[slot].name], ids[step.name]]
        for step in network.graph.steps
        for slot in dict.fromkeys(step.inputs)
        if slot in writers
    ]
