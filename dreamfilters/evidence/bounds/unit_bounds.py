"""Sound bounds of every unit over all valid images: the proof that a unit is dead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import InputFormError, TargetError
from dreamfilters.evidence.bounds.affine_operators import Array
from dreamfilters.evidence.bounds.interval_arithmetic import IntervalPropagation, start_propagation
from dreamfilters.evidence.bounds.intervals import Interval, Known
from dreamfilters.evidence.bounds.linear_relaxation import upper_bounds
from dreamfilters.evidence.bounds.position_classes import AxisLabels, input_labels, position_labels, representatives
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.activation_functions import has_linear, inline_activation, is_pure, is_relu
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.preprocessing.input_form import InputForm

BUDGET = 200_000_000_000  # multiplications; about a minute on two cores, more than the built-in network needs
_MOST_VALUES = 6_000_000  # in the largest array of weights: 48 MB
_PROBE = 8  # units that are tried first; if none gains, the layer is left as it is


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """Bounds of a layer's units over all positions and all valid images.

    Attributes:
        low, high: (units,) of the output; None if unknown, see `reason`.
        low_before, high_before: (units,) of the value before the activation; None if there is none.
        linear: (units,) whether the linear relaxation tightened the bounds before the activation of interval
            arithmetic.
        reason: why there are no bounds, with the name of the layer that has none, or ''.
    """

    low: Array | None = field(default=None, repr=False)
    high: Array | None = field(default=None, repr=False)
    low_before: Array | None = field(default=None, repr=False)
    high_before: Array | None = field(default=None, repr=False)
    linear: NDArray[np.bool_] | None = field(default=None, repr=False)
    reason: str = ""

    def before(self, unit: int) -> tuple[float, float] | None:
        """Return the (least, greatest) value of a unit before its activation; None if that or its output is unknown.

        Bounds before an unknown activation do not bound the unit.
        """
        if self.low_before is None or self.high_before is None or self.high is None:
            return None
        return float(self.low_before[unit]), float(self.high_before[unit])


@dataclass(frozen=True, eq=False)
class Bounds:
    """The result of `bound_units`.

    Attributes:
        layers: bounds by layer name, in the order of execution.
        size: (height, width) of the images for which they hold.
        work: multiplications of the linear relaxation, or work that takes as long.
        untried: layers that it did not finish within its budget.
    """

    layers: Mapping[str, LayerBounds] = field(repr=False)
    size: tuple[int, int]
    work: int = 0
    untried: tuple[str, ...] = ()


def bound_units(
    network: AnyNetwork,
    *,
    only: Mapping[str, Collection[int]] | None = None,
    size: tuple[int, int] | None = None,
    budget: int = BUDGET,
) -> Bounds:
    """Return sound bounds of every unit of every layer over all valid images.

    Every input in the box of the network's input form is valid. The bounds hold for the network as TensorFlow computes
    it in float32, see `interval_arithmetic`. A greatest value of 0 or less before a ReLU proves that the unit is dead.
    Interval bound propagation comes first. A linear relaxation, see `linear_relaxation`, then tightens the bounds layer
    by layer, once for each class of positions with equal bounds. Token layers keep the bounds of intervals.

    Args:
        network: a Keras model, or the value that `load` returns.
        only: layer -> units to tighten by linear relaxation, such as those that no image activated; None for all. The
            relaxation stops at the last of these layers, and is skipped if intervals decide all of them.
        size: (height, width) of the images, for a network that takes any size.
        budget: multiplications for the linear relaxation; 0 for intervals alone. Work is counted, not timed, so that
            the result does not depend on the machine.

    Raises:
        InputFormError: the network takes images of any size and `size` is missing, or `size` is not the network's.
        UnknownNameError: `only` has an unknown layer.
        TargetError: `only` has an unknown unit.

    Example:
        >>> [round(bound, 3) for bound in bound_units(network, budget=0).layers["conv1"].before(12)]
        [-1.826, 0.491]
    """
    network = network_of(network)
    graph = network.graph
    height, width = _size(network, size)
    low, high = input_box(replace(network.form, size=(height, width)))
    shape = (height, width, network.form.channels)
    known = start_propagation(graph, np.broadcast_to(low, shape).copy(), np.broadcast_to(high, shape).copy())
    axes = {0: input_labels(shape)}
    nonlinear: set[int] = set()  # slots after a nonlinearity; before the first one intervals are exact
    layers: dict[str, LayerBounds] = {}
    work, untried = 0, []
    plan = _plan(network, only, size) if budget > 0 else {}
    for step in graph.steps:
        plain = known.linear(step)
        if step.name in plan and isinstance(plain, Interval) and nonlinear.intersection(step.inputs):
            cost, done = _tighten(graph, known, axes, step, plan[step.name], budget - work)
            work += cost
            untried += [] if done else [step.name]
        known.finish(step)
        if isinstance(known.slots[step.outputs[0]], Interval):
            axes.update(dict.fromkeys(step.outputs, position_labels(step, known, axes)))
        if nonlinear.intersection(step.inputs) or inline_activation(step) or _is_nonlinear(step, known):
            nonlinear.update(step.outputs)
        layers[step.name] = _layer_bounds(step, plain, known)
    return Bounds(layers, (height, width), work, tuple(untried))


def input_box(form: InputForm) -> tuple[Array, Array]:
    """Return the least and greatest input of each channel, including the float32 rounding of `to_input`."""
    low, high = (np.asarray(side, np.float64) for side in form.box())
    if form.scale == 1 and not np.any(form.mean) and np.all(np.asarray(form.std) == 1):
        return low, high  # images are the input
    rounding = 2.0**-22 * (form.scale + np.abs(form.mean)) / np.asarray(form.std)
    return low - rounding, high + rounding


def _size(network: Network, size: tuple[int, int] | None) -> tuple[int, int]:
    sides = []
    for fixed, given in zip(network.form.size, size or (None, None), strict=True):
        if fixed is None and given is None:
            raise InputFormError(f"size: {network.name} takes images of any size; bounds need one, such as (224, 224)")
        if fixed is not None and given is not None and fixed != given:
            raise InputFormError(f"size={list(size or ())}: {network.name} takes {network.form.describe()}")
        sides.append(int(fixed or given or 0))
    return sides[0], sides[1]


def _plan(
    network: Network, only: Mapping[str, Collection[int]] | None, size: tuple[int, int] | None
) -> dict[str, NDArray[np.intp] | None]:
    """Return the steps to tighten by linear relaxation, with the units of each, None for all."""
    steps = network.graph.steps
    nonlinear = [step.name for step in steps if inline_activation(step) or is_pure(step) or step is steps[-1]]
    if only is None:
        return dict.fromkeys(name for name in nonlinear if has_linear(network.graph.by_name[name]))
    plain = bound_units(network, size=size, budget=0).layers
    wanted: dict[str, NDArray[np.intp]] = {}
    for layer, units in only.items():
        info = network.layer(layer)
        wrong = [unit for unit in units if not 0 <= unit < info.units]
        if wrong:
            raise TargetError(f"{layer} {wrong[0]}: {network.name} has {info.units} there, 0 to {info.units - 1}")
        limits = {unit: plain[info.name].before(unit) for unit in sorted(units)}
        wanted[info.name] = np.array([unit for unit, ends in limits.items() if ends and ends[1] > 0], np.intp)
    last = max((nonlinear.index(name) for name in nonlinear if len(wanted.get(name, ()))), default=-1)
    return {name: wanted[name] if number == last else None for number, name in enumerate(nonlinear[: last + 1])}


def _is_nonlinear(step: Step, known: IntervalPropagation) -> bool:
    """Return whether a step is not affine, so that interval arithmetic is not exact after it."""
    return is_pure(step) or step.name not in known.parts


def _layer_bounds(step: Step, plain: Known, known: IntervalPropagation) -> LayerBounds:
    after, before = known.slots[step.outputs[0]], known.before[step.name]
    if isinstance(after, str) and isinstance(before, str):
        return LayerBounds(reason=after)
    low, high = _per_unit(step, after)
    if not has_linear(step) or not isinstance(before, Interval) or not isinstance(plain, Interval):
        return LayerBounds(low, high, reason=after if isinstance(after, str) else "")
    tighter = (before.low > plain.low) | (before.high < plain.high)
    linear = _lowest(step, -tighter.astype(np.float64)) < 0
    low_before, high_before = _per_unit(step, before)
    return LayerBounds(low, high, low_before, high_before, linear, after if isinstance(after, str) else "")


def _per_unit(step: Step, known: Known) -> tuple[Array | None, Array | None]:
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

    A layer whose first few units gain nothing is left as it is: a step below it, such as a pooling layer, has no linear
    bounds. Token layers are left too: positions are (row, column) here.
    """
    plain = known.before[step.name]
    if not isinstance(plain, Interval) or plain.low.ndim == 2 or (plain.low.ndim == 3 and step.channels_first):
        return 0, True
    tight = Interval(plain.low.copy(), plain.high.copy())
    known.before[step.name] = tight
    low, high = (side if side.ndim == 3 else side.reshape(1, 1, -1) for side in (tight.low, tight.high))
    work, count = 0, _PROBE
    for position, rows, columns in representatives(position_labels(step, known, axes)):
        # a unit that its ReLU sets to 0 there needs no better bound
        units = np.arange(high.shape[-1]) if wanted is None else wanted
        units = units[high[position][units] > 0] if is_relu(step) else units
        while len(units):
            if work >= budget:
                return work, False
            now, units = units[:count], units[count:]
            rows_of_units = np.eye(high.shape[-1])[now]
            # least values are used by later layers; the last wanted layer has none
            weights = np.concatenate([rows_of_units, -rows_of_units]) if wanted is None else rows_of_units
            traced = upper_bounds(graph, known, step, position, weights)
            top = traced.total[: len(now)]
            bottom = -traced.total[len(now) :] if wanted is None else low[position][now]
            if not work and not np.any((top < high[position][now]) | (bottom > low[position][now])):
                return traced.work, True
            block = np.ix_(rows, columns, now)
            high[block], low[block] = np.minimum(high[block], top), np.maximum(low[block], bottom)
            work += traced.work
            count = max(1, _MOST_VALUES // (2 * traced.widest))
    return work, True
