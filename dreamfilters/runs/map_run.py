"""The run of `maps`: what every unit answers to every image, drawn and written down image by image."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import dreamfilters
from dreamfilters import backend
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.activations import Floats, iter_activations
from dreamfilters.evidence.maps.layer_page import MapStyle, PageImage, layer_page, overview
from dreamfilters.evidence.maps.unit_maps import UnitMaps, mapped_layers, select_units
from dreamfilters.images import ImageArray, ImageFolder
from dreamfilters.images.panels import png_of
from dreamfilters.networks import LOGITS, LayerInfo, Network
from dreamfilters.networks.classes.predictions import has_classes, predictions
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.map_store import MapStore, StoredMaps, opened
from dreamfilters.runs.storage.atomic_files import sha256
from dreamfilters.runs.storage.file_names import readable
from dreamfilters.runs.storage.records import KEY, form_values

ARRAYS, OVERVIEW = "maps.npz", "overview.png"
_LARGEST_HALF = float(np.finfo(np.float16).max)
_HANDS = 2  # threads that draw: Pillow's compression lets the other one run


@dataclass(frozen=True)
class MapSettings:
    """What a run of maps writes for each image.

    Attributes:
        layers: their names; None for all that have maps, see `mapping.mapped_layers`.
        units: numbers of units, of each layer that has them; None for all.
        style: how the pages are drawn.
        top: how many classes are named.
        pages: whether pages are drawn at all.
        arrays: "" for none, "float32" or "float16" for a file of the maps themselves.
        size: (height, width) of the images for a network that takes any; None for that of the first one.
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
            raise RecipeError(f"top={self.top}: 0 for none, or how many classes")
        if self.arrays not in ("", "float32", "float16"):
            raise RecipeError(f"arrays={self.arrays}: float32, float16 or nothing")


@dataclass(frozen=True)
class Drawn:
    """What a run came to.

    Attributes:
        folder: where it lies.
        pages: the finished images in the order of the source.
        failures: name and reason of each image that cannot be read.
        missing: the names of those that a stopped run has not come to.
        stopped: whether it was stopped before the end.
    """

    folder: Path
    pages: tuple[StoredMaps, ...]
    failures: Mapping[str, str]
    missing: tuple[str, ...]
    stopped: bool = False


def draw_maps(
    network: Network,
    images: ImageFolder | ArrayLike,
    folder: str | Path,
    settings: MapSettings | None = None,
    *,
    force: bool = False,
    progress: OnProgress | None = None,
) -> Drawn:
    """Write the maps of every unit for every image into a folder, and return what was written.

    Each image gets a folder with `overview.png`, a page for each layer, and `maps.json` with the least, the greatest
    and the mean value of every unit; `maps.npz` holds the maps themselves if they are wanted. What an earlier, killed
    run with equal settings finished is kept. An interruption (Ctrl-C) ends it early. Memory does not grow with the
    number of images.

    Args:
        network: what `load` returned.
        images: what `images` returned, or images (n, h, w, c) in [0, 1], or a single one.
        folder: new, empty, or of an earlier run of the same settings.
        settings: what is written.
        force: replace another run of maps in the folder.
        progress: called after each image.

    Raises:
        OutputError: the folder holds something else or cannot be written.
        UnknownNameError, TargetError: no such layer or unit.
        ImageError: no image can be read.

    Example:
        >>> draw_maps(load("signs"), image_folder("signs"), "outputs/maps")  # doctest: +SKIP
    """
    job = _Job(network, images if isinstance(images, ImageFolder) else _Given.of(images), settings or MapSettings())
    with opened(Path(folder), job.settings, force=force) as album:
        pages: dict[int, StoredMaps] = {}
        stopped = False
        try:
            for index, page in _pages(job, album):
                pages[index] = page
                if progress is not None:
                    tried = len(pages) + len(job.source.failures)
                    progress(Progress(tried, len(job.source), job.source.names[index]))
        except KeyboardInterrupt:
            stopped = True
        failures = job.failures
        if not pages and failures and not stopped:
            album.clear()
            name, reason = next(iter(failures.items()))
            raise ImageError(f"none of {len(failures)} images can be read, the first: {name}: {reason}")
        ordered = tuple(pages[index] for index in sorted(pages))
        album.close(ordered, failures)
    done = {page.image for page in ordered} | failures.keys()
    missing = tuple(name for name in job.source.names if name not in done)
    return Drawn(Path(folder), ordered, failures, missing, stopped)


