"""The sums of an ablation over images: their memory does not grow with the number of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.ablation.predictions import LayerChanges

Counts: TypeAlias = NDArray[np.int64]
Reals: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AblationArrays:
    """Sums over images: of each class, (classes,); before an ablation, (layers, classes); of sets, (sets, classes).

    Attributes:
        counted: images of each class.
        right: those that are predicted correctly before an ablation.
        margin, logit: sums before an ablation.
        lost, gained: predictions that an ablation makes wrong, and right.
        margin_change, margin_squares, logit_change, logit_squares: sums of the changes and of their squares.
    """

    counted: Counts
    right: Counts
    margin: Reals
    logit: Reals
    lost: Counts
    gained: Counts
    margin_change: Reals
    margin_squares: Reals
    logit_change: Reals
    logit_squares: Reals

    @classmethod
    def empty(cls, layers: int, sets: int, classes: int) -> AblationArrays:
        """Return the sums over no images."""
        shapes = cls.shapes(layers, sets, classes)
        return cls(**{name: np.zeros(shape, kind) for name, (shape, kind) in shapes.items()})

    @classmethod
    def shapes(cls, layers: int, sets: int, classes: int) -> dict[str, tuple[tuple[int, ...], Any]]:
        """Return the shape and the type of each array."""
        rows = {"counted": (), "right": (layers,), "margin": (layers,), "logit": (layers,)}
        whole = {"counted", "right", "lost", "gained"}
        return {
            one.name: ((*rows.get(one.name, (sets,)), classes), np.int64 if one.name in whole else np.float64)
            for one in fields(cls)
        }

    def as_dict(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def add(self, classes: NDArray[np.intp], parts: Sequence[LayerChanges]) -> None:
        """Add a batch: the class of each image, as an index, and the predictions of each layer.

        `np.add.at` adds one image after the other, so that the sums do not depend on the batches.
        """
        np.add.at(self.counted, classes, 1)
        row = 0
        for layer, part in enumerate(parts):
            before = part.before
            for total, values in ((self.right, before.right), (self.margin, before.margin), (self.logit, before.logit)):
                np.add.at(total[layer], classes, values)
            for after in part.after:
                margin, logit = after.margin - before.margin, after.logit - before.logit
                for total, values in (
                    (self.lost, before.right & ~after.right),
                    (self.gained, after.right & ~before.right),
                    (self.margin_change, margin),
                    (self.margin_squares, margin**2),
                    (self.logit_change, logit),
                    (self.logit_squares, logit**2),
                ):
                    np.add.at(total[row], classes, values)
                row += 1
