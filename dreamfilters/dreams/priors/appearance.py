"""`Appearance`: which images the look of a dream comes from, and how far it is from the nearest of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.priors.nearest_images import nearest_distances, thumbnails
from dreamfilters.serialization import plain, typed

Content = Literal["class", "unit"]


@dataclass(frozen=True)
class Appearance:
    """What the images of a learned prior gave to a dream.

    Attributes:
        source: the name of the images.
        images: how many the prior was trained on.
        content: what came from the network: the "class" or the "unit" that was raised.
        distance: from the nearest image of the prior: root mean square difference in gray levels at 8x8 pixels.
        held_out: the same for images that the prior was not trained on: quantiles .05, .5, .95.
    """

    source: str
    images: int
    content: Content
    distance: float
    held_out: tuple[float, float, float]

    @property
    def text(self) -> str:
        """The label and the distances, in one line.

        >>> Appearance("own", 900, "class", 40.2, (9.0, 20.0, 31.0)).text
        'appearance from 900 images (own), class from the network; nearest image 40 gray levels away, held out 9 to 31'
        """
        low, _, high = self.held_out
        copy = ", like a copy" if self.is_like_a_copy else ""
        return (
            f"{self.label}; nearest image {self.distance:.0f} gray levels away{copy}, held out {low:.0f} to {high:.0f}"
        )

    @property
    def label(self) -> str:
        """Where the look and the content come from.

        >>> Appearance("own", 900, "class", 40.2, (9.0, 20.0, 31.0)).label
        'appearance from 900 images (own), class from the network'
        """
        return f"appearance from {self.images} images ({self.source}), {self.content} from the network"

    @property
    def caption(self) -> str:
        """The label in two short lines, for a contact sheet.

        >>> Appearance("signs", 9000, "class", 40.2, (9.0, 20.0, 31.0)).caption
        'appearance: 9000 images\\nnearest 40, held out 9 to 31'
        """
        low, _, high = self.held_out
        return f"appearance: {self.images} images\nnearest {self.distance:.0f}, held out {low:.0f} to {high:.0f}"

    @property
    def is_like_a_copy(self) -> bool:
        """Whether it is nearer to an image of the prior than nineteen of twenty images held out."""
        return self.distance < self.held_out[0]

    def as_values(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {"text": self.text, "caption": self.caption, **plain(self)}

    @classmethod
    def from_values(cls, values: Any) -> Appearance:
        """Return what `as_values` wrote.

        Raises:
            ValueError: the values are not those of an appearance.
        """
        given = typed(Mapping[str, Any], values, "appearance")
        found: Appearance = typed(
            cls, {key: value for key, value in given.items() if key not in ("text", "caption")}, "appearance"
        )
        return found


def appearances(prior: LearnedPrior, images: NDArray[np.float32], content: Content) -> list[Appearance]:
    """Return the appearance of each dream (n, h, w, c) in [0, 1] that was made with a prior."""
    record = prior.record
    apart = nearest_distances(thumbnails(images), prior.thumbnails).round(3).tolist()
    return [Appearance(prior.name, record.images, content, distance, record.held_out_distances) for distance in apart]
