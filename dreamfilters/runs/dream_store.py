"""A folder of dreams: images with their records, a contact sheet and a manifest, resumable and never half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.result import Dream
from dreamfilters.images import contact_sheet, gif_bytes, png_bytes, read_image
from dreamfilters.runs.storage.atomic_files import claimed, sha256, write_whole
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.records import KEY, as_json, record_of
from dreamfilters.runs.storage.run_folder import make_room

MANIFEST, SHEET = "manifest.json", "contact-sheet.png"
ATTACHMENTS = ("prior.npz", "start.png")  # what a run was given and `again` needs


@dataclass(frozen=True)
class DreamEntry:
    """One finished image of a run.

    Attributes:
        image: the PNG.
        record: what the JSON beside it says.
        seconds: what it took, None if an earlier run made it.
    """

    image: Path
    record: Mapping[str, Any]
    seconds: float | None = None

    def read(self, channels: int) -> NDArray[np.float32]:
        """Return the image as its file holds it, (h, w, channels); more than three lie there side by side."""
        if channels in (1, 3):
            return read_image(self.image, channels=channels)
        return np.concatenate(np.split(read_image(self.image, channels=1), channels, axis=1), axis=-1)


@contextmanager
def opened(
    folder: Path, settings: Mapping[str, Any], attachments: Mapping[str, bytes], *, force: bool = False
) -> Iterator[DreamStore]:
    """Claim a folder for the run with these settings, new or begun earlier, and let go of it at the end.

    `force` replaces another run of this tool; files that are not from it are never touched.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
    """
    with claimed(folder):
        _make_room(folder, settings, force)
        store = DreamStore(folder, json.loads(as_json(settings)))
        if _settings_in(folder) != store.settings:
            write_whole(folder / MANIFEST, store.manifest({}))  # first, so that whatever follows is known for ours
        for name, content in attachments.items():
            write_whole(folder / name, content)
        yield store


@dataclass(frozen=True)
class DreamStore:
    """A claimed folder; see `opened`."""

    folder: Path
    settings: Mapping[str, Any]

    def save(self, dream: Dream) -> DreamEntry:
        """Write one image, its animation, and last its record, which makes it count as done."""
        name, record = slug(dream.name), record_of(dream, self.settings)
        contents = {f"{name}.png": png_bytes(shown(dream), text={KEY: as_json(record)})}
        if dream.frames:
            contents[f"{name}.gif"] = gif_bytes([side_by_side(frame) for frame in dream.frames])
        for file, content in contents.items():
            write_whole(self.folder / file, content)
        record["files"] = {file: sha256(content) for file, content in contents.items()}
        write_whole(self.folder / f"{name}.json", as_json(record).encode())
        return DreamEntry(self.folder / f"{name}.png", record, dream.seconds)

    def finished(self, target: str) -> DreamEntry | None:
        """Return an image that is here already, whole and made with the settings of this run."""
        name = slug(target)
        try:
            record = json.loads((self.folder / f"{name}.json").read_bytes())
            files = {file: sha256((self.folder / file).read_bytes()) for file in self._files(name)}
            common = {key: record.get(key) for key in self.settings if key not in ("targets", "classes")}
        except (OSError, ValueError, AttributeError):
            return None
        wanted = {key: self.settings[key] for key in common}
        fits = common == wanted and record.get("target") == target and record.get("files") == files
        return DreamEntry(self.folder / f"{name}.png", record) if fits else None

    def _files(self, name: str) -> list[str]:
        return [f"{name}.png", *([f"{name}.gif"] if self.settings["frames"] else [])]

    def close(self, entries: Sequence[DreamEntry]) -> None:
        """Write the contact sheet and the manifest of what is finished."""
        if not entries:
            return
        images = [read_image(entry.image) for entry in entries]
        title = f"{self.settings['model']['name']} · {self.settings['recipe']['name']} · seed {self.settings['seed']}"
        sheet = contact_sheet(images, [_caption(entry.record) for entry in entries], title=title)
        contents = {SHEET: png_bytes(sheet)}
        write_whole(self.folder / SHEET, contents[SHEET])
        write_whole(self.folder / MANIFEST, self.manifest(contents, entries))

    def manifest(self, contents: Mapping[str, bytes], entries: Sequence[DreamEntry] = ()) -> bytes:
        """Return the bytes of `manifest.json`: the run's settings and a checksum for every file."""
        dreams = []
        for entry in entries:
            record = entry.image.with_suffix(".json")
            files = {**entry.record["files"], record.name: sha256(record.read_bytes())}
            kept = {
                key: entry.record[key]
                for key in ("target", "score", "robust", "steps", "activated", "recovered_by", "note")
            }
            dreams.append({**kept, "files": files})
        done = {dream["target"] for dream in dreams}
        return as_json(
            {
                KEY: self.settings[KEY],
                "settings": self.settings,
                "files": {file: sha256(content) for file, content in contents.items()},
                "dreams": dreams,
                "missing": [target for target in self.settings["targets"] if target not in done],
            }
        ).encode()


def written_in(folder: Path) -> list[str]:
    """Return the names of all files of the run that lies in a folder, its manifest last; none if no run does."""
    settings = _settings_in(folder)
    return _files_of(settings) if settings else []


def shown(dream: Dream) -> np.ndarray:
    """Return the image as a PNG can hold it, with its transparency if it has one."""
    image = side_by_side(dream.image)
    if dream.transparency is None:
        return image
    copies = image.shape[1] // dream.transparency.shape[1]
    return np.concatenate([image, np.tile(dream.transparency, (1, copies))[..., None]], axis=-1)


def side_by_side(image: np.ndarray) -> np.ndarray:
    """Return gray and color images as they are, the planes of any other (h, w, c) as one gray row (h, w * c, 1)."""
    if image.shape[-1] in (1, 3):
        return image
    return np.concatenate(np.split(image, image.shape[-1], axis=-1), axis=1)


def _caption(record: Mapping[str, Any]) -> str:
    score = "no number" if record["score"] is None else f"{record['score']:.4g}"
    return f"{record['target']}\n{score if record['activated'] else 'not activated'}"


def _make_room(folder: Path, settings: Mapping[str, Any], force: bool) -> None:
    now = json.loads(as_json(settings))
    make_room(
        folder, "a run", settings=now, earlier=_settings_in(folder), written=written_in(folder), force=force,
        mine=_files_of(now),
    )  # fmt: skip


def _settings_in(folder: Path) -> dict[str, Any]:
    """Return the settings of the run that lies in a folder, {} if none does."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        targets = manifest["settings"]["targets"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(manifest["settings"]) if KEY in manifest and all(isinstance(name, str) for name in targets) else {}


def _files_of(settings: Mapping[str, Any]) -> list[str]:
    """Return every name that a run with these settings writes, its manifest last."""
    kinds = (".png", ".gif", ".json")
    names = {slug(target) + kind for target in settings["targets"] for kind in kinds}
    return [*sorted(names), SHEET, *ATTACHMENTS, MANIFEST]
