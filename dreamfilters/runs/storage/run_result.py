"""The result of a run: the same for every command."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from markupsafe import Markup

from dreamfilters.display import frame, heading, tiles
from dreamfilters.errors import ImageError
from dreamfilters.images import read_image

Value = TypeVar("Value")

_SHOWN = 4  # images in a notebook
_WIDTH = 640  # pixels of an image


@dataclass(frozen=True)
class RunResult(Generic[Value]):
    """The result of a run.

    Attributes:
        folder: the run folder.
        value: what the command computed: finished dreams or maps, a scan, an audit, or rows of a table.
        done: number of images or units that are finished.
        total: number of images or units in all.
        failures: name and reason of each image that cannot be read.
        missing: names of what an interrupted run has not finished.
        stopped: whether Ctrl-C ended the run early; the same call resumes it.
        kept: whether an earlier run had already finished everything.
        images: image files that show the result at a glance, as paths from the folder.
    """

    folder: Path
    value: Value
    done: int
    total: int
    failures: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    stopped: bool = False
    kept: bool = False
    images: tuple[str, ...] = ()

    def __repr__(self) -> str:
        stopped = ", stopped" if self.stopped else ""
        return f"RunResult({str(self.folder)[-80:]!r}, {self.done} of {self.total} done{stopped})"

    def _repr_html_(self) -> str:
        shown = []
        for name in self.images[:_SHOWN]:
            with suppress(ImageError):  # removed since
                shown.append((read_image(self.folder / name), (name,)))
        counts = f"{self.done} of {self.total} done{', stopped: the same call resumes it' if self.stopped else ''}"
        failures = [f"{name}: {reason}" for name, reason in self.failures]
        html = getattr(self.value, "_repr_html_", None)
        value = [Markup(html())] if html else []
        return frame(heading(str(self.folder), counts), *value, tiles(shown, side=_WIDTH), *failures[:20])
