"""The records of a run with a folder for each image; a record is written last and marks its image as finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import dreamfilters
from dreamfilters import backend
from dreamfilters.errors import DamagedError
from dreamfilters.networks import Network
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import read_json
from dreamfilters.runs.storage.manifest import KEY, MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.run_images import RunImages
from dreamfilters.runs.storage.stored_files import file_digest
from dreamfilters.serialization import plain, typed

_SUFFIXES = (".png", ".gif", ".npz", ".json")

Value = TypeVar("Value")


@dataclass(frozen=True)
class ImageRecords:
    """The records of the images of a run.

    Attributes:
        run: the folder.
        file: name of the record in the folder of an image.
        of_run: settings that a record does not repeat.
    """

    run: RunFolder
    file: str
    of_run: tuple[str, ...]

    def folder(self, name: str) -> Path:
        """Return the folder of an image's results, which may not exist yet."""
        return self.run.path / slug(name)

    @property
    def common(self) -> dict[str, Any]:
        """What every record says: the version, and the settings but for `of_run`."""
        settings = {key: value for key, value in self.run.settings.items() if key not in self.of_run}
        return {KEY: dreamfilters.__version__, **settings}

    def finished(self, name: str, digest: str, value_of: Callable[[Path, Mapping[str, Any]], Value]) -> Value | None:
        """Return the value of the undamaged record of an image with this SHA-256 and the settings of this run.

        None stands for no such record, and for one of which `value_of` raises a ValueError.
        """
        folder = self.folder(name)
        if not folder.exists():
            return None
        try:
            record = read_json(folder, self.file)
            listed = typed(Mapping[str, str], record.get("files"), "files")
            files = {file: file_digest(folder, file) for file in listed if Path(file).name == file}
            wanted = {**self.common, "files": files, "image": name, "sha256": digest}
            same = all(record.get(key) == value for key, value in wanted.items())
            return value_of(folder, record) if same else None
        except (DamagedError, ValueError):
            return None

    def remove(self, names: Iterable[str]) -> None:
        """Remove what an earlier run wrote of images that now fail."""
        for name in names:
            self.run.remove(_files_of(self.run.path, name, self.file))

    def checksums(self, folders: Iterable[Path]) -> dict[str, str]:
        """Return the record of each of these folders with its SHA-256."""
        records = [f"{folder.name}/{self.file}" for folder in folders]
        return {record: file_digest(self.run.path, record) for record in records}

    def clear(self) -> None:
        """Remove every file of this run."""
        self.run.remove(self.run.kind.files_in(self.run.path))


def kind_of_images(command: str, noun: str, record: str, beside: tuple[str, ...] = (), **adding: Any) -> RunKind:
    """Return the kind of a run with a folder for each image and the files `beside` them.

    `adding` is `adds` and `added` of a `RunKind`.
    """

    def written(folder: Path, manifest: Manifest) -> list[str]:
        return [*beside, *(name for image in manifest.settings["images"] for name in _files_of(folder, image, record))]

    def planned(settings: Mapping[str, Any]) -> list[str]:
        return [MANIFEST, *beside, *map(slug, settings["images"])]

    return RunKind(command, noun, written, planned, **adding)


def settings_of(network: Network, fingerprint: str, images: RunImages, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that decides the bytes of the files; `chosen` are the settings that only this command has."""
    return {
        "model": {"name": network.name, "fingerprint": fingerprint},
        "input": plain(network.form),
        "size": images.size,
        "classes": list(network.classes),
        **chosen,
        "versions": backend.versions(),
        "images": images.as_values(),
    }


def _files_of(folder: Path, image: str, record: str) -> list[str]:
    """Return the names, relative to the run folder, of the files of one image."""
    place = folder / slug(image)
    names = [path.name.removeprefix(".").removesuffix(".part") for path in place.iterdir()] if place.is_dir() else []
    return [f"{place.name}/{name}" for name in names if name.endswith(_SUFFIXES)] or [f"{place.name}/{record}"]