@dataclass(frozen=True, eq=False)
class _Given:
    """Images that are not files."""

    images: tuple[ImageArray, ...]
    failures: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def of(cls, images: ArrayLike) -> _Given:
        values = images if isinstance(images, (list, tuple)) else np.asarray(images, np.float32)
        single = isinstance(values, np.ndarray) and values.ndim == 3
        return cls(tuple(np.asarray(image, np.float32) for image in ([values] if single else values)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f"image {number}" for number in range(len(self.images)))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return ("",) * len(self.images)

    def __len__(self) -> int:
        return len(self.images)

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        return ((index, self.images[index]) for index in indices)


@dataclass(frozen=True, eq=False)
class _Job:
    """Whose maps a run draws, and how."""

    network: Network
    source: ImageFolder | _Given
    how: MapSettings

    @cached_property
    def layers(self) -> dict[str, tuple[LayerInfo, tuple[int, ...] | None]]:
        """The layers under the names of their files: their place among all, and what people call them."""
        infos = mapped_layers(self.network, self.how.layers)
        units = select_units(infos, self.how.units)
        place = {info.name: number for number, info in enumerate(self.network.layers, start=1)}
        return {
            f"{place[info.name]:02d}-{readable(info.name, 'layer')}": (info, units[info.name])
            for info in infos
            if info.name in units
        }

    @cached_property
    def size(self) -> tuple[int, int] | None:
        """What the images are brought to; None for images that cannot be read at all."""
        height, width = self.network.form.size
        if height is not None and width is not None:
            return height, width
        if self.how.size is not None:
            return self.how.size
        first = next((image for _, image in self.source.only(range(len(self.source)))), None)
        return None if first is None else (height or first.shape[0], width or first.shape[1])

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the run's files."""
        network, how = self.network, self.how
        return {
            KEY: dreamfilters.__version__,
            "model": {"name": network.name, "fingerprint": network.fingerprint},
            "input": form_values(network.form),
            "size": self.size,
            "classes": list(network.classes),
            "units": {info.name: units for info, units in self.layers.values()},
            "style": asdict(how.style),
            "top": how.top,
            "pages": how.pages,
            "arrays": how.arrays,
            "versions": backend.versions(),
            "images": dict(zip(self.source.names, self.source.labels, strict=True)),
        }

    @property
    def failures(self) -> dict[str, str]:
        """What could not be read so far, by name."""
        if isinstance(self.source, _Given):
            return {}
        named = dict(zip(self.source.paths, self.source.names, strict=True))
        return {named[path]: reason for path, reason in self.source.failures}

    def images(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield these images as the network wants them."""
        if isinstance(self.source, ImageFolder):
            form = self.network.form
            return self.source.fitted(self.size, form.image_channels, form.resize).only(indices)
        return self.source.only(indices)

    def digest(self, index: int) -> str:
        """Return the checksum of an image's file, or of its numbers; "" for one that cannot be read."""
        if isinstance(self.source, _Given):
            return sha256(self.source.images[index].tobytes())
        try:
            return sha256(self.source.paths[index].read_bytes())
        except OSError:
            return ""


def _pages(job: _Job, album: MapStore) -> Iterator[tuple[int, StoredMaps]]:
    """Yield every image that can be read with its finished maps: those that are there, then those that are made."""
    names, missing = job.source.names, []
    for index, name in enumerate(names):
        page = album.finished(name, job.digest(index)) if album.place(name).exists() else None
        if page is None:
            missing.append(index)
        else:
            yield index, page
    top = [LOGITS] * (job.how.top > 0 and has_classes(job.network))
    watched = [*(info.name for info, _ in job.layers.values()), *top]
    pairs = _or_nothing(job.images(missing))
    with ThreadPoolExecutor(_HANDS) as hands:
        for index, image, seen in iter_activations(job.network, pairs, watched) if pairs is not None else ():
            yield index, _draw(job, album, hands, index, image, seen)


def _draw(
    job: _Job, album: MapStore, hands: ThreadPoolExecutor, index: int, image: ImageArray, seen: Mapping[str, Floats]
) -> StoredMaps:
    """Write everything of one image."""
    name, label = job.source.names[index], job.source.labels[index]
    found = predictions(job.network, seen[LOGITS], job.how.top) if LOGITS in seen else ()
    subject = PageImage(name, image, label, found)
    maps = {stem: UnitMaps.of(info, seen[info.name], units) for stem, (info, units) in job.layers.items()}
    files = {}
    if job.how.pages:
        drawn = {f"{stem}.png": hands.submit(_page, subject, layer, job.how.style) for stem, layer in maps.items()}
        drawn[OVERVIEW] = hands.submit(lambda: png_of(overview(subject, tuple(maps.values()), job.how.style)))
        files = {file: album.write(name, file, content.result()) for file, content in drawn.items()}
    layers = {layer.info.name: _values(stem, layer, job.how) for stem, layer in maps.items()}
    if job.how.arrays:
        arrays = {stem: maps[stem].values.astype(layers[maps[stem].info.name]["array"]["type"]) for stem in maps}
        files[ARRAYS] = album.write(name, ARRAYS, _npz(arrays))
    record = {"label": label, "sha256": job.digest(index), "guesses": [asdict(guess) for guess in found]}
    return album.finish(name, {**record, "layers": layers}, files)


def _page(subject: PageImage, maps: UnitMaps, style: MapStyle) -> bytes:
    return png_of(layer_page(subject, maps, style))


def _values(stem: str, maps: UnitMaps, how: MapSettings) -> dict[str, Any]:
    """Return a layer's numbers, and which files hold its page and its maps."""
    values = maps.as_values(how.style.scale)
    if how.pages:
        values["page"] = f"{stem}.png"
    if how.arrays:
        fits = np.nanmax(np.abs(maps.span), initial=0.0) <= _LARGEST_HALF  # else infinity would stand for a number
        values["array"] = {"name": stem, "type": how.arrays if fits else "float32"}
    return values


def _npz(arrays: Mapping[str, Floats]) -> bytes:
    """Return the arrays as a file, the same for the same numbers (numpy dates the parts of an archive 1980)."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _or_nothing(pairs: Iterator[tuple[int, ImageArray]]) -> Iterator[tuple[int, ImageArray]] | None:
    """Return the pairs, None if there are none."""
    first = next(pairs, None)
    return None if first is None else itertools.chain([first], pairs)
