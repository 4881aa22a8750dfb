"""What every unit can be at least and at most, whatever valid image is shown: the ground for calling a unit dead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import InputFormError, TargetError
from dreamfilters.evidence.bounds.affine_operators import Array
from dreamfilters.evidence.bounds.interval_arithmetic import Interval, IntervalPropagation, Known, start_propagation
from dreamfilters.evidence.bounds.linear_relaxation import upper_bounds
from dreamfilters.evidence.bounds.position_classes import AxisLabels, input_labels, position_labels, representatives
from dreamfilters.networks import Network
from dreamfilters.networks.activation_functions import has_linear, inline_activation, is_pure, is_relu
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.preprocessing.input_form import InputForm

BUDGET = 200_000_000_000  # multiplications; about a minute on two cores, and more than the built-in network takes
_AT_ONCE = 6_000_000  # numbers in the largest array of weights: 48 MB
_PROBE = 8  # units that show whether the relaxation gains anything in a layer


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """Bounds of a layer's units over the whole map and all valid images.

    Attributes:
        low, high: (units,) of its output; None where nothing is known, see `reason`.
        low_before, high_before: (units,) of the value before its activation; None where it has none.
        linear: (units,) whether the linear relaxation made the bounds before the activation tighter; else they are
            those of interval arithmetic alone.
        reason: why there are no bounds, naming the layer to blame, or ''.
    """

    low: Array | None = None
    high: Array | None = None
    low_before: Array | None = None
    high_before: Array | None = None
    linear: NDArray[np.bool_] | None = None
    reason: str = ""

    def before(self, unit: int) -> tuple[float, float] | None:
        """Return (least, greatest) value of a unit before its activation; None where that or its output is unknown.

        Where the activation itself is unknown, nothing said of its input says anything of the unit.
        """
        if self.low_before is None or self.high_before is None or self.high is None:
            return None
        return float(self.low_before[unit]), float(self.high_before[unit])


@dataclass(frozen=True, eq=False)
class Bounds:
    """What `bound_units` returns.

    Attributes:
        layers: by the layers' names, in the order of execution.
        size: (height, width) of the images they hold for.
        work: multiplications that the linear relaxation took, and what takes as long.
        untried: layers that it did not reach, or not all of, within its budget.
    """

    layers: Mapping[str, LayerBounds]
    size: tuple[int, int]
    work: int = 0
    untried: tuple[str, ...] = ()


def bound_units(
    network: Network,
    *,
    only: Mapping[str, Collection[int]] | None = None,
    size: tuple[int, int] | None = None,
    budget: int = BUDGET,
) -> Bounds:
    """Return sound bounds of every unit of every layer over all valid images.

    Valid is every input in the box of the network's input form. The bounds hold for the network as TensorFlow computes
    it in float32 (see `intervals`); a greatest value of 0 or less before a ReLU is a proof that the unit is dead.
    Interval arithmetic comes first; a linear relaxation (see `relaxation`) then tightens layer after layer, places that
    must have equal bounds only once.

    Args:
        network: what `load` returned.
        only: layer -> units for which the linear relaxation is worth its work, such as those that no image woke: it
            then goes no further than they need, and nowhere if interval arithmetic decides them all. None for all.
        size: (height, width) of the images, for a network that takes any.
        budget: multiplications for the linear relaxation; 0 for interval arithmetic alone. It is counted and not timed,
            so the result does not depend on how fast the machine is.

    Raises:
        InputFormError: the network takes images of any size and none is given, or of another size than the given one.
        UnknownNameError: `only` names no such layer.
        TargetError: `only` names a unit that the layer does not have.

    Example:
        >>> bound_units(load("signs")).layers["conv1"].before(12)
        (-1.8255466472247488, 0.4914006397949405)
    """
    graph = network.graph
    height, width = _size(network, size)
    low, high = input_box(replace(network.form, size=(height, width)))
    shape = (height, width, network.form.channels)
    known = start_propagation(graph, np.broadcast_to(low, shape).copy(), np.broadcast_to(high, shape).copy())
    axes = {0: input_labels(shape)}
    bent: set[int] = set()  # slots behind a nonlinearity: nothing but intervals is needed before the first one
    layers: dict[str, LayerBounds] = {}
    work, untried = 0, []
    plan = _plan(network, only, size) if budget > 0 else {}
    for step in graph.steps:
        plain = known.linear(step)
        if step.name in plan and isinstance(plain, Interval) and bent.intersection(step.inputs):
            cost, done = _tighten(graph, known, axes, step, plan[step.name], budget - work)
            work += cost
            untried += [] if done else [step.name]
        known.finish(step)
        if isinstance(known.slots[step.outputs[0]], Interval):
            axes.update(dict.fromkeys(step.outputs, position_labels(step, known, axes)))
        if bent.intersection(step.inputs) or inline_activation(step) or _bends(step, known):
            bent.update(step.outputs)
        layers[step.name] = _over_map(step, plain, known)
    return Bounds(layers, (height, width), work, tuple(untried))


def input_box(form: InputForm) -> tuple[Array, Array]:
    """Return the least and the greatest input of each channel, with what `to_input` may round in float32."""
    low, high = (np.asarray(side, np.float64) for side in form.box())
    if form.scale == 1 and not np.any(form.mean) and np.all(np.asarray(form.std) == 1):
        return low, high  # images go in as they are
    rounding = 2.0**-22 * (form.scale + np.abs(form.mean)) / np.asarray(form.std)
    return low - rounding, high + rounding


def _size(network: Network, size: tuple[int, int] | None) -> tuple[int, int]:
    sides = []
    for own, given in zip(network.form.size, size or (None, None), strict=True):
        if own is None and given is None:
            raise InputFormError(f"size: {network.name} takes images of any size; bounds need one, such as (224, 224)")
        if own is not None and given is not None and own != given:
            raise InputFormError(f"size={list(size or ())}: {network.name} takes {network.form.describe()}")
        sides.append(int(own or given or 0))
    return sides[0], sides[1]


def _plan(
    network: Network, only: Mapping[str, Collection[int]] | None, size: tuple[int, int] | None
) -> dict[str, NDArray[np.intp] | None]:
    """Return the steps that the linear relaxation is for, with the units of each, None for all."""
    steps = network.graph.steps
    bending = [step.name for step in steps if inline_activation(step) or is_pure(step) or step is steps[-1]]
    if only is None:
        return dict.fromkeys(name for name in bending if has_linear(network.graph.by_name[name]))
    plain = bound_units(network, size=size, budget=0).layers
    wanted: dict[str, NDArray[np.intp]] = {}
    for layer, units in only.items():
        info = network.layer(layer)
        wrong = [unit for unit in units if not 0 <= unit < info.units]
        if wrong:
            raise TargetError(f"{layer} {wrong[0]}: {network.name} has {info.units} there, 0 to {info.units - 1}")
        limits = {unit: plain[info.name].before(unit) for unit in sorted(units)}
        wanted[info.name] = np.array([unit for unit, ends in limits.items() if ends and ends[1] > 0], np.intp)
    last = max((bending.index(name) for name in bending if len(wanted.get(name, ()))), default=-1)
    return {name: wanted[name] if place == last else None for place, name in enumerate(bending[: last + 1])}


def _bends(step: Step, known: IntervalPropagation) -> bool:
    """Say whether a step is no affine operator: interval arithmetic loses something there."""
    return is_pure(step) or step.name not in known.parts


def _over_map(step: Step, plain: Known, known: IntervalPropagation) -> LayerBounds:
    after, before = known.slots[step.outputs[0]], known.before[step.name]
    if isinstance(after, str) and isinstance(before, str):
        return LayerBounds(reason=after)
    low, high = _ends(step, after)
    if not has_linear(step) or not isinstance(before, Interval) or not isinstance(plain, Interval):
        return LayerBounds(low, high, reason=after if isinstance(after, str) else "")
    tighter = (before.low > plain.low) | (before.high < plain.high)
    linear = _lowest(step, -tighter.astype(np.float64)) < 0
    low_before, high_before = _ends(step, before)
    return LayerBounds(low, high, low_before, high_before, linear, after if isinstance(after, str) else "")


def _ends(step: Step, known: Known) -> tuple[Array | None, Array | None]:
    return (None, None) if isinstance(known, str) else (_lowest(step, known.low), -_lowest(step, -known.high))


def _lowest(step: Step, values: Array) -> Array:
    if values.ndim == 3 and step.channels_first:
        values = np.moveaxis(values, 0, -1)
    return np.asarray(values.min(axis=tuple(range(values.ndim - 1))))


# ---------------------------------------------------------------------------------------------------------------------
# The linear relaxation of one layer


def _tighten(
    graph: Graph,
    known: IntervalPropagation,
    axes: dict[int, AxisLabels],
    step: Step,
    wanted: NDArray[np.intp] | None,
    budget: int,
) -> tuple[int, bool]:
    """Tighten the bounds of a step's value before its activation; return the work and whether all of it was done.

    A layer in which the first few units gain nothing is left as it is: what lies below was cut off, by a pooling layer
    say, that no line passes.
    """
    plain = known.before[step.name]
    if not isinstance(plain, Interval) or (plain.low.ndim == 3 and step.channels_first):
        return 0, True
    tight = Interval(plain.low.copy(), plain.high.copy())
    known.before[step.name] = tight
    low, high = (side if side.ndim == 3 else side.reshape(1, 1, -1) for side in (tight.low, tight.high))
    work, count = 0, _PROBE
    for place, rows, columns in representatives(position_labels(step, known, axes)):
        # a unit that a ReLU keeps at 0 there needs no better bound
        units = np.arange(high.shape[-1]) if wanted is None else wanted
        units = units[high[place][units] > 0] if is_relu(step) else units
        while len(units):
            if work >= budget:
                return work, False
            now, units = units[:count], units[count:]
            pick = np.eye(high.shape[-1])[now]
            # the least values are for the lines of layers further on; the last layer asked for has none
            weights = np.concatenate([pick, -pick]) if wanted is None else pick
            traced = upper_bounds(graph, known, step, place, weights)
            top = traced.total[: len(now)]
            bottom = -traced.total[len(now) :] if wanted is None else low[place][now]
            if not work and not np.any((top < high[place][now]) | (bottom > low[place][now])):
                return traced.work, True
            block = np.ix_(rows, columns, now)
            high[block], low[block] = np.minimum(high[block], top), np.maximum(low[block], bottom)
            work += traced.work
            count = max(1, _AT_ONCE // (2 * traced.widest))
    return work, True
