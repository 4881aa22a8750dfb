"""What a process that parses a model file says about it: its texts, its arrays, and the layers that they belong to.

The process may be under the control of the file. `Description.parse` therefore checks every value that arrives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.stored_arrays import ArrayInfo

Tree: TypeAlias = Mapping[str, Any]  # nested groups; the leaves are numbers of arrays


@dataclass(frozen=True)
class Block:
    """The weights of one layer: their stored names, and the numbers of their arrays."""

    layer: str
    names: tuple[str, ...]
    arrays: tuple[int, ...]


@dataclass(frozen=True)
class Objects:
    """The objects of a SavedModel's checkpoint: the parts of each by name, the key of its value, the array of a key."""

    parts: tuple[Mapping[str, int], ...]
    keys: tuple[str, ...]
    arrays: Mapping[str, int]


Layout: TypeAlias = tuple[Block, ...] | Tree | Objects | None  # .h5 files, .keras archives, SavedModel folders


@dataclass(frozen=True)
class Description:
    """The content of a model file without the numbers in its arrays.

    Attributes:
        config: JSON of the model, None if the file holds weights only.
        training: JSON of the training, which names the loss; None if there is none.
        version: of the Keras that wrote the file, '' if unknown.
        backend: of that Keras, '' if unknown.
        arrays: type and shape of every array.
        layout: the layers that the arrays belong to; None if the file holds no weights of Keras.
    """

    config: str | None
    training: str | None = None
    version: str = ""
    backend: str = ""
    arrays: tuple[ArrayInfo, ...] = ()
    layout: Layout = None

    def to_json(self) -> str:
        """Return a JSON text for `parse`."""
        kind = next((kind for kind, layouts in _LAYOUTS.items() if isinstance(self.layout, layouts)), "")
        layout = [asdict(block) for block in self.layout] if isinstance(self.layout, tuple) else self.layout
        layout = asdict(layout) if isinstance(layout, Objects) else layout
        arrays = [[info.dtype, info.shape] for info in self.arrays]
        texts = [self.config, self.training, self.version, self.backend]
        return json.dumps({"texts": texts, "arrays": arrays, "kind": kind, "layout": layout})

    @classmethod
    def parse(cls, text: bytes, *, most: int) -> Description:
        """Return the description in a JSON text.

        Args:
            text: the JSON.
            most: bytes that the arrays may have together.

        Raises:
            ModelError: it is none, or the arrays have more bytes.
        """
        try:
            values = json.loads(text)
            arrays = tuple(ArrayInfo(_text(kind), _shape(shape)) for kind, shape in values["arrays"])
            layout = _PARSERS[values["kind"]](values["layout"])
            config, training, version, backend = values["texts"]
            texts = (_optional(config), _optional(training), _text(version), _text(backend))
            numbers = sorted(_numbers(layout))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelError(f"reading it gave an invalid description: {type(error).__name__}") from None
        if len(set(numbers)) < len(numbers) or (numbers and not 0 <= numbers[0] <= numbers[-1] < len(arrays)):
            raise ModelError("reading it gave an invalid description: it names an array twice, or none")
        if sum(info.nbytes for info in arrays) > most:
            raise ModelError("claims to be larger than the file")
        return cls(*texts, arrays, layout)


_LAYOUTS: Mapping[str, type] = {"blocks": tuple, "objects": Objects, "tree": Mapping}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _shape(value: Any) -> tuple[int, ...]:
    shape = tuple(map(_whole, value))
    if len(shape) > limits.MOST_AXES or math.prod(shape) >= 2**63:
        raise ValueError
    return shape


def _blocks(value: Any) -> Layout:
    blocks = (Block(_text(b["layer"]), tuple(map(_text, b["names"])), tuple(map(_whole, b["arrays"]))) for b in value)
    found = tuple(blocks)
    if any(len(block.names) != len(block.arrays) for block in found):
        raise ValueError
    return found


def _tree(value: Any) -> Tree:
    return {name: _tree(inner) if isinstance(inner, dict) else _whole(inner) for name, inner in value.items()}


def _objects(value: Any) -> Layout:
    parts = tuple({name: _whole(number) for name, number in part.items()} for part in value["parts"])
    keys = tuple(map(_text, value["keys"]))
    if len(parts) != len(keys) or any(number >= len(parts) for part in parts for number in part.values()):
        raise ValueError
    return Objects(parts, keys, {key: _whole(number) for key, number in value["arrays"].items()})


def _nothing(_: Any) -> Layout:
    return None


_PARSERS = {"blocks": _blocks, "tree": _tree, "objects": _objects, "": _nothing}


def _numbers(layout: Layout) -> Iterator[int]:
    """Yield the number of every array in a layout."""
    if isinstance(layout, tuple):
        for block in layout:
            yield from block.arrays
    elif isinstance(layout, Objects):
        yield from layout.arrays.values()
    elif layout is not None:
        for inner in layout.values():
            if isinstance(inner, int):
                yield inner
            else:
                yield from _numbers(inner)
