"""`PriorCheck`: what a learned prior hides in a dream, as a value: images with scores, and what covering costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dreamfilters.attribution.overlays import overlay
from dreamfilters.attribution.result import legend
from dreamfilters.display import frame, heading, tiles
from dreamfilters.dreams.priors.appearance import Appearance
from dreamfilters.evidence.activations import Floats
from dreamfilters.images import ImageArray, contact_sheet, resize
from dreamfilters.images.encoding import displayed
from dreamfilters.number_format import number, percent
from dreamfilters.serialization import finite, plain

_TILE = 128  # pixels in a notebook


@dataclass(frozen=True, eq=False)
class CheckedImage:
    """One image of a check.

    Attributes:
        name: what it is, such as "raw dream".
        image: (h, w, c) in [0, 1].
        score: of the unit, without transforms.
        share: of real images whose score is at most this, from 0 to 1.
    """

    name: str
    image: Floats = field(repr=False)
    score: float
    share: float

    @property
    def caption(self) -> str:
        """The name, the score, and its rank among real images, in three lines."""
        return f"{self.name}\nscore {number(self.score)}\nabove {percent(self.share)} of real"


@dataclass(frozen=True, eq=False)
class CoveredPart:
    """What covering a part of the dream costs.

    Attributes:
        heatmap: (h, w) at the size of the network's input: the drop of the score, averaged over the windows on a pixel.
        box: (top, left, bottom, right) of the window that costs most.
        drop: of the score with this window covered.
        elsewhere: the largest drop of a window that does not touch it; None if every window does.
    """

    heatmap: Floats = field(repr=False)
    box: tuple[int, int, int, int]
    drop: float
    elsewhere: float | None


@dataclass(frozen=True, eq=False)
class PriorCheck:
    """What stands beside a dream with a learned prior, see `check_prior`.

    Attributes:
        target: of the dream.
        appearance: where its look and its content come from.
        images: the dream, the raw dream, the dream after raw steps, and the dreams of other seeds.
        covered: what covering a part of the dream costs.
        real: of real images, the quantiles .05, .5, .95 of the score: for a class, each image's for its own best class.
        count: number of these images.
        of_class: whether the target is a class.
    """

    target: str
    appearance: Appearance
    images: tuple[CheckedImage, ...]
    covered: CoveredPart
    real: tuple[float, float, float]
    count: int
    of_class: bool

    @property
    def dream(self) -> CheckedImage:
        """The dream itself."""
        return self.images[0]

    @property
    def covered_text(self) -> str:
        """What covering its most important part costs, in one line."""
        part, score = self.covered, number(self.dream.score)
        top, left, bottom, right = part.box
        place = f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
        apart = "" if part.elsewhere is None else f"; apart from it at most {number(part.elsewhere)}"
        return f"covering {place} costs {number(part.drop)} of the score {score}{apart}"

    @property
    def real_text(self) -> str:
        """The scores of real images, in one line."""
        low, middle, high = map(number, self.real)
        whose = ", each for its own best class" if self.of_class else ""
        return f"{self.count} real images of the prior{whose}: score {low} (5 %), {middle} (median), {high} (95 %)"

    @property
    def lines(self) -> tuple[str, ...]:
        """Where the look comes from, the scores of real images, and the cost of covering."""
        return self.appearance.text, self.real_text, self.covered_text

    @property
    def overlay(self) -> ImageArray:
        """The heatmap over the dream in gray, (h, w, 3): red where covering costs score, blue where it adds some."""
        return overlay(self.dream.image, resize(self.covered.heatmap, self.dream.image.shape[:2]))

    @property
    def shown(self) -> tuple[tuple[ImageArray, str], ...]:
        """The images and the overlay, each with its caption of up to four lines."""
        drawn, (low, _, high), part = [displayed(one.image) for one in self.images], self.real, self.covered
        captions = [one.caption for one in self.images]
        captions[0] += f"\nreal: {number(low)} to {number(high)}"
        elsewhere = "" if part.elsewhere is None else f"\nelsewhere {number(part.elsewhere)}"
        drawn.insert(1, self.overlay)
        captions.insert(1, f"covered\ncosts {number(part.drop)}{elsewhere}")
        return tuple(zip(drawn, captions, strict=True))

    @property
    def sheet(self) -> ImageArray:
        """Everything as one image, (H, W, 3) in [0, 1]."""
        images, captions = zip(*self.shown, strict=True)
        return contact_sheet(images, captions, columns=len(images), title=f"{self.target}: {self.appearance.label}")

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as JSON values."""
        return {
            "target": self.target,
            "appearance": self.appearance.as_values(),
            "images": [
                {"name": one.name, "score": finite(one.score), "share": finite(one.share)} for one in self.images
            ],
            "covered": {
                "box": list(self.covered.box),
                "drop": finite(self.covered.drop),
                "elsewhere": plain(self.covered.elsewhere),
            },
            "real": {"quantiles": plain(list(self.real)), "count": self.count},
            "text": list(self.lines),
        }

    def _repr_html_(self) -> str:
        drawn = tiles([(image, caption.split("\n")) for image, caption in self.shown], side=_TILE)
        colors = f"in the covered image, {legend(['occlusion'], ())}"
        lines = (self.real_text, f"{self.covered_text}; {colors}")
        return frame(heading(self.target, self.appearance.text), drawn, *lines)

    def __repr__(self) -> str:
        return f"PriorCheck({self.target!r}, {self.covered_text})"


class PriorChecks(tuple[PriorCheck, ...]):
    """Checks of several dreams, which a notebook shows one below the other."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return "".join(check._repr_html_() for check in self)
