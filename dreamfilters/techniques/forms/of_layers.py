"""The forms of the techniques of one layer: the kernels of a convolution, and DeepDream of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamfilters.attribution.circuits.weights.kernels import kernels_of
from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.networks import Network
from dreamfilters.techniques.forms.argument import FRAMES, IMAGE, MOST_STEPS, SEED, Argument
from dreamfilters.techniques.forms.technique import DreamPlan, Technique, WeightsPlan

_DEEPDREAM = "deepdream"  # the recipe
_STANDARD = read_recipe(_DEEPDREAM)
_MOST_OCTAVES = 10
_SMALLEST, _LARGEST = 16, 1024  # pixels of a side


def _weights(network: Network, values: Mapping[str, Any]) -> WeightsPlan:
    kernels_of(network, values["layer"])  # raises the error of a layer without kernels
    return WeightsPlan(values["layer"])


WEIGHTS = Technique(
    "weights",
    "Weights",
    "The kernels of a convolution as images, and the distributions of its weights. Those of the first layer show the "
    "colors and edges that it responds to.",
    "network",
    (Argument("layer", "kernels", "Layer", "The convolution whose kernels are drawn.", required=True),),
    _weights,
    ("layer", "--out", "outputs/weights"),
)


def _deepdream(network: Network, values: Mapping[str, Any]) -> DreamPlan:
    target, size = values["layer"], values["size"]
    given = [f"{name}={values[name]}" for name in ("steps", "octaves") if values[name] != getattr(_STANDARD, name)]
    recipe = read_recipe(_DEEPDREAM, settings=[*given, *([] if size is None else [f"parameterization.size={size}"])])
    list(goals(network, target))  # raises the error of a layer that cannot be dreamed
    canvas_of(network, recipe)
    return DreamPlan(target, recipe, values["seed"], values["frames"])


DEEPDREAM = Technique(
    _DEEPDREAM,
    "DeepDream",
    "This image, changed so that all units of a layer respond more: what the layer recognizes in it becomes visible.",
    "image",
    (
        Argument("layer", "layer-target", "Layer", "The layer whose units respond more.", required=True),
        Argument("steps", "integer", "Steps", "The number of steps on each octave.", _STANDARD.steps, lowest=1,
                 highest=MOST_STEPS, flag="--set", prefix="steps="),
        Argument("octaves", "integer", "Octaves", "The number of sizes that are worked on, from the smallest on.",
                 _STANDARD.octaves, lowest=1, highest=_MOST_OCTAVES, flag="--set", prefix="octaves="),
        Argument("size", "integer", "Size", "Pixels of a side of the result; default: the network's input size.",
                 lowest=_SMALLEST, highest=_LARGEST, flag="--size"),
        FRAMES,
        SEED,
    ),
    _deepdream,
    ("layer", "--recipe", _DEEPDREAM, "--start", IMAGE),
    command="dream",
)  # fmt: skip
