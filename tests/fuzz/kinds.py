"""The kinds of files that are mutated: which good files, how they are changed, and the command that opens them."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz.good_files import PRIOR
from tests.fuzz.good_networks import NETWORK
from tests.fuzz.good_runs import CHECKPOINTS, RUNS
from tests.fuzz.mutations import (
    archive_members,
    hdf5_objects,
    image_headers,
    json_values,
    protobuf_fields,
    raw_bytes,
    run_files,
    text_lines,
)

Chance = np.random.Generator
Build = Callable[[Path, Path, Chance], list[str]]


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Attributes:
        good: the folder of good files, a key of `good_files.WRITERS`.
        build: writes a mutated case (from the good files, to an empty folder) and returns the command that opens it.
        share: how often it is chosen, beside the other kinds.
        reads_any: whether the files may name others that are read, as the record in a dream's PNG names its network.
    """

    good: str
    build: Build
    share: int
    reads_any: bool = False


def generator(kind: str, seed: int, number: int) -> Chance:
    """Return the random numbers of a case."""
    return np.random.default_rng([*kind.encode(), seed, number])


def _one(paths: list[Path], chance: Chance) -> Path:
    return sorted(paths)[chance.integers(len(paths))]


def _command(model: str, chance: Chance) -> list[str]:
    """Return a command that opens a model, most often the quickest."""
    if chance.random() < 0.9:
        return ["layers", model]
    return ["convert", model, "out/new.json" if chance.random() < 0.5 else "out/new.keras"]


def _bytes_or(content: bytes, chance: Chance, change: archive_members.Change, paths: list[Path]) -> bytes:
    """Return the content, changed in its structure or, of ten cases in three, in its bytes."""
    if chance.random() < 0.7:
        with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            return change(content, chance)  # what is malformed already may have no structure that could be changed
    return raw_bytes.damaged(content, chance, [path.read_bytes() for path in sorted(paths)])


def _model(good: Path, pattern: str, chance: Chance) -> tuple[list[Path], Path]:
    """Return the model files of a format, and the one to change; one of five is malformed already."""
    paths = [*good.glob(pattern)]
    malformed = good.parent / "malformed"
    return paths, _one([*malformed.glob(pattern)] if chance.random() < 0.2 else paths, chance)


def _hdf5(good: Path, case: Path, chance: Chance) -> list[str]:
    paths, path = _model(good, "*.h5", chance)
    (case / path.name).write_bytes(_bytes_or(path.read_bytes(), chance, hdf5_objects.changed, paths))
    return _command(path.name, chance)


def _keras(good: Path, case: Path, chance: Chance) -> list[str]:
    paths, path = _model(good, "*.keras", chance)
    (case / path.name).write_bytes(_bytes_or(path.read_bytes(), chance, _keras_archive, paths))
    return _command(path.name, chance)


def _keras_archive(content: bytes, chance: Chance) -> bytes:
    if chance.random() < 0.5:  # most of what is read is in this member
        members = archive_members.members_of(content)
        return archive_members.packed(
            {**members, "config.json": json_values.changed_text(members["config.json"], chance)}
        )
    by_suffix = {".json": json_values.changed_text, ".h5": hdf5_objects.changed}
    return archive_members.changed(content, chance, by_suffix)


def _saved_model(good: Path, case: Path, chance: Chance) -> list[str]:
    source = _one([*good.iterdir()], chance)
    folder = case / source.name
    shutil.copytree(source, folder)
    path = _one([path for path in folder.rglob("*") if path.is_file()], chance)
    content = path.read_bytes()
    if chance.random() < 0.05:
        path.unlink()
    elif path.suffix == ".pb":
        path.write_bytes(_bytes_or(content, chance, _protobuf, [path]))
    elif path.suffix == ".index":
        path.write_bytes(_bytes_or(content, chance, protobuf_fields.index_changed, [path]))
    else:
        path.write_bytes(raw_bytes.damaged(content, chance))
    return _command(folder.name, chance)


def _protobuf(content: bytes, chance: Chance) -> bytes:
    return protobuf_fields.changed(content, chance, json_values.changed_text)


