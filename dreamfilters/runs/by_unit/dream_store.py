"""A folder of dreams: images with their records, a contact sheet and a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dreamfilters
from dreamfilters.comparison.prior_check import PriorCheck
from dreamfilters.dreams.ascent.prediction import DreamPrediction
from dreamfilters.dreams.ascent.tries import Tries
from dreamfilters.dreams.default_recipes import DEFAULT
from dreamfilters.dreams.priors.appearance import Appearance
from dreamfilters.dreams.result import Dream, caption_of
from dreamfilters.errors import DamagedError, ImageError
from dreamfilters.images import contact_sheet, gif_bytes, png_bytes, read_image
from dreamfilters.images.decoding import MOST_COLORS
from dreamfilters.images.encoding import channels_side_by_side
from dreamfilters.runs.storage.checksums import damage_of
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from dreamfilters.runs.storage.manifest import KEY, MANIFEST
from dreamfilters.runs.storage.records import ascent_of, record_of
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.stored_files import file_digest
from dreamfilters.serialization import typed

SHEET = "contact-sheet.png"
PREDICTION = "prediction"  # of a dream of a class, in its record; see `DreamPrediction`
APPEARANCE = "appearance"  # of a dream with a learned prior, in its record; see `Appearance`
TRIES = "tries"  # of a dream that is the best of several seeds; in the settings of a run, their number
ATTACHMENTS = ("prior.npz", "start.png")  # of a run, that `again` needs
CHECK = "-check"  # behind the name of a dream: the files with what its learned prior hides, see `PriorCheck`
INPUTS = "inputs.npz"  # the values of the network's other inputs, an attachment too
_SUMMARY = ("target", "score", "robust", "steps", "activated", "recovered_by", "note")  # of a record, in the manifest


@dataclass(frozen=True)
class DreamEntry:
    """One finished dream of a run.

    Attributes:
        image: the PNG.
        record: the content of the JSON file beside it.
        seconds: time that it took, None if an earlier run made it.
    """

    image: Path
    record: Mapping[str, Any]
    seconds: float | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """The target, the scores and what became of the dream; what the network predicts for the dream of a class."""
        more = [key for key in (PREDICTION, TRIES, APPEARANCE) if key in self.record]
        return {key: self.record[key] for key in (*_SUMMARY, *more)}

    @property
    def check(self) -> Path:
        """The PNG with what its learned prior hides, if the run has checks."""
        return self.image.with_name(f"{self.image.stem}{CHECK}.png")

    @property
    def remark(self) -> str:
        """What the network predicts for the dream of a class, how it was activated, the tries and the appearance."""
        record = self.record
        recovered = f"recovered by {record['recovered_by']}" if record["recovered_by"] else ""
        prediction = record[PREDICTION]["text"] if PREDICTION in record else ""
        more = [record[key]["text"] for key in (TRIES, APPEARANCE) if key in record]
        return "; ".join(filter(None, [prediction, record["note"] or recovered, *more]))

    def read(self, channels: int) -> NDArray[np.float32]:
        """Return the image, (h, w, channels) in [0, 1]; see `channels_side_by_side` for other than 1 or 3 channels."""
        return read_image(self.image, channels=channels) if channels in (1, 3) else read_planes(self.image, channels)


def read_planes(path: Path, channels: int) -> NDArray[np.float32]:
    """Return the image (h, w, channels) whose channels a PNG holds as `channels_side_by_side`."""
    image = read_image(path, channels=1)
    if image.shape[1] % channels:
        raise ImageError(f"{path}: {image.shape[1]} columns are not {channels} channels side by side")
    return np.concatenate(np.split(image, channels, axis=1), axis=-1)


def read_start(path: Path, channels: int) -> NDArray[np.float32]:
    """Return a stored start image, see `start_png`."""
    return read_image(path, channels=channels) if channels <= MOST_COLORS else read_planes(path, channels)


def start_png(image: NDArray[np.float32]) -> bytes:
    """Return the PNG of a start image; the channels of an image that is not gray or color are side by side."""
    return png_bytes(image if image.shape[-1] <= MOST_COLORS else channels_side_by_side(image))


@contextmanager
def opened(
    folder: Path, settings: Mapping[str, Any], attachments: Mapping[str, bytes], *, force: bool = False
) -> Iterator[DreamStore]:
    """Claim a folder for dreams with these settings, and release it at the end.

    Args:
        folder: new, empty, or of an earlier run.
        settings: everything that decides the bytes of the files.
        attachments: content of the files that `again` needs, by name.
        force: replace another run of `dream`; other files stay.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
    """
    with entered(folder, KIND, settings, settings["model"], force=force) as run:
        for name, content in attachments.items():
            run.write(name, content)
        yield DreamStore(run)


@dataclass(frozen=True)
class DreamStore:
    """The dreams in a claimed folder, see `opened`."""

    run: RunFolder

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that decides the bytes of the files."""
        return self.run.settings

    def save(self, dream: Dream) -> DreamEntry:
        """Write a dream and its animation; the record is written last and marks the dream as finished."""
        name, record = slug(dream.name), record_of(dream, self.settings)
        # Results are no settings. Without the tries, the PNG is that of its seed alone, which `again` makes in one try.
        inside = {key: value for key, value in record.items() if key not in (PREDICTION, TRIES)}
        contents = {f"{name}.png": png_bytes(dream.shown, text={KEY: with_checksum(as_json(inside))})}
        if dream.frames:
            contents[f"{name}.gif"] = gif_bytes([channels_side_by_side(frame) for frame in dream.frames])
        record["files"] = {file: self.run.write(file, content) for file, content in contents.items()}
        self.run.write(f"{name}.json", with_checksum(as_json(record)).encode())
        return DreamEntry(self.run.path / f"{name}.png", record, dream.seconds)

    def finished(self, target: str) -> DreamEntry | None:
        """Return the dream of an earlier run with the settings of this one, None unless it is there and undamaged."""
        folder, name = self.run.path, slug(target)
        files = [f"{name}.png", *([f"{name}.gif"] if self.settings["frames"] else [])]
        try:
            record = read_json(folder, f"{name}.json")
            checksums = {file: file_digest(folder, file) for file in files}
            is_default = self.settings["recipe"]["name"] == DEFAULT  # the record has the recipe of its target
            of_run = ("targets", "classes", "seed", TRIES, *(["recipe"] if is_default else []))
            wanted = {key: value for key, value in self.settings.items() if key not in of_run}
            wanted |= {KEY: dreamfilters.__version__, "target": target, "files": checksums}
            same = all(record.get(key) == value for key, value in wanted.items())
            if same:
                _check(record)
                same = _seeds_of(record) == _seeds(self.settings)
        except (DamagedError, ValueError):
            return None
        return DreamEntry(folder / f"{name}.png", record) if same else None

    def save_check(self, entry: DreamEntry, check: PriorCheck) -> None:
        """Write what the prior of a dream hides, an image with its record."""
        image = self.run.write(entry.check.name, png_bytes(check.sheet))
        record = {
            KEY: dreamfilters.__version__,
            "files": {entry.check.name: image, entry.image.name: file_digest(self.run.path, entry.image.name)},
            **check.as_values(),
        }
        self.run.write(entry.check.with_suffix(".json").name, with_checksum(as_json(record)).encode())

    def check_files(self, entry: DreamEntry, seeds: int = 0) -> dict[str, str]:
        """Return the files of the check of a dream, name -> checksum; {} unless it is there, whole and of this dream.

        Args:
            entry: the dream.
            seeds: the number that the check shows; 0 for any.
        """
        folder, name = self.run.path, entry.check.with_suffix(".json").name
        try:
            record = read_json(folder, name)
            files = typed(Mapping[str, str], record.get("files"), "files")
            shown = sum(str(one["name"]).startswith("seed ") for one in record["images"]) + 1
            same = record[KEY] == dreamfilters.__version__ and set(files) == {entry.check.name, entry.image.name}
            if not same or seeds not in (0, shown) or damage_of(folder, files):
                return {}
            return {entry.check.name: files[entry.check.name], name: file_digest(folder, name)}
        except (DamagedError, ValueError, KeyError, TypeError):
            return {}

    def close(self, entries: Sequence[DreamEntry]) -> None:
        """Write the contact sheet and the manifest of the finished dreams."""
        if not entries:
            return
        images = [read_image(entry.image) for entry in entries]
        recipes = ", ".join(dict.fromkeys(entry.record["recipe"]["name"] for entry in entries))
        title = f"{self.settings['model']['name']} · {recipes} · {_seed_title(self.settings)}"
        sheet = contact_sheet(images, [caption_of(entry.record) for entry in entries], title=title)
        files = {SHEET: self.run.write(SHEET, png_bytes(sheet)), **self.settings.get("attachments", {})}
        for entry in entries:
            record = entry.image.with_suffix(".json")
            files |= entry.record["files"] | {record.name: file_digest(self.run.path, record.name)}
            files |= self.check_files(entry)
        dreams = [{**entry.summary, "image": entry.image.name} for entry in entries]
        done = {entry.record["target"] for entry in entries}
        missing = [target for target in self.settings["targets"] if target not in done]
        self.run.save_manifest(files, {"dreams": dreams, "missing": missing})


