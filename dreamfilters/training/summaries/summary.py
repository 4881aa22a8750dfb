"""`Summaries`: what TensorBoard shows of one result, and the event file that holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from numpy.typing import ArrayLike

from dreamfilters.training.summaries.event_files import event_file
from dreamfilters.writing.claimed_folder import claimed

_FILE = "events.out.tfevents."  # TensorBoard reads the files whose names contain it, in the order of their names


@dataclass(frozen=True)
class Summaries:
    """What TensorBoard shows of a result, by tag; the part of a tag before the slash is its section.

    Attributes:
        scalars: numbers.
        images: (h, w, c) in [0, 1].
        histograms: numbers whose distribution is shown.
    """

    scalars: Mapping[str, float] = field(default_factory=dict)
    images: Mapping[str, ArrayLike] = field(default_factory=dict)
    histograms: Mapping[str, ArrayLike] = field(default_factory=dict)

    def __or__(self, other: Summaries) -> Summaries:
        """Return both; a tag that both have is the other's."""
        return Summaries(
            {**self.scalars, **other.scalars}, {**self.images, **other.images}, {**self.histograms, **other.histograms}
        )


def event_content(found: Summaries, step: int, seconds: float) -> bytes:
    """Return the event file of summaries, without numbers that are not finite."""
    scalars = {tag: value for tag, value in found.scalars.items() if math.isfinite(value)}
    return event_file(step, seconds, scalars=scalars, images=found.images, histograms=found.histograms)


def write_new(folder: Path, content: bytes) -> Path:
    """Write an event file behind those in a folder and return its path, or that of one that has these bytes.

    Raises:
        OutputError: the folder cannot be written, or an event file in it is a link.
    """
    with claimed(folder) as opened:
        numbers = {name.removeprefix(_FILE): name for name in sorted(path.name for path in folder.iterdir())}
        found = {int(number): name for number, name in numbers.items() if _FILE + number == name and number.isdecimal()}
        for name in found.values():
            opened.check(name)
            path = folder / name
            if path.stat().st_size == len(content) and path.read_bytes() == content:
                return path
        name = f"{_FILE}{max(found, default=-1) + 1:010}"
        opened.write(name, content)
    return folder / name
