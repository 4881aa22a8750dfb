"""The kind of every step's output, and how its tokens cover the image, read off the graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from weakref import WeakKeyDictionary

from dreamfilters.networks.graph import Graph, Shape, Slot, Step
from dreamfilters.networks.layers.batch_axis import rows_per_image
from dreamfilters.networks.layers.layer_info import MOST_LEADING, Kind, TokenGrid, square_grid

# Operations that stop every gradient although they return floats.
_FLAT = frozenset(
    {"Round", "Floor", "Ceil", "Trunc", "Sign", "StopGradient", "OneHot", "Discretization", "CategoryEncoding"}
)

# Layers whose output is a map whatever their input is.
_OF_MAPS = frozenset(
    {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "ConvLSTM2D", "MaxPooling2D",
     "AveragePooling2D", "UpSampling2D", "ZeroPadding2D", "Cropping2D", "Resizing"}
)  # fmt: skip

# Steps that lay the positions of a map out as tokens, and those that take one of its sides away.
_LAYING_OUT = frozenset({"Reshape", "Flatten", "Squeeze", "GetItem", "TimeDistributed"})
_REDUCING = frozenset({"Mean", "Max", "Sum"})
_TURNING = frozenset({"Permute", "Transpose"})


@dataclass(frozen=True)
class Output:
    """The output of a step."""

    shape: Shape  # without the batch, channels last
    kind: Kind  # what its axes are
    reason: str = ""  # why it is not visual, or ''
    obstacle: str = ""  # what keeps a gradient from reaching the image, or ''
    of_image: bool = True  # whether it depends on the image
    grid: TokenGrid | None = None  # kept through steps that split the channels of tokens into heads
    tokens: int | None = None  # the number of tokens that `grid` is of
    turned: bool = False  # whether the rows of the map are columns of the image
    rows: Fraction = Fraction(1)  # of the batch, for each image; more than 1 where windows are folded into the batch

    @property
    def is_folded(self) -> bool:
        """Whether its first axis is not the images."""
        return self.of_image and self.rows != 1


_of_graphs: WeakKeyDictionary[Graph, dict[str, Output]] = WeakKeyDictionary()


def outputs_of(graph: Graph) -> dict[str, Output]:
    """Return the output of each step under its name; computed once for a graph."""
    return _of_graphs.get(graph) or _of_graphs.setdefault(graph, _outputs(graph))


def _outputs(graph: Graph) -> dict[str, Output]:
    slots = {0: Output(graph.input_shape, "map")}
    rows = rows_per_image(graph)
    outputs: dict[str, Output] = {}
    for step in graph.steps:
        output = _output(step, [slots[slot] for slot in step.inputs], rows[step.name])
        origin = graph.origins.get(step.outputs[0])
        if origin is not None and slots[origin].shape == output.shape and not output.is_folded:
            output = replace(slots[origin], obstacle=output.obstacle)  # back in the shape of a map
        if output.is_folded:
            output = replace(output, grid=None, tokens=output.shape[0] if len(output.shape) == 2 else None)
        elif output.kind == "tokens":
            tokens = output.shape[0]
            grid = None if tokens is None else _grid(step, tokens, slots, graph.input_shape)
            output = replace(output, grid=grid, tokens=tokens)
        outputs[step.name] = output
        slots.update(dict.fromkeys(step.outputs, output))
    return outputs


def map_shape(step: Step) -> Shape:
    """Return the shape of a step's output with the channels last."""
    shape = step.shape
    return (shape[1], shape[2], shape[0]) if step.channels_first and len(shape) == 3 else shape


def _output(step: Step, before: list[Output], rows: Fraction) -> Output:
    shape = map_shape(step)
    of_image = step.type != "HeldInput" and any(one.of_image for one in before)
    obstacles = [one.obstacle for one in before]
    obstacle = obstacles[0] if all(obstacles) else ""
    kind, reason = _kind(step, shape, before)
    if step.type == "HeldInput":
        kind, reason = "not visual", f"it is held at {'zeros' if step.operation.value is None else 'a value'}"
    elif not of_image:
        kind, reason = "not visual", "it does not depend on the image"
    elif rows != 1:
        kind, reason = "not visual", _folded(rows)
    elif "float" not in step.dtype:
        kind, reason = "not visual", f"its output is {step.dtype}, not float"
        obstacle = f"no gradient passes {step.name}, which returns {step.dtype}"
    elif step.type in _FLAT:
        obstacle = f"no gradient passes {step.name}, a {step.type}"
    turned = kind == "map" and any(one.turned for one in before)
    if step.type in _TURNING and kind == "map":
        turned ^= tuple(getattr(step.operation, "dims", None) or getattr(step.operation, "axes", ())[1:]) == (2, 1, 3)
    source = next((one for one in before if one.grid and one.of_image), None)
    grid, tokens = (source.grid, source.tokens) if source else (None, None)
    return Output(shape, kind, reason, obstacle, of_image, grid, tokens, turned, rows)