def _check(record: Mapping[str, Any]) -> None:
    """Raise a ValueError if the values of a record are not those of a dream."""
    ascent_of(record)
    typed(str, typed(Mapping[str, Any], record.get("recipe"), "recipe").get("name"), "recipe.name")
    if PREDICTION in record:
        prediction = typed(Mapping[str, Any], record[PREDICTION], PREDICTION)
        DreamPrediction.from_values(prediction)
        typed(str, prediction.get("text"), f"{PREDICTION}.text")
    if TRIES in record:
        Tries.from_values(record[TRIES])
        typed(str, record[TRIES].get("text"), f"{TRIES}.text")
    if APPEARANCE in record:
        Appearance.from_values(record[APPEARANCE])
        typed(str, record[APPEARANCE].get("text"), f"{APPEARANCE}.text")


def _seeds(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the seeds of each dream of a run."""
    return tuple(range(settings["seed"], settings["seed"] + settings.get(TRIES, 1)))


def _seeds_of(record: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the seeds that a dream was chosen from."""
    return Tries.from_values(record[TRIES]).seeds if TRIES in record else (record["seed"],)


def _seed_title(settings: Mapping[str, Any]) -> str:
    first, *more = _seeds(settings)
    return f"best of the seeds {first} to {more[-1]}" if more else f"seed {first}"


def _planned(settings: Mapping[str, Any]) -> list[str]:
    """Return the names of all files that a run with these settings may write, without the manifest."""
    suffixes = (".png", ".gif", ".json", f"{CHECK}.png", f"{CHECK}.json")
    return [
        *sorted({slug(target) + suffix for target in settings["targets"] for suffix in suffixes}),
        SHEET,
        *ATTACHMENTS,
        INPUTS,
    ]


KIND = RunKind(
    "dream",
    "a run",
    written=lambda folder, manifest: _planned(manifest.settings),
    planned=lambda settings: [*_planned(settings), MANIFEST],
    adds="targets",
    added=lambda earlier, later: list(dict.fromkeys([*typed(tuple[str, ...], earlier), *later])),
)