def _architecture(good: Path, case: Path, chance: Chance) -> list[str]:
    shutil.copytree(good, case, dirs_exist_ok=True)
    path = case / "model.json"
    path.write_bytes(json_values.changed_text(path.read_bytes(), chance))
    return ["layers", "weights.h5", "--architecture", "model.json"]


def _image(good: Path, case: Path, chance: Chance) -> list[str]:
    path = _one([*good.iterdir()], chance)
    others = [other.read_bytes() for other in sorted(good.glob(f"*{path.suffix}"))]
    content = image_headers.changed(path.read_bytes(), chance, others)
    what = chance.random()
    folder = case / "images"
    folder.mkdir()
    (folder / path.name).write_bytes(content)
    if what < 0.92:
        return ["read-image", f"images/{path.name}", str(chance.choice([1, 2, 3, 3, 3, 4, 5, 7]))]
    shutil.copy(good.parent / "texts" / NETWORK, case)
    if what < 0.97:
        return ["maps", NETWORK, f"images/{path.name}", "--out", "out/maps", "--no-pages"]
    shutil.copy(good / "color.png", folder / "good.png")
    return ["scan", NETWORK, "images", "--out", "out/scan"]


def _toml(good: Path, case: Path, chance: Chance) -> list[str]:
    name = str(chance.choice(["model.toml", "model.toml", "other.toml", "recipe.toml", "dreamfilters.toml"]))
    text = text_lines.changed((good / name).read_text(), chance, text_lines.TOML)
    shutil.copy(good / NETWORK, case)
    shutil.copy(good / "names.txt", case)
    _plant(case, chance)
    if name == "dreamfilters.toml":
        (case / name).write_bytes(text)
        return ["measures"]
    if name == "recipe.toml":
        (case / name).write_bytes(text)
        return ["read-recipe", name]
    (case / "model.toml").write_bytes(text)
    return ["layers", NETWORK]


def _plant(case: Path, chance: Chance) -> None:
    """Put a pipe, a link out of the folder and a large file where a text may name them."""
    os.mkfifo(case / "pipe.txt")
    (case / "link.txt").symlink_to("../secret.txt")
    if chance.random() < 0.1:
        (case / "big.txt").write_bytes(b"x\n" * 3_000_000)


def _classes(good: Path, case: Path, chance: Chance) -> list[str]:
    path = good / str(
        chance.choice(["names.txt", "names.json", "numbered.json", "names.csv", "labels.csv", "labels.csv"])
    )
    content = path.read_text()
    data = json_values.changed_text(content, chance) if path.suffix == ".json" else text_lines.changed(
        content, chance, text_lines.CSV
    )  # fmt: skip
    shutil.copy(good / NETWORK, case)
    (case / path.name).write_bytes(data)
    if path.name != "labels.csv":
        if chance.random() < 0.5:
            (case / "model.toml").write_text(f'range = [0.0, 1.0]\nclasses = "{path.name}"\n')
            return ["layers", NETWORK]
        return ["layers", NETWORK, "--classes", path.name]
    shutil.copytree(good / "images", case / "images")
    if chance.random() < 0.8:
        return ["read-labels", "images", path.name]
    return ["scan", NETWORK, "images", "--labels", path.name, "--out", "out/scan"]


_RUN_SHARES = {"scan": 8, "audit": 4, "evaluate": 4, "maps": 4, "dream": 2}  # 1 for each other command


def _run(good: Path, case: Path, chance: Chance) -> list[str]:
    shares = np.array([_RUN_SHARES.get(name, 1) for name in RUNS])
    name = str(chance.choice(list(RUNS), p=shares / shares.sum()))
    for path in (NETWORK, "net.toml", "images", *([CHECKPOINTS] if name == "film" else [])):
        source = good / path
        shutil.copytree(source, case / path) if source.is_dir() else shutil.copy(source, case)
    folder = case / "out" / name
    shutil.copytree(good / "out" / name, folder)
    for _ in range(chance.integers(1, 3)):
        run_files.change(folder, chance, case.parent / "secret.txt")
    if name == "audit":
        if chance.random() < 0.5:
            return ["read-audit", "out/audit"]
        shutil.copytree(good / "out" / "scan", case / "out" / "scan")
    if name == "scan" and chance.random() < 0.7:
        return ["read-scan", "out/scan"] if chance.random() < 0.6 else ["audit", NETWORK, *RUNS["audit"][2:]]
    return RUNS[name]


