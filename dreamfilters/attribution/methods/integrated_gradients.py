"""Integrated gradients, with short steps where completeness needs them."""

from __future__ import annotations

from collections.abc import Iterator
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
from dreamfilters.number_format import percent

_LEAST = 0.1  # of the larger score: where a difference is below, positive and negative shares nearly cancel
_AT_ONCE = 32  # places of the path whose gradients are computed together; always this many, so that it compiles once
_PARTS = 3  # of a divided step: its middle is that of the middle part


@dataclass(frozen=True, eq=False)
class PathIntegral:
    """The integrated gradients of images, and how far they are from complete.

    Attributes:
        heatmaps: (n, h, w), the sum over the channels.
        differences: (n,) score of the image minus score of its baseline, which a complete heatmap sums to.
        gaps: (n,) |sum of the heatmap - difference| / |difference|; 0 is complete. A difference below a tenth of the
            larger score counts as a tenth.
        steps: (n,) gradients that were computed.
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
            f"{percent(self.gaps.max(), 1)} after {self.steps[above].max()} gradients, above "
            f"{100 * self.tolerance:.3g} %; raise most_steps"
        )


@dataclass(frozen=True)
class IntegratedGradients(Settings):
    """The share of each pixel in the score difference between the image and a baseline.

    The value is the sum over the channels of (x - b) times the mean gradient on the line from the baseline b to the
    image x. The values add up to score(x) - score(b) (completeness). The mean is that of the middles of equal steps.
    Until the sum is within `tolerance` of the difference, the steps that miss their own score difference most are
    divided in three. Source: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017.

    A pixel that equals the baseline has the value 0: with `black`, the black parts of a sign cannot be shown.

    Attributes:
        baseline: "black", "gray" (0.5), "mean" (the image's mean color) or "blur" (the image, blurred).
        steps: steps of the path at first.
        tolerance: the largest gap, as a share of the score difference.
        most_steps: a limit of the gradients that are computed for an image.

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
                f"{percent(gap, 1)} off with at most {self.most_steps} gradients"
                if gap > self.tolerance
                else ""
            )
        return found

    def _of(self, scorer: Scorer, image: Floats, baseline: Floats) -> tuple[Floats, float, float, int]:
        """Return the heatmap of one image, the score difference, the gap and the number of gradients."""
        path = _Path(scorer, baseline, image - baseline)
        ends = np.linspace(0, 1, self.steps + 1)
        scores = path.scores(ends)
        scale = _scale(scores[0], scores[-1])
        steps = _Steps(np.stack([ends[:-1], ends[1:]]), np.stack([scores[:-1], scores[1:]]))
        mean, slopes = path.gradients(steps.middles, steps.widths)
        misses, count = steps.misses(slopes), self.steps
        while True:
            gap = float(abs(misses.sum()) / scale)
            most = min(_AT_ONCE, self.most_steps - count) // _PARTS
            if gap <= self.tolerance or most < 1:
                heatmap = (path.direction * mean).sum(axis=-1)
                return heatmap.astype(np.float32), float(scores[-1] - scores[0]), gap, count
            worst = _worst(misses, self.tolerance * scale / 2)[:most]
            parts = steps.divided(worst, path)
            weights = parts.widths.copy()
            weights[1::_PARTS] -= steps.widths[worst]  # the gradient at a middle was added with the width of its step
            added, slopes = path.gradients(parts.middles, weights)
            mean, count = mean + added, count + len(slopes)
            misses = np.concatenate([np.delete(misses, worst), parts.misses(slopes)])
            steps = steps.replaced(worst, parts)


@dataclass(frozen=True)
class _Path:
    """The line from a baseline to an image, whose places are numbers from 0 to 1.

    Attributes:
        scorer: of the objective.
        baseline: (h, w, c).
        direction: the image minus the baseline.
    """

    scorer: Scorer
    baseline: Floats
    direction: Floats

    def scores(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score at each place."""
        parts = [self.scorer.scores(images)[:count] for images, count in self._images(places)]
        return np.concatenate(parts).astype(np.float64)

    def gradients(
        self, places: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the weighted sum of the gradients at places, (h, w, c), and the slope of the score at each place."""
        total, slopes = np.zeros(self.baseline.shape), []
        for number, (images, count) in enumerate(self._images(places)):
            _, gradients = self.scorer.gradients(images)
            chosen = weights[number * _AT_ONCE :][:count]
            total += np.tensordot(chosen, gradients[:count], 1)
            slopes.append((gradients[:count] * self.direction).sum(axis=(1, 2, 3), dtype=np.float64))
        return total, np.concatenate(slopes)

    def _images(self, places: NDArray[np.float64]) -> Iterator[tuple[Floats, int]]:
        """Yield images at `_AT_ONCE` places and how many of them count; the last place is repeated."""
        for first in range(0, len(places), _AT_ONCE):
            chosen = places[first : first + _AT_ONCE]
            full = np.append(chosen, np.repeat(chosen[-1], _AT_ONCE - len(chosen))).astype(np.float32)
            yield self.baseline + full[:, None, None, None] * self.direction, len(chosen)


@dataclass(frozen=True)
class _Steps:
    """Steps of a path: the places where each begins and ends, (2, k), and the scores there."""

    ends: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def middles(self) -> NDArray[np.float64]:
        return np.asarray((self.ends[0] + self.ends[1]) / 2)

    @property
    def widths(self) -> NDArray[np.float64]:
        return np.asarray(self.ends[1] - self.ends[0])

    def misses(self, slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much the slope at the middle of each step misses its score difference, (k,)."""
        return np.asarray(slopes * self.widths - (self.scores[1] - self.scores[0]))

    def divided(self, chosen: NDArray[np.intp], path: _Path) -> _Steps:
        """Return the parts of the chosen steps, those of one step together."""
        ends = np.linspace(self.ends[0, chosen], self.ends[1, chosen], _PARTS + 1)  # (parts + 1, chosen)
        inner = path.scores(ends[1:-1].ravel()).reshape(_PARTS - 1, -1)
        scores = np.concatenate([self.scores[:1, chosen], inner, self.scores[1:, chosen]])
        return _Steps(*(np.stack([rows[:-1].T.ravel(), rows[1:].T.ravel()]) for rows in (ends, scores)))

    def replaced(self, chosen: NDArray[np.intp], parts: _Steps) -> _Steps:
        """Return the other steps, then the parts."""
        pairs = ((self.ends, parts.ends), (self.scores, parts.scores))
        return _Steps(*(np.concatenate([np.delete(own, chosen, axis=1), new], axis=1) for own, new in pairs))


def _worst(misses: NDArray[np.float64], rest: float) -> NDArray[np.intp]:
    """Return the steps with the largest misses, in this order, so many that the others add up to at most `rest`."""
    order = np.argsort(-np.abs(misses), kind="stable")
    left = np.cumsum(np.abs(misses)[order][::-1])[::-1]  # the misses from here on
    return order[: max(1, int((left > rest).sum()))]


def _ends(scorer: Scorer, image: Floats, baseline: Floats) -> tuple[float, float]:
    """Return the scores of the baseline and the image, the ends of the path."""
    low, high = scorer.scores(np.stack([baseline, image])).astype(np.float64)
    return float(low), float(high)


def _scale(low: float, high: float) -> float:
    """Return the score difference of which a gap is a share."""
    return max(abs(high - low), _LEAST * max(abs(high), abs(low)), float(np.finfo(np.float32).tiny))
