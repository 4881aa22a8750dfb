"""One streamed pass over images that keeps what they do to every unit, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from dreamfilters.evidence.activations import HANDED_ON
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import TOP, ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, Network
from dreamfilters.progress import OnProgress, Progress

__all__ = ["TOP", "ScanJob", "default_layers", "scan"]

# What these say of a unit, the layer before them has said. Permuted or framed by zeros, maps are worth drawing still.
_COPIES = HANDED_ON | {"Permute", "StopGradient", "Cast", "ZeroPadding2D"}


def scan(
    network: Network,
    images: ImageFolder | Sequence[Any] | NDArray[Any],
    layers: Sequence[str] | None = None,
    *,
    labels: Sequence[str] | None = None,
    k: int = TOP,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> Scan:
    """Return what images do to every unit: extremes, statistics, histograms, and the mean by class.

    The memory it takes does not grow with the number of images. An image that cannot be read is counted and named
    in `failures`; a unit whose map is not finite leaves that image out.

    Args:
        network: what `load` returned.
        images: what `images` returned, or (n, h, w, c) in [0, 1]; brought to the network's size if needed.
        layers: their names; all but those that only pass on what another says (dropout, flatten), and the logits.
        labels: one for each image, "" for none; those of the images by themselves.
        k: how many images a ranking holds.
        batch: images at a time; it changes the time, never the result.
        progress: called after each batch with the number of images done.

    Raises:
        UnknownNameError: no such layer.
        ImageError: no image can be read, or there are fewer than `k`.
        RecipeError: `k` or `batch` below 1, or a layer that gives no numbers for units.

    Example:
        >>> found = scan(load("signs"), image_folder("signs/"))
        >>> found.layer("conv2").always_silent.sum()
        2
    """
    survey = ScanJob(network, source_of(images, labels), tuple(layers or default_layers(network)), k=k, batch=batch)
    state = survey.start()
    for name in survey.batches(state):
        if progress is not None:
            progress(Progress(state.next, len(survey.source.names), name))
    return survey.scan(state)


def default_layers(network: Network) -> tuple[str, ...]:
    """Return the layers worth a scan: all that answer in numbers for units, without copies, and the logits."""
    kept = [info for info in network.layers if info.type not in _COPIES and info.units and len(info.shape) in (1, 3)]
    logits = (LOGITS,) if kept and network.has_linear(LOGITS) and len(network.layers[-1].shape) == 1 else ()
    return (*(info.name for info in kept), *logits)