def _folded(rows: Fraction) -> str:
    if rows.denominator == 1:
        return f"it folds {rows} windows of each image into the batch axis"
    return "its first axis is not the images"


def _kind(step: Step, shape: Shape, before: list[Output]) -> tuple[Kind, str]:
    """Return the kind that a step's axes give, and why it is not visual."""
    if not shape:
        return "not visual", "its output is one number with no channel axis"
    if len(shape) > 3:
        return "not visual", f"its output {shape} has more axes than a map (h, w, c)"
    of_map = before[0].shape if before and before[0].kind == "map" else ()
    if step.type == "GetItem" and shape == of_map[:2] != of_map[1:]:
        return "not visual", "its output is a single channel, without a channel axis"
    if len(shape) < 3:
        return ("vector" if len(shape) == 1 else "tokens"), ""
    if step.type not in _OF_MAPS and any(_splits_heads(shape, one) for one in before if one.of_image):
        return "not visual", f"its output {shape} is not a map (h, w, c): its axes are not rows and columns"
    return "map", ""


def _splits_heads(shape: Shape, source: Output) -> bool:
    """Return whether three axes come from tokens whose channels were split, such as into heads of an attention."""
    if source.is_folded:
        return False  # windows are laid out as a map again
    if source.kind == "tokens":
        return shape[-1] != source.shape[-1]  # with as many channels, the tokens were laid out as a map
    return source.kind == "not visual" and len(source.shape) == 3


def _grid(step: Step, tokens: int, slots: dict[int, Output], size: Shape) -> TokenGrid | None:
    """Return how the tokens of a step cover the image."""
    before = [slots[slot] for slot in step.inputs if slots[slot].of_image]
    of_tokens = [one for one in before if one.kind == "tokens"]
    if not before or (step.type in _TURNING and of_tokens):  # tokens and channels change places
        return None
    same = next((one.grid for one in before if one.grid and one.tokens == tokens), None)
    if same:
        return same
    if of_tokens:
        return _resized(step, tokens, max(of_tokens, key=lambda one: one.tokens or 0), slots, size)
    if before[0].kind == "map" and step.type in _LAYING_OUT | _REDUCING:
        return _laid_out(step, tokens, before[0])
    return square_grid(tokens, size)


def _laid_out(step: Step, tokens: int, source: Output) -> TokenGrid | None:
    """Return how the positions of a map become tokens: all of them, or one for each row or column."""
    rows, columns, _ = source.shape
    if rows is None or columns is None:
        return None
    if tokens == rows * columns and (not source.turned or 1 in (rows, columns)):
        shape = (rows, columns)
    elif tokens == rows or (tokens == columns and step.type in _REDUCING):
        shape = (tokens, 1) if tokens == rows else (1, tokens)
    else:
        return None
    return TokenGrid(*(shape[::-1] if source.turned else shape))


def _resized(step: Step, tokens: int, source: Output, slots: dict[int, Output], size: Shape) -> TokenGrid | None:
    """Return the grid where tokens were added to those of `source` or taken away."""
    grid, former = source.grid, source.tokens
    if grid is None or former is None:
        return None
    if step.type == "Concatenate":
        before = 0
        for part in step.tensors:
            output = slots[part.number] if isinstance(part, Slot) else None
            if output is source:
                return replace(grid, leading=grid.leading + before)
            before += (output.shape[0] if output else part.shape[1]) or 0
    if tokens == grid.count:
        return replace(grid, leading=0)
    leading = grid.leading + tokens - former  # class tokens are put and taken at the front
    if 0 <= leading <= MOST_LEADING and former == grid.leading + grid.count:
        return replace(grid, leading=leading)
    return square_grid(tokens, size) if min(grid.rows, grid.columns) > 1 else None
