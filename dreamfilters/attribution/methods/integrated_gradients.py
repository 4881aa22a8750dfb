"""Integrated gradients, with as many steps as completeness needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.fills import Fill, fill_of
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.settings import PositiveInt, Settings, above
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network

_LEAST = 0.1  # of the larger score: where a difference is below, positive and negative shares nearly cancel
_MOST_PLACES = 64  # of the path whose images are held at a time


@dataclass(frozen=True, eq=False)
class PathIntegral:
    """The integrated gradients of images, and how far they are from complete.

    Attributes:
        heatmaps: (n, h, w), the sum over the channels.
        differences: (n,) score of the image minus score of its baseline, which a complete heatmap sums to.
        gaps: (n,) |sum of the heatmap - difference| / |difference|; 0 is complete. A difference below a tenth of the
            larger score counts as a tenth.
        steps: (n,) steps of the path.
        tolerance: the largest gap that counts as complete.
    """

    heatmaps: Floats
    differences: Floats
    gaps: Floats
    steps: np.ndarray
    tolerance: float

    @property
    def remark(self) -> str:
        """One line on the images whose heatmap is not complete, or ''."""
        above = self.gaps > self.tolerance
        if not above.any():
            return ""
        return (
            f"integrated-gradients: {above.sum()} of {len(above)} heatmaps miss the score difference by up to "
            f"{self.gaps.max():.1%} after {self.steps[above].max()} steps, above {self.tolerance:.1%}; raise most_steps"
        )


@dataclass(frozen=True)
class IntegratedGradients(Settings):
    """The share of each pixel in the score difference between the image and a baseline.

    The value is the sum over the channels of (x - b) times the mean gradient on the line from the baseline b to the
    image x. The values add up to score(x) - score(b) (completeness). The mean is that of the middles of equal steps;
    there are three times as many steps until the sum is within `tolerance` of the difference. Source: Sundararajan,
    Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017.

    A pixel that equals the baseline has the value 0: with `black`, the black parts of a sign cannot be shown.

    Attributes:
        baseline: "black", "gray" (0.5), "mean" (the image's mean color) or "blur" (the image, blurred).
        steps: steps of the path at first.
        tolerance: the largest gap, as a share of the score difference.
        most_steps: a limit of the steps.

    Example:
        >>> integral = IntegratedGradients().integrate(network, logit(14), images[:2])
        >>> bool(np.all(integral.gaps <= 0.01)), integral.remark
        (True, '')
    """

    name: ClassVar[str] = "integrated-gradients"
    meaning: ClassVar[str] = "the pixel's share in the score difference from the baseline; positive raises the score"

    baseline: Fill = "black"
    steps: PositiveInt = 32
    tolerance: Annotated[float, above(0, "0.01")] = 0.01
    most_steps: PositiveInt = 864

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return signed heatmaps (n, h, w) for images (n, h, w, c) in [0, 1]."""
        return self.integrate(network, objective, images).heatmaps

    def integrate(self, network: Network, objective: Objective, images: Floats) -> PathIntegral:
        """Return the heatmaps with their completeness; arguments as those of the call."""
        scorer = Scorer(network, objective)
        baselines = [fill_of(image, self.baseline) for image in images]
        rows = [self._of(scorer, image, baseline) for image, baseline in zip(images, baselines, strict=True)]
        heatmaps, differences, gaps, steps = zip(*rows, strict=True)
        return PathIntegral(
            np.stack(heatmaps),
            np.array(differences, np.float32),
            np.array(gaps, np.float32),
            np.array(steps),
            self.tolerance,
        )

    def remarks(self, network: Network, objective: Objective, images: Floats, heatmaps: Floats) -> list[str]:
        """Return for each heatmap that is not complete by how much it misses the score difference, '' for others."""
        scorer, found = Scorer(network, objective), []
        for image, heatmap in zip(images, heatmaps, strict=True):
            low, high = _ends(scorer, image, fill_of(image, self.baseline))
            total = heatmap.sum(dtype=np.float64)
            gap = abs(total - (high - low)) / _scale(low, high)
            found.append(
                f"not complete: its values add up to {total:.4g}, the score difference is {high - low:.4g}, "
                f"{gap:.1%} off with at most {self.most_steps} steps"
                if gap > self.tolerance
                else ""
            )
        return found

    def _of(self, scorer: Scorer, image: Floats, baseline: Floats) -> tuple[Floats, float, float, int]:
        """Return the heatmap of one image, the score difference, the gap and the number of steps."""
        low, high = _ends(scorer, image, baseline)
        scale = _scale(low, high)
        steps = self.steps
        total = _slopes(scorer, image, baseline, _middles(steps))
        while True:
            heatmap = ((image - baseline) * total / steps).sum(axis=-1)
            gap = abs(heatmap.sum() - (high - low)) / scale
            if gap <= self.tolerance or 3 * steps > self.most_steps:
                return heatmap.astype(np.float32), high - low, gap, steps
            steps *= 3
            added = np.arange(steps) % 3 != 1  # the others are the middles of the third as many steps
            total = total + _slopes(scorer, image, baseline, _middles(steps)[added])


def _ends(scorer: Scorer, image: Floats, baseline: Floats) -> tuple[float, float]:
    """Return the scores of the baseline and the image, the ends of the path."""
    low, high = scorer.scores(np.stack([baseline, image])).astype(np.float64)
    return float(low), float(high)


def _scale(low: float, high: float) -> float:
    """Return the score difference of which a gap is a share."""
    return max(abs(high - low), _LEAST * max(abs(high), abs(low)), float(np.finfo(np.float32).tiny))


def _middles(steps: int) -> Floats:
    """Return the middles of equal steps of the path, 0 at the baseline and 1 at the image."""
    return np.asarray((np.arange(steps) + 0.5) / steps, np.float32)


def _slopes(scorer: Scorer, image: Floats, baseline: Floats, places: Floats) -> NDArray[np.float64]:
    """Return the sum of the gradients at places of the path, (h, w, c)."""
    total = np.zeros(image.shape)
    for first in range(0, len(places), _MOST_PLACES):
        chosen = places[first : first + _MOST_PLACES, None, None, None]
        _, gradients = scorer.gradients(baseline + chosen * (image - baseline))
        total += gradients.sum(axis=0, dtype=np.float64)
    return total
