"""The result of `attribute`: heatmaps of several methods for images, with their scales, scores and overlays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.overlays import heatmap_scale, overlay
from dreamfilters.display import frame, heading, show_value, tiles
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.evidence.activations import Floats
from dreamfilters.images import ImageArray, contact_sheet, png_bytes
from dreamfilters.images.encoding import displayed, write_image
from dreamfilters.serialization import finite

_SHOWN = 4  # images in a notebook
_TILE = 160  # pixels
_COLUMNS = 7  # of the sheet of one image; more methods take several rows
_SIGNED, _UNSIGNED = "red raises the score, blue lowers it", "yellow: magnitude, no sign"


def legend(methods: Iterable[str], unsigned: Collection[str]) -> str:
    """Return what the colors of overlays by these methods mean.

    >>> legend(["gradient", "occlusion"], ["gradient"])
    'red raises the score, blue lowers it; yellow: magnitude, no sign'
    """
    kinds = {name in unsigned for name in methods}
    return "; ".join(text for kind, text in ((False, _SIGNED), (True, _UNSIGNED)) if kind in kinds)


def remark_lines(remarks: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> list[str]:
    """Return a line for each method that has remarks: the first of them, its image, and their number.

    Args:
        remarks: the method, the names of the images, and the remark on each, which may be ''.

    >>> remark_lines([("toy", ["a.png", "b.png"], ["", "is empty"])])
    ['toy: b.png: is empty (1 of 2 heatmaps)']
    """
    lines = []
    for method, images, texts in remarks:
        found = [(image, text) for image, text in zip(images, texts, strict=True) if text]
        if found:
            image, text = found[0]
            lines.append(f"{method}: {image}: {text} ({len(found)} of {len(texts)} heatmaps)")
    return lines


@dataclass(frozen=True, eq=False)
class Attributions:
    """Which pixels of images raise or lower the score of a target, by several methods.

    Attributes:
        network: name of the network.
        objectives: what is explained on each image, (n,); all are the same unless the target is the predicted class.
        names: of the images, (n,).
        images: (n, h, w, c) in [0, 1], at the network's size.
        scores: (n,) the score of each image, in the units of the target: a logit, or the mean of a map.
        heatmaps: method -> (n, h, w); positive values raise the score.
        seconds: method -> its time for all images.
        reasons: method -> why it has no heatmaps of this network.
        unsigned: the methods whose values are magnitudes: they do not say whether a pixel raises the score.
        remarks: method -> (n,) what a reader of the heatmap has to know, '' for nothing.
        methods: name -> the method, by which `measure_trust` makes more heatmaps.
    """

    network: str
    objectives: tuple[Objective, ...]
    names: tuple[str, ...]
    images: Floats
    scores: Floats
    heatmaps: Mapping[str, Floats]
    seconds: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    unsigned: frozenset[str] = frozenset()
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    methods: Mapping[str, Attribution] = field(default_factory=dict, repr=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """The target on each image, (n,)."""
        return tuple(objective.names[0] for objective in self.objectives)

    @cached_property
    def scales(self) -> dict[str, Floats]:
        """Method -> (n,) the absolute value that an overlay draws in full color, see `heatmap_scale`."""
        return {
            name: np.array([heatmap_scale(heatmap) for heatmap in heatmaps], np.float32)
            for name, heatmaps in self.heatmaps.items()
        }

    def overlay(self, method: str, image: int = 0) -> ImageArray:
        """Return the heatmap of a method over an image in gray, (h, w, 3) in [0, 1], in the colors of `legend`.

        Raises:
            UnknownNameError: there are no heatmaps of this method.
        """
        if method not in self.heatmaps:
            known = self.reasons.get(method) or close_names(method, self.heatmaps)
            raise UnknownNameError(f"{method}: has no heatmaps here. {known}")
        heatmap, scale = self.heatmaps[method][image], float(self.scales[method][image])
        return overlay(self.images[image], heatmap, scale, signed=method not in self.unsigned)

    def contact_sheet(self, *images: int, tile: int | None = None) -> ImageArray:
        """Return a row for each image: the image and its overlays by every method, (H, W, 3) in [0, 1].

        Args:
            images: numbers of the images; default: the first.
            tile: pixels of each image's longer side; default: that of `df.contact_sheet`.
        """
        drawn: list[ImageArray] = []
        captions: list[str] = []
        rows = images or (0,)
        for row in rows:
            drawn += [displayed(self.images[row]), *(self.overlay(name, row) for name in self.heatmaps)]
            captions += [f"{self.names[row]}\n{self.targets[row]}\n{self._score(row)}"]
            captions += [f"{name}\n{self._scale(name, row)}" for name in self.heatmaps]
        columns = len(drawn) // len(rows)
        of_one = columns if len(rows) > 1 or columns <= _COLUMNS else None
        return contact_sheet(drawn, captions, columns=of_one, tile=tile, title=legend(self.heatmaps, self.unsigned))

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as JSON values: for each image its target, score and the scales."""
        rows = [
            {
                "image": name,
                "target": self.targets[row],
                "score": finite(self.scores[row]),
                "scales": {method: finite(scale[row]) for method, scale in self.scales.items()},
                "remarks": {method: texts[row] for method, texts in self.remarks.items() if texts[row]},
            }
            for row, name in enumerate(self.names)
        ]
        seconds = {name: finite(time) for name, time in self.seconds.items() if name in self.heatmaps}
        return {"network": self.network, "images": rows, "seconds": seconds, "reasons": dict(self.reasons)}

    def show(self) -> None:
        """Show the heatmaps below the cell of a notebook, elsewhere in the browser."""
        show_value(self)

    def save(self, path: Path | str) -> Path:
        """Write the contact sheet of all images as a .png file and return its path.

        Raises:
            OutputError: the file cannot be written, or its name has another ending.

        Example:
            >>> attribute(network, "class:STOP", images[:1], methods="gradient").save("stop.png").name
            'stop.png'
        """
        return write_image(path, {".png": lambda: png_bytes(self.contact_sheet(*range(len(self))))})

    def _scale(self, method: str, image: int) -> str:
        scale = self.scales[method][image]
        return f"{'' if method in self.unsigned else '± '}{scale:.3g}" if scale else "zero everywhere"

    def _score(self, image: int) -> str:
        return f"score {self.scores[image]:.4g}"

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def _repr_html_(self) -> str:
        rows = []
        for row, name in enumerate(self.names[:_SHOWN]):
            first = (self.images[row], (name, f"{self.targets[row]}, {self._score(row)}"))
            more = [(self.overlay(method, row), (method, self._scale(method, row))) for method in self.heatmaps]
            rows.append(tiles([first, *more], side=_TILE))
        more_images = [f"The first {_SHOWN} of {len(self)} images."] if len(self) > _SHOWN else []
        reasons = [f"{name}: {reason}" for name, reason in self.reasons.items()]
        notes = [*reasons, *remark_lines((name, self.names, texts) for name, texts in self.remarks.items())]
        colors = f"{legend(self.heatmaps, self.unsigned)}; the number is the value of the full color"
        title = f"Which pixels? {self.network}, {', '.join(dict.fromkeys(self.targets))}"
        return frame(heading(title, colors), *rows, *more_images, *notes)

    def __repr__(self) -> str:
        targets = ", ".join(list(dict.fromkeys(self.targets))[:3])
        return f"Attributions({targets}, {len(self)} images, {', '.join(self.heatmaps)})"
