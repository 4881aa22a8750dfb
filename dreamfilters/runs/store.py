"""A folder of dreams: pictures with their records, a contact sheet and a manifest, resumable and never half-written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import images
from dreamfilters.dreams.results import Dream
from dreamfilters.errors import OutputError
from dreamfilters.runs.naming import slug
from dreamfilters.runs.records import KEY, as_json, record_of
from dreamfilters.runs.writing import LOCK, claimed, sha256, write_whole

MANIFEST, SHEET = "manifest.json", "contact-sheet.png"
ATTACHMENTS = ("prior.npz", "start.png")  # what a run was given and `again` needs


@dataclass(frozen=True)
class Entry:
    """One finished picture of a run.

    Attributes:
        picture: the PNG.
        record: what the JSON beside it says.
        seconds: what it took, None if an earlier run made it.
    """

    picture: Path
    record: Mapping[str, Any]
    seconds: float | None = None


@contextmanager
def opened(
    folder: Path, settings: Mapping[str, Any], attachments: Mapping[str, bytes], *, force: bool = False
) -> Iterator[Store]:
    """Claim a folder for the run with these settings, new or begun earlier, and let go of it at the end.

    `force` replaces another run of this tool; files that are not from it are never touched.

    Raises:
        OutputError: the folder holds something else, cannot be written, or another run is writing into it.
    """
    with claimed(folder):
        _make_room(folder, settings, force)
        store = Store(folder, json.loads(as_json(settings)))
        if _settings_in(folder) != store.settings:
            write_whole(folder / MANIFEST, store.manifest({}))  # first, so that whatever follows is known for ours
        for name, content in attachments.items():
            write_whole(folder / name, content)
        yield store


@dataclass(frozen=True)
class Store:
    """A claimed folder; see `opened`."""

    folder: Path
    settings: Mapping[str, Any]

    def save(self, dream: Dream) -> Entry:
        """Write one picture, its animation, and last its record, which makes it count as done."""
        name, record = slug(dream.name), record_of(dream, self.settings)
        contents = {f"{name}.png": images.png_bytes(shown(dream), text={KEY: as_json(record)})}
        if dream.frames:
            contents[f"{name}.gif"] = images.gif_bytes([side_by_side(frame) for frame in dream.frames])
        for file, content in contents.items():
            write_whole(self.folder / file, content)
        record["files"] = {file: sha256(content) for file, content in contents.items()}
        write_whole(self.folder / f"{name}.json", as_json(record).encode())
        return Entry(self.folder / f"{name}.png", record, dream.seconds)

    def finished(self, target: str) -> Entry | None:
        """Return a picture that is here already, whole and made with the settings of this run."""
        name = slug(target)
        try:
            record = json.loads((self.folder / f"{name}.json").read_bytes())
            files = {file: sha256((self.folder / file).read_bytes()) for file in self._files(name)}
            common = {key: record.get(key) for key in self.settings if key not in ("targets", "classes")}
        except (OSError, ValueError, AttributeError):
            return None
        wanted = {key: self.settings[key] for key in common}
        fits = common == wanted and record.get("target") == target and record.get("files") == files
        return Entry(self.folder / f"{name}.png", record) if fits else None

    def _files(self, name: str) -> list[str]:
        return [f"{name}.png", *([f"{name}.gif"] if self.settings["frames"] else [])]

    def close(self, entries: Sequence[Entry]) -> None:
        """Write the contact sheet and the manifest of what is finished."""
        if not entries:
            return
        pictures = [images.read(entry.picture) for entry in entries]
        title = f"{self.settings['model']['name']} · {self.settings['recipe']['name']} · seed {self.settings['seed']}"
        sheet = images.contact_sheet(pictures, [_caption(entry.record) for entry in entries], title=title)
        contents = {SHEET: images.png_bytes(sheet)}
        write_whole(self.folder / SHEET, contents[SHEET])
        write_whole(self.folder / MANIFEST, self.manifest(contents, entries))

    def manifest(self, contents: Mapping[str, bytes], entries: Sequence[Entry] = ()) -> bytes:
        """Return the bytes of `manifest.json`: the run's settings and a checksum for every file."""
        dreams = []
        for entry in entries:
            record = entry.picture.with_suffix(".json")
            files = {**entry.record["files"], record.name: sha256(record.read_bytes())}
            kept = {
                key: entry.record[key] for key in ("target", "score", "robust", "steps", "woken", "rescued", "note")
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


def shown(dream: Dream) -> np.ndarray:
    """Return the picture as a PNG can hold it, with its transparency if it has one."""
    picture = side_by_side(dream.picture)
    if dream.transparency is None:
        return picture
    copies = picture.shape[1] // dream.transparency.shape[1]
    return np.concatenate([picture, np.tile(dream.transparency, (1, copies))[..., None]], axis=-1)


def side_by_side(picture: np.ndarray) -> np.ndarray:
    """Return grey and colour pictures as they are, the planes of any other (h, w, c) as one grey row (h, w * c, 1)."""
    if picture.shape[-1] in (1, 3):
        return picture
    return np.concatenate(np.split(picture, picture.shape[-1], axis=-1), axis=1)


def _caption(record: Mapping[str, Any]) -> str:
    score = "no number" if record["score"] is None else f"{record['score']:.4g}"
    return f"{record['target']}\n{score if record['woken'] else 'not woken'}"


def _make_room(folder: Path, settings: Mapping[str, Any], force: bool) -> None:
    """Leave a run of equal settings as it is, remove another one if forced, refuse everything else."""
    present = {path.name for path in folder.iterdir()} - {LOCK}
    earlier = _settings_in(folder)
    now = json.loads(as_json(settings))
    if not present or earlier == now:
        return
    if not force:
        held = f"another run ({_difference(earlier, now)})" if earlier else f"other files ({_few(sorted(present))})"
        raise OutputError(f"{folder}: holds {held}; choose another folder with --out, or say --force")
    ours = _files_of(earlier) & present if earlier else set()
    foreign = (present - ours) & _files_of(now)
    if foreign:
        raise OutputError(
            f"{folder / min(foreign)}: is not from this tool; move it, or choose another folder with --out"
        )
    for name in ours:
        (folder / name).unlink(missing_ok=True)


def _settings_in(folder: Path) -> dict[str, Any]:
    """Return the settings of the run that lies in a folder, {} if none does."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        targets = manifest["settings"]["targets"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(manifest["settings"]) if KEY in manifest and all(isinstance(name, str) for name in targets) else {}


def _files_of(settings: Mapping[str, Any]) -> set[str]:
    """Return every name that a run with these settings writes, and those of its unfinished writes."""
    names = {MANIFEST, SHEET, *ATTACHMENTS}
    names |= {slug(target) + suffix for target in settings["targets"] for suffix in (".png", ".gif", ".json")}
    return names | {f".{name}.part" for name in names}


def _difference(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    differing = [key for key in now if earlier.get(key) != now[key]]
    return (
        f"other {', '.join('version' if key == KEY else key for key in differing)}"
        if differing
        else "of another version"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
