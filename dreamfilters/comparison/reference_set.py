"""The real images of a comparison: all of them scanned in one pass, and a bounded draw of them held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dreamfilters.comparison.measures.plausibility import Neighborhood, neighborhood_of
from dreamfilters.comparison.measures.response_rank import ResponseRank
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.result import Scan, UnitScan
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
from dreamfilters.evidence.scan.score_statistics import By
from dreamfilters.evidence.scan.sources import ImageSource
from dreamfilters.images import resize
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress

NEIGHBOUR = 5  # which one's distance says how plausible a dream is
_DRAWN = 512  # images: a percentile of so many errs by two at most
_ROOM = 2**27  # bytes that a draw may take
_FEWEST = 32  # images of a draw, however large they are


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """What real images do to the units in question.

    Attributes:
        network: on what.
        source: the images, in the size that was scanned.
        scan: of the layers in question, over all images.
        seed: chance of the draws.
    """

    network: Network
    source: ImageSource
    scan: Scan
    seed: int

    @classmethod
    def of(cls, network: Network, source: ImageSource, scan: Scan, *, seed: int = 0) -> ReferenceSet:
        """Return what images do to the layers of a scan that was made of them."""
        return cls(network, source.fitted(scan.size, network.form), scan, seed)

    @cached_property
    def drawn(self) -> tuple[int, ...]:
        """The numbers of images drawn by chance, rising: all where they are few."""
        failed = {name for name, _ in self.scan.failures}
        return self.draw([index for index, name in enumerate(self.scan.names) if name not in failed])

    @cached_property
    def images(self) -> Floats:
        """The images that were drawn."""
        return self.read(self.drawn)

    @cached_property
    def crowd(self) -> Neighborhood:
        """The same, as plausibility needs them.

        Raises:
            ImageError: there are too few.
        """
        return neighborhood_of(self.network, self.images, k=NEIGHBOUR)

    def draw(self, indices: Sequence[int], most: int = _DRAWN) -> tuple[int, ...]:
        """Return at most so many of these, and no more than fit into memory, drawn by chance, rising."""
        height, width = self.scan.size
        room = max(_FEWEST, _ROOM // (4 * height * width * self.network.form.image_channels))
        count = min(len(indices), most, room)
        chosen = np.random.default_rng(self.seed).choice(len(indices), count, replace=False)
        return tuple(indices[place] for place in sorted(chosen.tolist()))

    def read(self, indices: Sequence[int]) -> Floats:
        """Return these images, (n, h, w, c).

        Raises:
            ImageError: one that could be read before cannot be read any more.
        """
        wanted = dict.fromkeys(indices)
        found = dict(self.source.only(wanted))
        gone = [self.scan.names[index] for index in wanted if index not in found]
        if gone:
            raise ImageError(f"{gone[0]}: could be read a moment ago and now cannot; leave the images as they are")
        return np.stack([found[index] for index in indices])

    def fitted(self, images: Iterable[Floats]) -> Floats:
        """Return images in the size that was scanned."""
        return np.stack([one if one.shape[:2] == self.scan.size else resize(one, self.scan.size) for one in images])

    def of_class(self, number: int) -> list[int]:
        """Return the numbers of the readable images whose label is that class of the network."""
        fits = self.scan.classes == self.network.classes
        readable = self.scan.predicted >= 0
        return np.flatnonzero(readable & (self.scan.truth == number)).tolist() if fits else []

    def labeled(self, index: int) -> str:
        """Return the class that an image shows: in the network's words where its label is one of the classes."""
        number = int(self.scan.truth[index])
        return self.scan.classes[number] if number >= 0 else self.scan.labels[index]

    def response_rank(self, unit: UnitScan, by: By, response: float) -> ResponseRank:
        """Return where a response stands among those of all images; the percentile to within a bin of the histogram.

        Raises:
            ImageError: no image has a finite response.
        """
        if not unit.counted:
            raise ImageError(f"{unit.layer.name}:{unit.number}: no image has a finite response to stand beside")
        best = unit.strongest[by][0]
        return ResponseRank(
            response=response,
            largest=best.score,
            index=best.index,
            ratio=response / best.score if best.score > 0 else None,
            margin=response - best.score,
            percentile=100 * unit.histogram[by].share_up_to(response),
            count=unit.counted,
            loses=not response >= best.score,
        )


def reference_set(
    network: Network,
    source: ImageSource,
    layers: Iterable[str],
    *,
    top: int,
    seed: int,
    progress: OnProgress | None = None,
) -> ReferenceSet:
    """Return what the images do to these layers: every file is read once, whatever their number."""
    count = len(source.names)
    survey = ScanJob(network, source, tuple(dict.fromkeys(layers)), k=max(top, min(TOP_K, count)))
    state = survey.start()
    for name in survey.advance(state):
        if progress is not None:
            progress(Progress(state.done, count, name))
    return ReferenceSet.of(network, source, survey.result(state), seed=seed)
