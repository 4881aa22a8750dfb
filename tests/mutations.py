"""Random mutations of valid files; the same seed gives the same mutation."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7, 10**7, 10**12, 2**70, 1e308, float("nan"), "", "x", "../x", "relu", "Conv2D", "a\0b", [],
    {}, [None], [1, 2], [[[]]], {"class_name": "Dense", "config": {}},
    {"class_name": "__lambda__", "config": {"value": ""}},
    {"class_name": "function", "module": "os", "config": "abort", "registered_name": "abort"},
)  # fmt: skip


def mutated(path: Path, chance: np.random.Generator) -> None:
    """Change a good file or folder, in its bytes or in its configuration."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.stat().st_size)
        change_bytes(files[chance.integers(len(files))], chance)
    elif chance.random() < 0.5:
        change_bytes(path, chance)
    else:
        change_config(path, chance)


def change_bytes(path: Path, chance: np.random.Generator) -> None:
    """Flip bits, overwrite a stretch, repeat one, or leave one out."""
    content = bytearray(path.read_bytes())
    kind = chance.integers(4)
    at, length = int(chance.integers(len(content))), int(chance.integers(1, 64))
    if kind == 0:
        for place in chance.integers(0, len(content), int(chance.integers(1, 30))):
            content[place] ^= 1 << chance.integers(8)
    elif kind == 1:
        content[at : at + length] = bytes(chance.choice([0, 255]) for _ in content[at : at + length])
    elif kind == 2:
        content[at:at] = content[at : at + length]
    else:
        del content[at : at + length]
    path.write_bytes(bytes(content))


def change_config(path: Path, chance: np.random.Generator) -> None:
    """Replace one to three values of the stored configuration by unusual ones."""
    if h5py.is_hdf5(path):
        with h5py.File(path, "a") as file:
            told = json.loads(file.attrs["model_config"])
            for _ in range(chance.integers(1, 4)):
                told = _changed(told, chance)
            file.attrs["model_config"] = json.dumps(told)
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    told = json.loads(members["config.json"])
    for _ in range(chance.integers(1, 4)):
        told = _changed(told, chance)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {**members, "config.json": json.dumps(told).encode()}.items():
            archive.writestr(name, data)
    path.write_bytes(buffer.getvalue())


def _changed(value: Any, chance: np.random.Generator) -> Any:
    """Return JSON with one place changed, left out or doubled."""
    places = list(_places(value))
    if not places:
        return value
    holder, key = places[chance.integers(len(places))]
    kind = chance.integers(4)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, json.loads(json.dumps(holder[key])))
    elif kind == 2:
        other, there = places[chance.integers(len(places))]
        holder[key] = json.loads(json.dumps(other[there]))
    else:
        holder[key] = ODD[chance.integers(len(ODD))]
    return value


def _places(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def fresh(good: Path, folder: Path) -> Path:
    """Copy a good file or folder to where it can be changed."""
    path = folder / good.name
    if good.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(good, path)
    else:
        shutil.copy(good, path)
    return path
