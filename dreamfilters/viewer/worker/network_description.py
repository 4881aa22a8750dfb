"""The description of a network for the page: layers with ids, edges, classes and receptive fields."""

from __future__ import annotations

from typing import Any

from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import ModelError
from dreamfilters.networks import LOGITS, LayerInfo, Network
from dreamfilters.networks.classes.class_head import has_classes
from dreamfilters.viewer.messages import CLASS_LAYER, NetworkDescription, Values


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
    targets = tuple(name for goal in goals(network, "class:*") for name in goal.names) if has_classes(network) else ()
    class_layer = LayerInfo(LOGITS, "logits", (len(targets),), len(targets), "linear", kind="vector")
    return NetworkDescription(
        values={
            "name": network.name,
            "fingerprint": network.fingerprint,
            "parameters": int(network.model.count_params()),
            "form": {"height": height, "width": width, "channels": network.form.channels,
                     "text": network.form.describe(), "assumed": network.assumed},
            "classes": list(network.class_titles),
            "layers": [_layer_values(key, info, (height, width)) for key, info in layers.items()],
            "edges": _edges(network, ids),
            "class_layer": CLASS_LAYER if targets else None,
        },
        layers={**layers, CLASS_LAYER: class_layer} if targets else layers,
        layer_targets={key: quoted(info.name) for key, info in layers.items()},
        class_names=network.classes,
        class_targets=targets,
        size=(height, width),
        channels=network.form.channels,
        resize_rule=network.form.resize,
        chosen_size=(height, width) if any(None in tensor.shape[1:] for tensor in network.model.inputs) else None,
    )  # fmt: skip


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