_SHOWN = ("training", "training", *RUNS)


def _summaries(good: Path, case: Path, chance: Chance) -> list[str]:
    """Change a run that is read alone: a film by its looks, which are the record of a training, and others."""
    name = str(chance.choice(_SHOWN))
    folder = case / "out" / name
    shutil.copytree(good / "out" / ("film/looks-of-checkpoints" if name == "training" else name), folder)
    for _ in range(chance.integers(1, 3)):
        run_files.change(folder, chance, case.parent / "secret.txt")
    if name == "training" and chance.random() < 0.3:
        return ["film", "out/training", "--out", "out/film"]
    return ["summaries", f"out/{name}", "--out", "out/logs"]


def _record(good: Path, case: Path, chance: Chance) -> list[str]:
    """Change the record inside a dream's PNG, from which `again` reproduces the dream."""
    for name in (NETWORK, "net.toml"):
        shutil.copy(good / name, case)
    path = _one(
        [path for path in (good / "out" / "dream").glob("*.png") if b"dreamfilters" in path.read_bytes()], chance
    )
    chunks = []
    for name, data in image_headers.png_chunks(path.read_bytes()):
        key, _, text = data.partition(b"\0")
        if name in (b"tEXt", b"iTXt") and key == b"dreamfilters":
            skipped = len(text) - len(text.lstrip(b"\0"))
            changed = json_values.changed_text(text[skipped:], chance)
            data = key + b"\0" + text[:skipped] + (run_files.signed(changed) if chance.random() < 0.8 else changed)
        chunks.append((name, data))
    (case / path.name).write_bytes(image_headers.png_of(chunks))
    return ["read-record", path.name]


def _prior(good: Path, case: Path, chance: Chance) -> list[str]:
    """Change a learned prior: its archive, its bytes, or the record in it."""
    path = good / PRIOR
    content = path.read_bytes()
    if chance.random() < 0.4:
        members = archive_members.members_of(content)
        content = archive_members.packed({**members, "record.npy": _changed_record(members["record.npy"], chance)})
    else:
        content = _bytes_or(content, chance, partial(archive_members.changed, by_suffix={}), [path])
    (case / PRIOR).write_bytes(content)
    if chance.random() < 0.95:
        return ["read-prior", PRIOR]
    shutil.copy(good / NETWORK, case)
    return ["dream", NETWORK, "conv:0", "--recipe", "learned", "--prior", PRIOR, "--set", "steps=1", "--seeds", "1",
            "--out", "out/dream"]  # fmt: skip


def _changed_record(array: bytes, chance: Chance) -> bytes:
    """Return the array of a text with the text changed as JSON."""
    text = json_values.changed_text(str(np.load(io.BytesIO(array))), chance).decode("utf-8", "replace")
    file = io.BytesIO()
    np.save(file, np.array(text.replace("\0", "")))
    return file.getvalue()


KINDS = {
    "hdf5": Kind("models", _hdf5, 4),
    "keras": Kind("models", _keras, 4),
    "savedmodel": Kind("savedmodel", _saved_model, 2),
    "architecture": Kind("architecture", _architecture, 2),
    "image": Kind("images", _image, 6),
    "toml": Kind("texts", _toml, 3),
    "classes": Kind("texts", _classes, 3),
    "run": Kind("runs", _run, 1),
    "summaries": Kind("runs", _summaries, 1),
    "record": Kind("runs", _record, 1, reads_any=True),
    "prior": Kind("priors", _prior, 1),
}
ALSO = {"images": ("texts",), "models": ("malformed",)}  # good files of another kind that a kind takes files from
