"""A folder of heatmaps, with a subfolder for each image whose record is written last."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamfilters.attribution.trust.result import Curves, ImageValues
from dreamfilters.runs.by_image.image_records import ImageRecords, kind_of_images
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.serialization import plain, typed

RECORD, SHEET, ARRAYS, PAGE = "attribution.json", "contact-sheet.png", "heatmaps.npz", "index.html"
_OF_RUN = ("images", "classes")  # settings that a record does not repeat


@dataclass(frozen=True)
class StoredHeatmap:
    """A heatmap on disk.

    Attributes:
        overlay: name of the PNG file.
        array: its name in the .npz file, "" without arrays.
        scale: the absolute value that the overlay draws in full color.
        low, high: its least and greatest value.
    """

    overlay: str
    array: str
    scale: float
    low: float
    high: float


@dataclass(frozen=True)
class StoredMeasure:
    """A measure of trust in one heatmap, see `Measured`; NaN where it is not defined."""

    value: float
    by_chance: float
    curve: tuple[float, ...]


@dataclass(frozen=True)
class ExplainedTarget:
    """The heatmaps of one target on one image.

    Attributes:
        target: what is explained.
        score: of the image.
        heatmaps: method -> its heatmap.
        reasons: method -> why it has none.
        trust: method -> measure -> its value; {} for an image that was not measured.
        remarks: method -> what a reader of its heatmap has to know.
    """

    target: str
    score: float
    heatmaps: Mapping[str, StoredHeatmap]
    reasons: Mapping[str, str]
    trust: Mapping[str, Mapping[str, StoredMeasure]]
    remarks: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> ImageValues:
        """The measures as `trust_of` takes them."""
        return {
            method: {name: (one.value, one.by_chance) for name, one in measures.items()}
            for method, measures in self.trust.items()
        }

    @property
    def curves(self) -> Curves:
        """The curves as `trust_of` takes them."""
        return {
            method: {name: one.curve for name, one in measures.items() if one.curve and math.isfinite(one.value)}
            for method, measures in self.trust.items()
        }


@dataclass(frozen=True)
class StoredAttribution:
    """The finished heatmaps of one image.

    Attributes:
        folder: the folder with the files.
        image: name of the image.
        label: its label, "" if it is unknown.
        predicted: the predicted class with its probability, "" without classes.
        targets: what is explained on it.
    """

    folder: Path
    image: str
    label: str
    predicted: str
    targets: tuple[ExplainedTarget, ...]

    @classmethod
    def of(cls, folder: Path, record: Mapping[str, Any]) -> StoredAttribution:
        """Return the heatmaps with this record.

        Raises:
            ValueError: its values are not those of heatmaps.
        """
        image, label, predicted = (typed(str, record.get(key), key) for key in ("image", "label", "predicted"))
        targets = typed(tuple[ExplainedTarget, ...], record.get("targets"), "targets")
        return cls(folder, image, label, predicted, targets)

    @property
    def sheet(self) -> Path:
        """The contact sheet: a row for each target, with the overlays of all methods."""
        return self.folder / SHEET


@dataclass(frozen=True)
class AttributionStore:
    """The heatmaps in a claimed folder."""

    run: RunFolder

    @property
    def _records(self) -> ImageRecords:
        return ImageRecords(self.run, RECORD, _OF_RUN)

    def write(self, name: str, contents: Mapping[str, bytes], record: Mapping[str, Any]) -> StoredAttribution:
        """Write the files of an image, and its record last, which marks the image as finished."""
        files = {file: self.run.write(f"{slug(name)}/{file}", content) for file, content in sorted(contents.items())}
        values = plain({**self._records.common, "image": name, "files": files, **record})
        self.run.write(f"{slug(name)}/{RECORD}", with_checksum(as_json(values)).encode())
        return StoredAttribution.of(self._records.folder(name), values)

    def finished(self, name: str, digest: str) -> StoredAttribution | None:
        """Return the undamaged heatmaps of an image with this SHA-256 and the settings of this run, or None."""
        return self._records.finished(name, digest, StoredAttribution.of)

    def close(self, stored: Sequence[StoredAttribution], page: bytes, trust: Any, failures: Mapping[str, str]) -> None:
        """Write the page and the manifest, and remove what an earlier run left of an image that now fails.

        Args:
            stored: the finished images.
            page: the content of `index.html`.
            trust: the table of trust as JSON values, None without.
            failures: name and reason of each image that cannot be read.
        """
        self._records.remove(failures)
        files = self._records.checksums(one.folder for one in stored)
        files[PAGE] = self.run.write(PAGE, page)
        images = [
            {
                "image": one.image,
                "label": one.label,
                "predicted": one.predicted,
                "folder": one.folder.name,
                "scores": {each.target: each.score for each in one.targets},
            }
            for one in stored
        ]
        self.run.save_manifest(files, {"images": images, "trust": trust}, failures.items())

    def clear(self) -> None:
        """Remove every file of this run."""
        self._records.clear()


KIND = kind_of_images("attribute", "heatmaps", RECORD, (PAGE,))
