"""A request of a page for a technique, without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamfilters.images import ImageArray


@dataclass(frozen=True)
class GivenFile:
    """An image that a technique is given.

    Attributes:
        name: of the image.
        path: its file.
        values: (h, w, c) in [0, 1], of an image that is not taken as its file has it, such as an upload; else None.
        key: what identifies the content: the id of the image and its version.
    """

    name: str
    path: Path
    values: ImageArray | None = field(default=None, compare=False)
    key: tuple[str, int] = ("", 0)


@dataclass(frozen=True)
class TechniqueRequest:
    """A technique of `TECHNIQUES` with the values of its arguments.

    Attributes:
        values: those that are given; a unit is its target, a layer its name.
        image: what it starts from; None for what it starts from without one, and for a technique of a unit.
        target: the unit of such a technique, else "".
    """

    name: str
    values: tuple[tuple[str, Any], ...]
    image: GivenFile | None = None
    target: str = ""
