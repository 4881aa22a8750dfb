"""A network as plain values for the page: layers with ids, edges, classes, and what a place of each map sees."""

from __future__ import annotations

from typing import Any

from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import ModelError
from dreamfilters.networks import LOGITS, LayerInfo, Network
from dreamfilters.networks.classes.predictions import has_classes
from dreamfilters.viewer.messages import CLASSES, NetworkDescription, Values


def described(network: Network) -> NetworkDescription:
    """Return what the page is told of a network whose input size is known."""
    ids = {info.name: f"L{number}" for number, info in enumerate(network.layers)}
    height, width = network.form.size
    if height is None or width is None:
        raise ModelError(f"{network.name}: takes images of any size; give one")
    classes = tuple(name for goal in goals(network, "class:*") for name in goal.names) if has_classes(network) else ()
    return NetworkDescription(
        values={
            "name": network.name,
            "fingerprint": network.fingerprint,
            "parameters": int(network.model.count_params()),
            "form": {"height": height, "width": width, "channels": network.form.channels,
                     "text": network.form.describe(), "assumed": network.assumed},
            "classes": list(network.classes),
            "layers": [_layer(info, ids[info.name]) for info in network.layers],
            "edges": _edges(network, ids),
            "class_layer": CLASSES if classes else None,
        },
        addresses={**{key: name for name, key in ids.items()}, CLASSES: LOGITS},
        quoted={key: quoted(name) for name, key in ids.items()},
        fields={**{ids[info.name]: info.receptive_field for info in network.layers}, CLASSES: None},
        classes=classes,
        size=(height, width),
        channels=network.form.image_channels,
        rule=network.form.resize,
        chosen=(height, width) if any(None in given.shape[1:] for given in network.model.inputs) else None,
    )  # fmt: skip


def display_of(info: LayerInfo) -> str:
    """Return how a layer is drawn: 'maps', 'bars' for one number a unit, 'none' where it has no units."""
    return {3: "maps", 1: "bars"}.get(len(info.shape), "none") if info.units else "none"


def _layer(info: LayerInfo, key: str) -> Values:
    field = info.receptive_field
    known = None not in info.shape
    return {
        "id": key,
        "name": info.name,
        "type": info.type,
        "shape": list(info.shape) if known else " × ".join("?" if s is None else str(s) for s in info.shape),
        "units": info.units,
        "activation": info.activation,
        "display": display_of(info),
        "receptive_field": None if field is None else {
            "size": [float(side) for side in field.size],
            "stride": [float(side) for side in field.stride],
        },
        "dreamable": info.dreamable and info.units > 0,
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
