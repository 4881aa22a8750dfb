"""A folder of activation maps, with a subfolder for each image whose record is written last."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.runs.by_image.image_records import ImageRecords, kind_of_images
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.serialization import plain, typed

RECORD = "maps.json"
_OF_RUN = ("images", "classes", "units")  # settings that a record does not repeat


@dataclass(frozen=True)
class StoredMaps:
    """The finished maps of one image; their values stay on disk, because those of many images would fill the memory.

    Attributes:
        folder: the folder with the files.
        image: name of the image.
        label: its label, "" if it is unknown.
        prediction: number, name, logit and probability of the predicted class; None without predictions.
    """

    folder: Path
    image: str
    label: str
    prediction: Mapping[str, Any] | None

    @classmethod
    def of(cls, folder: Path, record: Mapping[str, Any]) -> StoredMaps:
        """Return the maps with this record.

        Raises:
            ValueError: its values are not those of maps.
        """
        image, label = (typed(str, record.get(key), key) for key in ("image", "label"))
        ranked: tuple[Prediction, ...] = typed(tuple[Prediction, ...], record.get("predictions"), "predictions")
        return cls(folder, image, label, plain(ranked[0]) if ranked else None)

    def read(self) -> dict[str, Any]:
        """Return the content of `maps.json`; ["layers"][layer]["min", "max" or "mean"] holds a value for each unit.

        Raises:
            DamagedError: the file is damaged.
        """
        return read_json(self.folder, RECORD)


@dataclass(frozen=True)
class MapStore:
    """The maps in a claimed folder."""

    run: RunFolder

    @property
    def _records(self) -> ImageRecords:
        return ImageRecords(self.run, RECORD, _OF_RUN)

    def write(self, name: str, file: str, content: bytes) -> str:
        """Write one file of an image and return its SHA-256."""
        return self.run.write(f"{slug(name)}/{file}", content)

    def finish(self, name: str, record: Mapping[str, Any], files: Mapping[str, str]) -> StoredMaps:
        """Write the record of an image; it is written last and marks the image as finished."""
        values = {**self._records.common, "image": name, "files": dict(sorted(files.items())), **record}
        self.write(name, RECORD, record_json(values))
        return StoredMaps.of(self._records.folder(name), values)

    def finished(self, name: str, digest: str) -> StoredMaps | None:
        """Return the undamaged maps of an image with this SHA-256 and the settings of this run, or None."""
        return self._records.finished(name, digest, StoredMaps.of)

    def others(self, names: Collection[str]) -> list[StoredMaps]:
        """Return the finished maps of the images that earlier runs drew, without those of these names."""
        images = {name: image for name, image in self.run.settings["images"].items() if name not in names}
        found = (self.finished(name, image["sha256"]) for name, image in images.items())
        return [maps for maps in found if maps]

    def close(self, stored: Sequence[StoredMaps], failures: Mapping[str, str]) -> None:
        """Write the manifest of the finished images, and remove what an earlier run left of an image that now fails.

        Args:
            stored: the finished images, those of earlier runs too.
            failures: name and reason of each image of this run that cannot be read.
        """
        done = {maps.image: maps for maps in stored}
        self._records.remove(failures)
        failed = {**dict(self.run.manifest.failures), **failures}
        names = list(self.run.settings["images"])
        ordered = [done[name] for name in names if name in done]
        files = self._records.checksums(maps.folder for maps in ordered)
        images = [
            {"image": maps.image, "label": maps.label, "folder": maps.folder.name, "prediction": maps.prediction}
            for maps in ordered
        ]
        missing = [name for name in names if name not in done and name not in failed]
        unreadable = [(name, failed[name]) for name in names if name in failed and name not in done]
        self.run.save_manifest(files, {"images": images, "missing": missing}, unreadable)

    def clear(self) -> None:
        """Remove every file of this run."""
        self._records.clear()


def record_json(record: Mapping[str, Any]) -> bytes:
    """Return a record as strict JSON with its checksum, the values of each layer on one line."""
    head = as_json({key: value for key, value in record.items() if key != "layers"}).removesuffix("\n}\n")
    layers = {json.dumps(name): json.dumps(values, allow_nan=False) for name, values in record["layers"].items()}
    lines = ",\n".join(f"  {name}: {values}" for name, values in layers.items())
    return with_checksum(f'{head},\n "layers": {{\n{lines}\n }}\n}}\n').encode()


def _added(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the images of two runs together, None if both have an image of one name that is not the same file."""
    for image in typed(Mapping[str, Mapping[str, str]], earlier).values():
        if image.keys() != {"label", "file", "sha256"}:
            return None
    for name in earlier.keys() & later.keys():
        one, other = earlier[name], later[name]
        if one["label"] != other["label"] or (one["file"] != other["file"] and one["sha256"] != other["sha256"]):
            return None
    return {**earlier, **later}


KIND = kind_of_images("maps", "maps", RECORD, adds="images", added=_added)
