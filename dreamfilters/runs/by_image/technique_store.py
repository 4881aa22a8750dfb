"""A folder of the results of a technique, with a subfolder for each image or unit whose record is written last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dreamfilters.images import gif_bytes, png_bytes
from dreamfilters.images.encoding import channels_side_by_side
from dreamfilters.runs.by_image.image_records import ImageRecords, kind_of_images
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.serialization import plain, typed
from dreamfilters.techniques.strip import TechniqueResult

RECORD, STRIP, FRAMES, PAGE = "result.json", "strip.png", "frames.gif", "index.html"
_OF_RUN = ("images", "classes")  # settings that a record does not repeat
NOUNS = {
    "fool": "fooling images",
    "invert": "inversions",
    "texture": "textures",
    "style": "style transfers",
    "facets": "facets",
    "segment": "segmentations",
    "unit": "pages of units",
}


@dataclass(frozen=True)
class StoredResult:
    """The finished result of one image or unit.

    Attributes:
        folder: the folder with the files.
        name: of the image or unit.
        text: the result in one line.
        values: the result as JSON values.
    """

    folder: Path
    name: str
    text: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path, record: Mapping[str, Any]) -> StoredResult:
        """Return the result with this record.

        Raises:
            ValueError: its values are not those of a result.
        """
        name, text = (typed(str, record.get(key), key) for key in ("image", "text"))
        return cls(folder, name, text, typed(Mapping[str, Any], record.get("values"), "values"))

    @property
    def strip(self) -> Path:
        """The image that shows the result at a glance."""
        return self.folder / STRIP


@dataclass(frozen=True)
class TechniqueStore:
    """The results in a claimed folder."""

    run: RunFolder

    @property
    def _records(self) -> ImageRecords:
        return ImageRecords(self.run, RECORD, _OF_RUN)

    def write(self, name: str, digest: str, result: TechniqueResult) -> StoredResult:
        """Write the files of a result, and its record last, which marks it as finished."""
        contents = {f"{file}.png": png_bytes(channels_side_by_side(image)) for file, image in result.images.items()}
        contents[STRIP] = png_bytes(result.strip.sheet)
        if result.frames:
            contents[FRAMES] = gif_bytes([channels_side_by_side(image) for image in result.frames])
        files = {file: self.run.write(f"{slug(name)}/{file}", content) for file, content in sorted(contents.items())}
        record = {"image": name, "sha256": digest, "files": files, "text": result.text, "values": result.as_values()}
        values = plain({**self._records.common, **record})
        self.run.write(f"{slug(name)}/{RECORD}", with_checksum(as_json(values)).encode())
        return StoredResult.of(self._records.folder(name), values)

    def finished(self, name: str, digest: str) -> StoredResult | None:
        """Return the undamaged result of this name, made of this SHA-256 with the settings of this run, or None."""
        return self._records.finished(name, digest, StoredResult.of)

    def close(self, stored: Sequence[StoredResult], page: bytes, failures: Mapping[str, str]) -> None:
        """Write the page and the manifest, and remove what an earlier run left of an item that now fails."""
        self._records.remove(failures)
        files = self._records.checksums(one.folder for one in stored)
        files[PAGE] = self.run.write(PAGE, page)
        results = [{"name": one.name, "folder": one.folder.name, "text": one.text} for one in stored]
        self.run.save_manifest(files, {"results": results}, failures.items())

    def clear(self) -> None:
        """Remove every file of this run."""
        self._records.clear()


@cache
def kind_of(command: str) -> RunKind:
    """Return the kind of the runs of a command: one of these, or that of a technique that was registered."""
    return kind_of_images(command, NOUNS.get(command, f"results of {command}"), RECORD, (PAGE,))
