import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks import load
from dreamfilters.networks.io.parsing.foreign_files import describe_archive, describe_file, describe_folder

HEADER = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
FILES = {
    "net.h5": (
        b"version https://git-lfs.github.com/spec/v1",
        "is a pointer of Git LFS, .*git lfs pull",
    ),
    "page.keras": (b"\n<!DOCTYPE html><html>", "is a web page, not a model; download the file itself"),
    "error.keras": (b'{"error": "not found"}', "is JSON text, not a model"),
    "layers.json": (
        b'{"class_name": "Sequential", "config": {}}',
        "has the layers of a network without weights; .* --arch",
    ),
    "model.json": (b'{"modelTopology": {}, "weightsManifest": []}', "is a TensorFlow.js model; convert it"),
    "net.onnx": (b"\x08\x08\x12\x07pytorch", "is an ONNX model; build the network in Keras"),
    "net.safetensors": (len(HEADER).to_bytes(8, "little") + HEADER + bytes(4), "is a safetensors file"),
    "net.tflite": (b"\x1c\0\0\0TFL3", "is a TensorFlow Lite model"),
    "net.pt": (b"\0\1\2", "is a PyTorch model"),
    "net.tar": (b"x" * 257 + b"ustar\0", "is a tar archive; unpack it first"),
    "net.py": (b"import keras", "is Python code; give module:function"),
    "saved_model.pb": (b"\x08\x01", "is one file of a SavedModel; give its folder"),
    "model-1.index": (b"\0\0", "is part of a TensorFlow checkpoint, .* call load_weights"),
    "model-1.data-00000-of-00001": (b"\0\0", "is part of a TensorFlow checkpoint"),
    "names.txt": (b"a\nb\n", "is not a model file; model files end in"),
    "noise.keras": (b"\1\2\3", "is not a Keras model: neither HDF5 nor a .keras archive"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_keras_model_says_what_it_is_and_what_works(tmp_path, name):
    content, words = FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        load(tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_not_known_has_no_description(tmp_path):
    (tmp_path / "x.bin").write_bytes(bytes(600))
    (tmp_path / "broken.json").write_text('{"class_name": ')
    assert describe_file(tmp_path / "x.bin") == describe_file(tmp_path / "broken.json") == ""


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["config.json", "metadata.json", "model.weights.h5", "assets/x"], ""),
        (["config.json"], "is an archive without metadata.json and model.weights.h5"),
        (["a.png"], "is an archive without config.json, metadata.json and model.weights.h5"),
        (["a.npy", "b.npy"], "holds arrays of numpy"),
        (["net/data.pkl"], "is a PyTorch model"),
        (["net/config.json", "net/model.weights.h5"], "has its files in a folder net/; pack config.json"),
    ],
)
def test_archives(names, words):
    assert describe_archive(names).startswith(words)
    assert bool(describe_archive(names)) == bool(words)


def test_folders(plain, save, tmp_path):
    with zipfile.ZipFile(save(plain, "net.keras")) as archive:
        archive.extractall(tmp_path / "unpacked.keras")
    assert describe_folder(tmp_path / "unpacked.keras").startswith(
        "is an unpacked .keras archive; pack its files again"
    )
    (tmp_path / "steps").mkdir()
    for name in ("checkpoint", "model-1.index", "model-1.data-00000-of-00001"):
        (tmp_path / "steps" / name).touch()
    with pytest.raises(ModelError, match="is a folder with a TensorFlow checkpoint"):
        load(tmp_path / "steps")
    with pytest.raises(ModelError, match="is the name of a TensorFlow checkpoint"):
        load(tmp_path / "steps" / "model-1")
    assert describe_folder(tmp_path) == ""


def test_a_data_set_is_not_weights(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"], file["labels"] = np.zeros((4, 8, 8, 3)), np.zeros(4)
    with pytest.raises(ModelError, match=r"holds arrays \(images, labels\), not a Keras model"):
        load(tmp_path / "data.h5")


def test_a_sequential_that_was_saved_before_it_was_built(save):
    path = save(keras.Sequential([keras.layers.Conv2D(2, 3)]), "net.keras")
    with pytest.raises(ModelError, match="has no input size, as a model that was never built; give its first layer"):
        load(path, size=8)
