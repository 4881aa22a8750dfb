"""The run of `maps`: activation maps of every unit for every image, as pages, numbers and arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.activations import Floats, iter_activations
from dreamfilters.evidence.maps.class_mask import class_mask, mask_page
from dreamfilters.evidence.maps.layer_page import PageImage, layer_page, overview
from dreamfilters.evidence.maps.map_style import MapStyle
from dreamfilters.evidence.maps.unit_maps import UnitMaps, mapped_layers, select_units
from dreamfilters.images import ImageArray, ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.images.panels import png_of
from dreamfilters.networks import LOGITS, AnyNetwork, LayerInfo, Network, network_of
from dreamfilters.networks.classes.predictions import predicted_from, predictions
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.by_image.image_records import settings_of
from dreamfilters.runs.by_image.map_store import KIND, MapStore, StoredMaps
from dreamfilters.runs.storage.array_files import npz_bytes
from dreamfilters.runs.storage.file_names import readable
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_images import RunImages
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

ARRAYS, OVERVIEW, MASK = "maps.npz", "overview.png", "predicted-mask.png"
_LARGEST_HALF = float(np.finfo(np.float16).max)
_THREADS = 2  # drawing threads; Pillow's compression releases the interpreter lock


@dataclass(frozen=True)
class MapSettings:
    """What a run of maps writes for each image.

    Attributes:
        layers: names of layers. Default: all that have maps, see `mapped_layers`.
        units: numbers of units, of each layer that has them. Default: all.
        style: how the pages are drawn.
        top: number of predicted classes.
        pages: whether to draw pages.
        arrays: number type of the stored maps, "float32" or "float16"; "" stores none.
        size: (height, width) of the images, for a network that accepts any size. Default: that of the first image.
    """

    layers: tuple[str, ...] | None = None
    units: tuple[int, ...] | None = None
    style: MapStyle = field(default_factory=MapStyle)
    top: int = 5
    pages: bool = True
    arrays: Literal["", "float32", "float16"] = ""
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.top < 0:
            raise RecipeError(f"top={self.top}: must be 0 or more")
        if self.arrays not in ("", "float32", "float16"):
            raise RecipeError(f"arrays={self.arrays}: must be float32, float16 or empty")


def draw_maps(
    network: AnyNetwork,
    images: ImageFolder | ArrayLike | str | Path,
    folder: str | Path,
    settings: MapSettings | None = None,
    *,
    force: bool = False,
    progress: OnProgress | None = None,
) -> RunResult[tuple[StoredMaps, ...]]:
    """Write the activation maps of every unit for every image into a folder, and return the finished images.

    Each image gets a folder with `overview.png`, a page for each layer, and `maps.json` with the minimum, maximum and
    mean of every unit; `predicted-mask.png` draws the predicted classes over the image if the network's output is a map
    of classes; `maps.npz` holds the maps themselves if `settings.arrays` is given. Images that an earlier run with
    equal settings finished are kept. Ctrl-C ends the run early; the same call resumes it. Memory use does not grow with
    the number of images.

    Args:
        network: a Keras model, or what `load` returned.
        images: a file or folder, its `ImageFolder`, or images (n, h, w, c) or (h, w, c) in [0, 1] or of uint8.
        folder: new, empty, or of an earlier run with the same settings.
        settings: what to write. Default: `MapSettings()`.
        force: replace another run of maps in the folder.
        progress: called after each image.

    Raises:
        OutputError: the folder holds other files or cannot be written.
        UnknownNameError, TargetError: no such layer or unit.
        ImageError: no image can be read.

    Example:
        >>> draw_maps(network, image_folder("signs/14/14_rendered_0.png"), "outputs/maps").done
        1
    """
    found = opened_images(images)
    source = found if isinstance(found, ImageFolder) else ImageArrays.of(found)
    job = MapJob(network_of(network), source, settings or MapSettings())
    return run(job, Path(folder), force=force, progress=progress)


def run(
    job: MapJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[StoredMaps, ...]]:
    """Write the maps of a job into a folder, see `draw_maps`."""
    job.check()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, finished, stopped = MapStore(claimed), dict[int, StoredMaps](), False
        try:
            for index, maps in _all_maps(job, store):
                finished[index] = maps
                if progress is not None:
                    tried = len(finished) + len(job.images.failures)
                    progress(Progress(tried, len(job.source), maps.image))
        except KeyboardInterrupt:
            stopped = True
        failures, ordered = job.images.failures, tuple(finished[index] for index in sorted(finished))
        others = store.others(job.source.names)
        if not finished and failures and not stopped:
            if others:
                store.close(others, {})
            else:
                store.clear()
            name, reason = next(iter(failures.items()))
            raise ImageError(f"none of {len(failures)} images can be read; first error: {name}: {reason}")
        store.close([*others, *ordered], failures)
    done = {maps.image for maps in ordered} | failures.keys()
    missing = tuple(name for name in job.source.names if name not in done)
    overviews = tuple((maps.folder / OVERVIEW).relative_to(folder).as_posix() for maps in ordered)
    return RunResult(
        folder, ordered, len(done), len(job.source), tuple(failures.items()), missing, stopped, images=overviews
    )


@dataclass(frozen=True, eq=False)
class MapJob:
    """The activation maps of a run.

    Attributes:
        network: the network.
        source: the images.
        options: what to write.
        spec: the argument of `load` that loads the network again.
    """

    network: Network
    source: ImageFolder | ImageArrays
    options: MapSettings
    spec: str = ""

    @cached_property
    def layers(self) -> dict[str, tuple[LayerInfo, tuple[int, ...] | None]]:
        """File stem -> layer and its chosen units; a stem holds the layer's position in the network and its name."""
        infos = mapped_layers(self.network, self.options.layers)
        units = select_units(infos, self.options.units)
        position = {info.name: number for number, info in enumerate(self.network.layers, start=1)}
        return {
            f"{position[info.name]:02d}-{readable(info.name, 'layer')}": (info, units[info.name])
            for info in infos
            if info.name in units
        }

    @cached_property
    def images(self) -> RunImages:
        """The images, as the network reads them."""
        return RunImages(self.source, self.network.form, self.options.size)

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the files."""
        options = self.options
        chosen = {
            "units": {info.name: units for info, units in self.layers.values()},
            "style": asdict(options.style),
            "top": options.top,
            "pages": options.pages,
            "arrays": options.arrays,
        }
        return settings_of(self.network, self.model["fingerprint"], self.images, chosen)

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        _ = self.layers  # raises for an unknown layer or unit


def _all_maps(job: MapJob, store: MapStore) -> Iterator[tuple[int, StoredMaps]]:
    """Yield index and maps of every readable image, those of an earlier run first."""
    names, missing = job.source.names, []
    for index, name in enumerate(names):
        maps = store.finished(name, job.images.digests[index])
        if maps is None:
            missing.append(index)
        else:
            yield index, maps
    output = predicted_from(job.network) if job.options.top else None
    watched = [*(info.name for info, _ in job.layers.values()), *([output] if output else [])]
    pairs = _or_nothing(job.images.only(missing))
    with ThreadPoolExecutor(_THREADS) as threads:
        for index, image, seen in iter_activations(job.network, pairs, watched) if pairs is not None else ():
            yield index, _draw(job, store, threads, index, image, seen)


def _draw(
    job: MapJob, store: MapStore, threads: ThreadPoolExecutor, index: int, image: ImageArray, seen: Mapping[str, Floats]
) -> StoredMaps:
    """Write all files of one image."""
    name, label = job.source.names[index], job.source.labels[index]
    output = predicted_from(job.network) if job.options.top else None
    found = predictions(job.network, seen[output], job.options.top) if output else ()
    subject = PageImage(name, image, label, found)
    maps = {stem: UnitMaps.of(info, seen[info.name], units) for stem, (info, units) in job.layers.items()}
    files = {}
    if job.options.pages:
        drawn = {
            f"{stem}.png": threads.submit(_page, subject, layer, job.options.style) for stem, layer in maps.items()
        }
        if output == LOGITS and job.network.layer(LOGITS).kind == "map":
            drawn[MASK] = threads.submit(_mask, subject, job.network, seen[output])
        drawn[OVERVIEW] = threads.submit(lambda: png_of(overview(subject, tuple(maps.values()), job.options.style)))
        files = {file: store.write(name, file, content.result()) for file, content in drawn.items()}
    layers = {layer.info.name: _values(stem, layer, job.options) for stem, layer in maps.items()}
    if job.options.arrays:
        arrays = {stem: maps[stem].values.astype(layers[maps[stem].info.name]["array"]["type"]) for stem in maps}
        files[ARRAYS] = store.write(name, ARRAYS, npz_bytes(arrays))
    record = {"label": label, "sha256": job.images.digests[index], "predictions": plain(found)}
    return store.finish(name, {**record, "layers": layers}, files)


def _page(subject: PageImage, maps: UnitMaps, style: MapStyle) -> bytes:
    return png_of(layer_page(subject, maps, style))


def _mask(subject: PageImage, network: Network, logits: Floats) -> bytes:
    mask, found = class_mask(network.head, logits), predictions(network, logits, network.class_count)
    return png_of(mask_page(subject, mask, found, network.output_layer))


def _values(stem: str, maps: UnitMaps, options: MapSettings) -> dict[str, Any]:
    """Return the record of a layer: its numbers, and the names of the files with its page and maps."""
    values = maps.as_values(options.style.scale)
    if options.pages:
        values["page"] = f"{stem}.png"
    if options.arrays:
        fits = np.nanmax(np.abs(maps.span), initial=0.0) <= _LARGEST_HALF  # float16 overflows above
        values["array"] = {"name": stem, "type": options.arrays if fits else "float32"}
    return values


def _or_nothing(pairs: Iterator[tuple[int, ImageArray]]) -> Iterator[tuple[int, ImageArray]] | None:
    """Return the pairs, None if there are none."""
    first = next(pairs, None)
    return None if first is None else itertools.chain([first], pairs)
