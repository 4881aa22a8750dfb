"""A folder of the results of a technique, with a subfolder for each image or unit whose record is written last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.errors import DamagedError
from dreamfilters.images import gif_bytes, png_bytes
from dreamfilters.images.encoding import channels_side_by_side
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from dreamfilters.runs.storage.manifest import KEY, MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.stored_files import file_digest
from dreamfilters.serialization import plain, typed
from dreamfilters.techniques.strip import TechniqueResult

RECORD, STRIP, FRAMES, PAGE = "result.json", "strip.png", "frames.gif", "index.html"
ITEMS = "items"  # name -> what it is made of, in the settings of a run; a record does not repeat it
NOUNS = {
    "fool": "fooling images",
    "invert": "inversions",
    "texture": "textures",
    "style": "style transfers",
    "facets": "facets",
    "segment": "segmentations",
    "unit": "pages of units",
}
_SUFFIXES = (".png", ".gif", ".json")


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
        name, text = (typed(str, record.get(key), key) for key in ("name", "text"))
        return cls(folder, name, text, typed(Mapping[str, Any], record.get("values"), "values"))

    @property
    def strip(self) -> Path:
        """The image that shows the result at a glance."""
        return self.folder / STRIP


@dataclass(frozen=True)
class TechniqueStore:
    """The results in a claimed folder."""

    run: RunFolder

    def write(self, name: str, digest: str, result: TechniqueResult) -> StoredResult:
        """Write the files of a result, and its record last, which marks it as finished."""
        contents = {f"{file}.png": png_bytes(channels_side_by_side(image)) for file, image in result.images.items()}
        contents[STRIP] = png_bytes(result.strip.sheet)
        if result.frames:
            contents[FRAMES] = gif_bytes([channels_side_by_side(image) for image in result.frames])
        files = {file: self.run.write(f"{slug(name)}/{file}", content) for file, content in sorted(contents.items())}
        values = plain(
            {
                **self._common,
                "name": name,
                "sha256": digest,
                "files": files,
                "text": result.text,
                "values": result.as_values(),
            }
        )
        self.run.write(f"{slug(name)}/{RECORD}", with_checksum(as_json(values)).encode())
        return StoredResult.of(self.run.path / slug(name), values)

    def finished(self, name: str, digest: str) -> StoredResult | None:
        """Return the undamaged result of this name, made of this SHA-256 with the settings of this run, or None."""
        folder = self.run.path / slug(name)
        if not folder.exists():
            return None
        try:
            record = read_json(folder, RECORD)
            listed = typed(Mapping[str, str], record.get("files"), "files")
            files = {file: file_digest(folder, file) for file in listed if Path(file).name == file}
            wanted = {**self._common, "files": files, "name": name, "sha256": digest}
            same = all(record.get(key) == value for key, value in wanted.items())
            return StoredResult.of(folder, record) if same else None
        except (DamagedError, ValueError):
            return None

    def close(self, stored: Sequence[StoredResult], page: bytes, failures: Iterable[tuple[str, str]]) -> None:
        """Write the page and the manifest, and remove what an earlier run left of an item that now fails."""
        failures = tuple(failures)
        for name, _ in failures:
            self.run.remove(_files_of(self.run.path, name))
        records = [f"{one.folder.name}/{RECORD}" for one in stored]
        files = {record: file_digest(self.run.path, record) for record in records}
        files[PAGE] = self.run.write(PAGE, page)
        results = [{"name": one.name, "folder": one.folder.name, "text": one.text} for one in stored]
        self.run.save_manifest(files, {"results": results}, failures)

    def clear(self) -> None:
        """Remove every file of this run."""
        self.run.remove(self.run.kind.files_in(self.run.path))

    @property
    def _common(self) -> dict[str, Any]:
        settings = {key: value for key, value in self.run.settings.items() if key not in (ITEMS, "classes")}
        return {KEY: dreamfilters.__version__, **settings}


@cache
def kind_of(command: str) -> RunKind:
    """Return the kind of the runs of one of these commands."""
    return RunKind(
        command, NOUNS[command], _written, planned=lambda settings: [MANIFEST, PAGE, *map(slug, settings[ITEMS])]
    )


def _written(folder: Path, manifest: Manifest) -> list[str]:
    return [PAGE, *(name for item in manifest.settings[ITEMS] for name in _files_of(folder, item))]


def _files_of(folder: Path, item: str) -> list[str]:
    """Return the names, relative to the run folder, of the files of one item."""
    place = folder / slug(item)
    names = [path.name.removeprefix(".").removesuffix(".part") for path in place.iterdir()] if place.is_dir() else []
    return [f"{place.name}/{name}" for name in names if name.endswith(_SUFFIXES)] or [f"{place.name}/{RECORD}"]
