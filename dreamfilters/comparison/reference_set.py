"""The real images of a comparison: all of them scanned in one pass, and a bounded random sample held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
from dreamfilters.evidence.scan.sources import ImageSource
from dreamfilters.images import resize
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress

Result = TypeVar("Result")

_SAMPLE = 512  # images: a percentile of so many errs by two at most
_BYTES = 2**27  # of a sample
_FEWEST = 32  # images of a sample, whatever their size


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """Real images and the responses of the compared layers to them.

    Attributes:
        network: the network.
        source: the images, in the scan's size.
        scan: of the compared layers, over all images.
        seed: random seed of the samples.
    """

    network: Network
    source: ImageSource
    scan: Scan
    seed: int
    _results: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, network: Network, source: ImageSource, scan: Scan, *, seed: int = 0) -> ReferenceSet:
        """Return the reference set of a scan and the images that were scanned."""
        return cls(network, source.fitted(scan.size, network.form), scan, seed)

    @cached_property
    def sampled(self) -> tuple[int, ...]:
        """The numbers of the randomly sampled images in ascending order: all images where there are few."""
        failed = {name for name, _ in self.scan.failures}
        return self.sample([index for index, name in enumerate(self.scan.names) if name not in failed])

    @cached_property
    def images(self) -> Floats:
        """The sampled images."""
        return self.read(self.sampled)

    def shared(self, compute: Callable[..., Result], *arguments: Any) -> Result:
        """Return `compute(self, *arguments)`, computed once for each function and kept as long as this value."""
        if compute not in self._results:
            self._results[compute] = compute(self, *arguments)
        return cast("Result", self._results[compute])

    def sample(self, indices: Sequence[int], most: int = _SAMPLE) -> tuple[int, ...]:
        """Return a sorted random sample of these numbers: at most `most`, and no more images than fit into memory."""
        height, width = self.scan.size
        affordable = max(_FEWEST, _BYTES // (4 * height * width * self.network.form.channels))
        count = min(len(indices), most, affordable)
        chosen = np.random.default_rng(self.seed).choice(len(indices), count, replace=False)
        return tuple(indices[place] for place in sorted(chosen.tolist()))

    def read(self, indices: Sequence[int]) -> Floats:
        """Return these images, (n, h, w, c).

        Raises:
            ImageError: an image that was readable during the scan no longer is.
        """
        wanted = dict.fromkeys(indices)
        images = dict(self.source.only(wanted))
        gone = [self.scan.names[index] for index in wanted if index not in images]
        if gone:
            raise ImageError(f"{gone[0]}: was readable during the scan and no longer is; leave the images unchanged")
        return np.stack([images[index] for index in indices])

    def fitted(self, images: Iterable[Floats]) -> Floats:
        """Return images in the scan's size, resized by the rule of the input form."""
        size, rule = self.scan.size, self.network.form.resize
        return np.stack([image if image.shape[:2] == size else resize(image, size, rule) for image in images])

    def of_class(self, number: int) -> list[int]:
        """Return the numbers of the readable images labeled with a class of the network."""
        return self.scan.of_class(number)

    def label(self, index: int) -> str:
        """Return an image's label; with its aliases where it is a class of the network."""
        scan, number = self.scan, int(self.scan.truth[index])
        if number < 0:
            return scan.labels[index]
        is_class = scan.classes[: scan.outputs] == self.network.classes and number < scan.outputs
        return self.network.class_title(number) if is_class else scan.classes[number]


def reference_set(
    network: Network,
    source: ImageSource,
    layers: Iterable[str],
    *,
    top: int,
    seed: int,
    progress: OnProgress | None = None,
) -> ReferenceSet:
    """Return the reference set of these layers; every file is read once."""
    count = len(source.names)
    job = ScanJob(network, source, tuple(dict.fromkeys(layers)), k=max(top, TOP_K))
    state = job.start()
    for name in job.advance(state):
        if progress is not None:
            progress(Progress(state.done, count, name))
    return ReferenceSet.of(network, source, job.result(state), seed=seed)
