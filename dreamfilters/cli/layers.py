"""The command `layers`: lists the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamfilters.cli.options import AsJson, Model, ModelOptions, import_tensorflow, with_model_options
from dreamfilters.cli.output import print_json, say, table

if TYPE_CHECKING:
    from dreamfilters.networks import LayerInfo


@with_model_options
def layers(
    model: Model,
    as_json: AsJson = False,
    *,
    model_options: ModelOptions,
) -> None:
    """List the layers of a network.

    \b
    Examples:
      dreamfilters layers signs
      dreamfilters layers applications:MobileNetV2:random --json

    Shows type, output shape, number of units, activation, receptive field in pixels, and whether the layer can be
    dreamed.

    \b
    Next:
      dreamfilters dream signs conv6:12
    """
    import_tensorflow()
    network = model_options.network(model)
    say(network.assumed)
    rows = [_layer_values(info) for info in network.layers]
    if as_json:
        print_json(rows)
        return
    headings = ("name", "type", "output", "units", "activation", "receptive field", "dreamable")
    table(headings, [_layer_row(row) for row in rows])


COMMANDS = (layers,)


def _layer_values(info: LayerInfo) -> dict[str, Any]:
    field = info.receptive_field
    return {
        "name": info.name,
        "type": info.type,
        "output": list(info.shape),
        "units": info.units,
        "activation": info.activation,
        "receptive_field": None if field is None else list(field.size),
        "dreamable": info.dreamable,
        "reason": info.reason,
    }


def _layer_row(values: Mapping[str, Any]) -> tuple[str, ...]:
    output = "x".join("?" if side is None else str(side) for side in values["output"])
    field = "x".join(map(str, values["receptive_field"])) if values["receptive_field"] else "whole image"
    dreamable = "yes" if values["dreamable"] else f"no: {values['reason']}"
    return (values["name"], values["type"], output, str(values["units"]), values["activation"], field, dreamable)
