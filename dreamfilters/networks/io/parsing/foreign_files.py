"""What a file or folder is that is not a Keras model, in one line that says what would work instead."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from dreamfilters.networks.io import limits

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_REBUILD = "build the network in Keras, load its weights and save it as .keras"
_CHECKPOINT = "a TensorFlow checkpoint, which has weights without layers"
_LOAD = "build the model in Python, call load_weights and save it as .keras"

# First bytes of other formats, and the message for each. Nothing else of such files is read.
_MAGIC = {
    **{bytes([0x80, n]): "is a pickle, which would run code; save the model as .keras" for n in (2, 3, 4, 5)},
    b"\x93NUMPY": "is an array of numpy, not a Keras model",
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"GGUF": f"is a GGUF model, which has no Keras layers; {_REBUILD}",
    b"version https://git-lfs": "is a pointer of Git LFS, not the file itself; download it with `git lfs pull`",
}
_MAGIC_AT = {
    (4, b"TFL3"): "is a TensorFlow Lite model, which has no layers; give the Keras model",
    (8, b'{"'): f"is a safetensors file, which has weights without layers; {_REBUILD}",
    (257, b"ustar"): "is a tar archive; unpack it first",
}
_START = 512  # bytes that the tables need

# Formats without fixed first bytes.
_SUFFIXES = {
    ".onnx": f"is an ONNX model; {_REBUILD}",
    ".pt": f"is a PyTorch model; {_REBUILD}",
    ".pth": f"is a PyTorch model; {_REBUILD}",
    ".caffemodel": f"is a Caffe model; {_REBUILD}",
    ".mlmodel": f"is a Core ML model; {_REBUILD}",
    ".weights": f"is a file of Darknet weights; {_REBUILD}",
    ".pb": "is a TensorFlow graph, which has no Keras layers; save the model as .keras",
    ".index": f"is part of {_CHECKPOINT}; {_LOAD}",
    ".py": "is Python code; give module:function for a function in it that returns the model",
}


def describe_file(path: Path) -> str:
    """Return what a file is that is neither HDF5 nor a zip archive, '' if that is not known."""
    with path.open("rb") as file:
        start = file.read(_START)
    for magic, description in _MAGIC.items():
        if start.startswith(magic):
            return description
    for (place, magic), description in _MAGIC_AT.items():
        if start[place:].startswith(magic):
            return description
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a model; download the file itself"
    if text.startswith(b"{"):
        return _describe_json(path)
    if path.name in ("saved_model.pb", "keras_metadata.pb"):
        return f"is one file of a SavedModel; give its folder {path.parent}"
    if ".data-" in path.name:
        return _SUFFIXES[".index"]
    return _SUFFIXES.get(path.suffix.lower(), "")


def _describe_json(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(limits.LARGEST_CONFIG))
    except (ValueError, RecursionError):
        return ""
    if "class_name" in content and "config" in content:
        return "has the layers of a network without weights; give the file of weights, and this one with --architecture"
    if "modelTopology" in content:
        return "is a TensorFlow.js model; convert it with tensorflowjs_converter to .keras or .h5"
    return "is JSON text, not a model"


def describe_archive(names: Collection[str]) -> str:
    """Return what a zip archive with these members is, '' if it has the members of a .keras archive."""
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return "is a PyTorch model with a pickle, which is not opened; give a Keras model"
    missing = [name for name in (CONFIG, METADATA, WEIGHTS) if name not in names]
    if not missing:
        return ""
    if names and all(name.endswith(".npy") for name in names):
        return "holds arrays of numpy, not a Keras model"
    folders = [name.removesuffix(CONFIG) for name in names if name.endswith(f"/{CONFIG}")]
    if folders and f"{folders[0]}{WEIGHTS}" in names:
        return f"has its files in a folder {folders[0]}; pack {CONFIG}, {METADATA} and {WEIGHTS} without the folder"
    listed = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
    return f"is an archive without {listed}, so it is not a Keras model"


def describe_folder(path: Path) -> str:
    """Return what a folder is that is not a SavedModel, '' if that is not known."""
    names = {inner.name for inner in path.iterdir()}
    if {CONFIG, WEIGHTS} <= names:
        return f"is an unpacked .keras archive; pack its files again: (cd {path} && zip -r ../model.keras .)"
    if any(name.endswith(".index") for name in names):
        return f"is a folder with {_CHECKPOINT}; {_LOAD}"
    if "model.json" in names and any(name.endswith(".bin") for name in names):
        return "is a folder with a TensorFlow.js model; convert it with tensorflowjs_converter to .keras or .h5"
    return ""


def describe_missing(path: Path) -> str:
    """Return what a path is that does not exist, '' if that is not known."""
    is_prefix = path.with_name(f"{path.name}.index").is_file()
    return f"is the name of {_CHECKPOINT}; {_LOAD}" if is_prefix else ""
