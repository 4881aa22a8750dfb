"""A folder with a folder of maps for each image: what is in it counts once its record, written last, names it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.atomic_files import claimed, make_folder, sha256, write_whole
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.records import KEY, as_json

MANIFEST, RECORD = "manifest.json", "maps.json"
_OF_ALL = ("images", "classes", "units")  # settings of the run that a record does not repeat


@dataclass(frozen=True)
class StoredMaps:
    """The finished maps of one image; their numbers stay on disk, those of many images would fill the memory.

    Attributes:
        folder: where they lie.
        image: its name.
        label: what it shows, "" where that is not known.
        guess: the class that it is taken for, with number, name, logit and probability; None where none was wanted.
    """

    folder: Path
    image: str
    label: str
    guess: Mapping[str, Any] | None

    @classmethod
    def of(cls, folder: Path, record: Mapping[str, Any]) -> StoredMaps:
        """Return the page with this record."""
        return cls(folder, record["image"], record["label"], next(iter(record["guesses"]), None))

    def read(self) -> dict[str, Any]:
        """Return what `maps.json` says, the numbers of every unit under ["layers"][layer]["min" or "max" or "mean"]."""
        record: dict[str, Any] = json.loads((self.folder / RECORD).read_bytes())
        return record


@dataclass(frozen=True)
class MapStore:
    """A claimed folder; see `opened`."""

    folder: Path
    settings: Mapping[str, Any]

    def place(self, name: str) -> Path:
        """Return where an image's maps lie, or will."""
        return self.folder / slug(name)

    def write(self, name: str, file: str, content: bytes) -> str:
        """Write one file of an image and return its checksum."""
        place = self.place(name)
        make_folder(place)
        write_whole(place / file, content)
        return sha256(content)

    def finish(self, name: str, record: Mapping[str, Any], files: Mapping[str, str]) -> StoredMaps:
        """Write the record of an image whose files are all written; now it counts."""
        whole = {**self._common, "image": name, "files": dict(sorted(files.items())), **record}
        self.write(name, RECORD, record_json(whole))
        return StoredMaps.of(self.place(name), whole)

    def finished(self, name: str, digest: str) -> StoredMaps | None:
        """Return an image's maps that are here, whole, and made of these bytes with the settings of this run."""
        place = self.place(name)
        try:
            record = json.loads((place / RECORD).read_bytes())
            files = {file: sha256((place / file).read_bytes()) for file in record["files"] if _is_plain(file)}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        same = all(record.get(key) == value for key, value in self._common.items())
        whole = same and record["files"] == files and (record.get("image"), record.get("sha256")) == (name, digest)
        return StoredMaps.of(place, record) if whole else None

    def close(self, pages: Sequence[StoredMaps], failures: Mapping[str, str]) -> None:
        """Write the manifest of what is finished, and drop what a killed run has left of an image that now fails."""
        done = {page.image for page in pages}
        for name in failures:
            run_folder.remove(self.folder, _page(self.folder, name))
        entries = [
            {
                "image": page.image,
                "label": page.label,
                "folder": page.folder.name,
                "guess": page.guess,
                RECORD: sha256((page.folder / RECORD).read_bytes()),
            }
            for page in pages
        ]
        missing = [name for name in self.settings["images"] if name not in done and name not in failures]
        write_whole(self.folder / MANIFEST, self.manifest(entries, failures, missing))

    def manifest(self, pages: Sequence[Any], failures: Mapping[str, str], missing: Sequence[str]) -> bytes:
        """Return the bytes of `manifest.json`."""
        failed = [{"image": name, "reason": reason} for name, reason in failures.items()]
        values = {"settings": self.settings, "images": pages, "failures": failed, "missing": missing}
        return as_json({KEY: self.settings[KEY], **values}).encode()

    def clear(self) -> None:
        """Remove everything that this run wrote."""
        run_folder.remove(self.folder, _written(self.folder, self.settings))

    @property
    def _common(self) -> dict[str, Any]:
        return {key: value for key, value in self.settings.items() if key not in _OF_ALL}


@contextmanager
def opened(folder: Path, settings: Mapping[str, Any], *, force: bool = False) -> Iterator[MapStore]:
    """Claim a folder for the run with these settings, new or begun earlier, and let go of it at the end.

    `force` replaces another run of `maps`; files that are not from it are never touched.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
    """
    with claimed(folder):
        album = MapStore(folder, json.loads(as_json(settings)))
        _make_room(folder, album.settings, force)
        if _settings_in(folder) != album.settings:  # first, so that whatever follows is known for ours
            write_whole(folder / MANIFEST, album.manifest((), {}, album.settings["images"]))
        yield album


def record_json(record: Mapping[str, Any]) -> bytes:
    """Return a record as strict JSON, the numbers of each layer on one line."""
    head = as_json({key: value for key, value in record.items() if key != "layers"}).removesuffix("\n}\n")
    layers = {json.dumps(name): json.dumps(values, allow_nan=False) for name, values in record["layers"].items()}
    lines = ",\n".join(f"  {name}: {values}" for name, values in layers.items())
    return f'{head},\n "layers": {{\n{lines}\n }}\n}}\n'.encode()


def _make_room(folder: Path, settings: Mapping[str, Any], force: bool) -> None:
    earlier = _settings_in(folder)
    run_folder.make_room(
        folder, "maps", settings=settings, earlier=earlier, written=_written(folder, earlier) if earlier else (),
        force=force, mine=[MANIFEST, *map(slug, settings["images"])],
    )  # fmt: skip


def _settings_in(folder: Path) -> dict[str, Any]:
    """Return the settings of the run of `maps` that lies in a folder, {} if none does."""
    try:
        settings = json.loads((folder / MANIFEST).read_bytes())["settings"]
        names = [*settings["images"], *settings["units"]]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(settings) if KEY in settings and all(isinstance(name, str) for name in names) else {}


def _written(folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of all files of a run, its manifest last."""
    return [name for image in settings["images"] for name in _page(folder, image)] + [MANIFEST]


def _page(folder: Path, image: str) -> list[str]:
    """Return the names, from the folder on, of what this tool writes for one image."""
    place = folder / slug(image)
    names = [path.name.removeprefix(".").removesuffix(".part") for path in place.iterdir()] if place.is_dir() else []
    return [f"{place.name}/{name}" for name in names if name.endswith(_SUFFIXES)] or [f"{place.name}/{RECORD}"]


_SUFFIXES = (".png", ".npz", ".json")


def _is_plain(file: object) -> bool:
    return isinstance(file, str) and Path(file).name == file
