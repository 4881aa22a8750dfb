"""`scan`: one pass over images that records the statistics of every unit, in memory independent of their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.progress import OnProgress, Progress

# Layers whose units have the statistics of the layer before. Their maps differ (permuted, padded) and can be drawn.
_COPIES = types_of("identity", "reshape", "reorder", "cast", "pad")


def scan(
    network: Network,
    images: ImageFolder | Sequence[Any] | NDArray[Any],
    layers: Sequence[str] | None = None,
    *,
    labels: Sequence[str] | None = None,
    k: int = TOP_K,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> Scan:
    """Return the statistics of every unit over images: extremes, top-k images, histograms, class means.

    Memory does not grow with the number of images. Unreadable images are listed in `failures`. An image on which a
    unit's map is not finite is left out for that unit.

    Args:
        network: the value that `load` returns.
        images: an `ImageFolder`, or an array (n, h, w, c) in [0, 1]; resized to the network's input size.
        layers: layer names (default: `default_layers`, all layers that compute something new, and the logits).
        labels: one label per image, "" for none (default: those of the folder).
        k: number of images in a ranking.
        batch: images per batch; it changes the running time, never the result.
        progress: called after each batch with the number of images done.

    Raises:
        UnknownNameError: the network has no such layer.
        ImageError: no image can be read, or there are fewer than `k` images.
        RecipeError: `k` or `batch` is below 1, or a layer has no units.

    Example:
        >>> scan(network, images, ["conv2"]).layer("conv2").always_silent.sum()
        np.int64(3)
    """
    job = ScanJob(network, source_of(images, labels), tuple(layers or default_layers(network)), k=k, batch=batch)
    state = job.start()
    for name in job.advance(state):
        if progress is not None:
            progress(Progress(state.done, len(job.source.names), name))
    return job.result(state)


def default_layers(network: Network) -> tuple[str, ...]:
    """Return the layers that a scan covers by default: all layers with units that compute something, and the logits."""
    kept = [info for info in network.layers if info.type not in _COPIES and info.units and info.is_visual]
    logits = (LOGITS,) if kept and network.has_linear(LOGITS) and network.layer(LOGITS).kind == "vector" else ()
    return (*(info.name for info in kept), *logits)
