"""Files that are not a model or must not be opened: name -> (function that writes it, expected error)."""

from __future__ import annotations

import copy
import json
import os
import shutil
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers

Config = dict[str, Any]
ROWS: dict[str, tuple[Callable[[Path], Path], str]] = {}


def row(name: str, words: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Register a function that writes the file that it is given the path of."""

    def register(write: Callable[[Path], None]) -> Callable[[Path], None]:
        def made(folder: Path) -> Path:
            write(folder / name)
            return folder / name

        assert name not in ROWS
        ROWS[name] = made, words
        return write

    return register


def whole(suffix: str) -> bytes:
    """Return a good file of a small network, as Keras writes it."""
    if suffix not in _WHOLE:
        network = keras.Sequential(
            [
                keras.Input((8, 8, 3), name="in"),
                layers.Conv2D(4, 3, activation="relu", name="conv"),
                layers.Flatten(name="flat"),
                layers.Dense(3, name="out"),
            ],
            name="net",
        )
        path = Path(tempfile.mkdtemp()) / f"whole{suffix}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.save(path)
        _WHOLE[suffix] = path.read_bytes()
        shutil.rmtree(path.parent)
    return _WHOLE[suffix]


_WHOLE: dict[str, bytes] = {}


# --- not the bytes of a model

for _suffix in (".keras", ".h5"):
    for _tenth in range(10):
        # by tenths of the length; the very end of an HDF5 file may be missing unnoticed, that of an archive not
        @row(f"cut-{_tenth}{_suffix}", "")
        def _(path: Path, suffix: str = _suffix, tenth: int = _tenth) -> None:
            content = whole(suffix)
            path.write_bytes(content[: max(1, len(content) * tenth // 10)])


def content(name: str, words: str, data: bytes) -> None:
    """Register a file of these bytes."""
    row(name, words)(lambda path: path.write_bytes(data))  # type: ignore[arg-type, return-value]


content("empty.keras", "is empty", b"")
content("empty.h5", "is empty", b"")
content("text.h5", "is not a Keras model", b"hello")
content("image.png", "is not a model file; model files end in", b"\x89PNG\r\n\x1a\n")
content("image.h5", "is not a Keras model", b"\x89PNG\r\n\x1a\n")
content("pickle.pkl", "is a pickle", b"\x80\x04\x95\x0b\x00\x00\x00")
content("pickle.h5", "is a pickle", b"\x80\x05\x95\x0b\x00\x00\x00")
content("lite.keras", "is a TensorFlow Lite model", b"\x1c\x00\x00\x00TFL3")
content("packed.h5", "is compressed with gzip", b"\x1f\x8b\x08\x00")
content("array.h5", "is an array of numpy", b"\x93NUMPY\x01\x00")
content("layers.json", "is JSON text, not a model", b'{"class_name": "Sequential"}')
content("zeros.keras", "is not a Keras model", bytes(100_000))
content("magic.h5", "is truncated", b"\x89HDF")
content("magic.keras", "is truncated", b"PK\x03\x04")


@row("folder.keras", "is a folder")
def _(path: Path) -> None:
    path.mkdir()


@row("loop.h5", "is a broken link")
def _(path: Path) -> None:
    path.symlink_to(path)


@row("dangling.keras", "is a broken link")
def _(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


@row("pipe.h5", "is a device or a pipe, not a file")
def _(path: Path) -> None:
    os.mkfifo(path)


@row("saved-empty", "is a SavedModel without Keras layers")
def _(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").touch()


@row("saved-noise", "its description of the layers is damaged")
def _(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(bytes(range(255, 0, -1)))


@row("saved-loop", "has no variables/variables.index")
def _(path: Path) -> None:
    path.mkdir()
    (path / "saved_model.pb").touch()
    root = b'{"class_name": "Sequential", "config": {"layers": []}}'
    node = b"\x1a\x04root\x2a" + bytes([len(root)]) + root
    (path / "keras_metadata.pb").write_bytes(b"\x0a" + bytes([len(node)]) + node)
    (path / "variables").symlink_to(path / "variables")


# --- archives


def archive(path: Path, changes: dict[str, bytes | None], *, packed: bool = False) -> None:
    """Write the good archive with other members."""
    path.write_bytes(whole(".keras"))
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", how) as new:
        for name, data in {**members, **changes}.items():
            if data is not None:
                new.writestr(name, data)


def members(name: str, words: str, **changes: bytes | None) -> None:
    """Register an archive with other members; '__' in their names is a dot."""
    told = {key.replace("__", "."): data for key, data in changes.items()}
    row(name, words)(lambda path: archive(path, told))


members("no-config.keras", "is an archive without config.json", config__json=None)
members("no-metadata.keras", "is an archive without metadata.json", metadata__json=None)
members("no-weights.keras", "is an archive without model.weights.h5", model__weights__h5=None)
members("config-cut.keras", "its configuration is not JSON", config__json=b'{"class_name": ')
members("config-list.keras", "its configuration is not that of a model", config__json=b"[]")
members("config-number.keras", "its configuration is not that of a model", config__json=b"3")
members("config-binary.keras", "its configuration is not JSON", config__json=bytes(range(256)))
members("config-huge-number.keras", "its configuration is not JSON", config__json=b'{"a": ' + b"9" * 10_000 + b"}")
members(
    "config-deep.keras", "its configuration is not JSON", config__json=b'{"a":' * 2_000_000 + b"1" + b"}" * 2_000_000
)
members("config-nested.keras", "is nested more than 200 deep", config__json=b'{"class_name":' * 400 + b"1" + b"}" * 400)
members(
    "config-large.keras", "its configuration is too large for a model", config__json=b'{"a": "' + b"x" * 2**24 + b'"}'
)
members("metadata-list.keras", "its configuration is not that of a model", metadata__json=b"[]")
members("weights-text.keras", "cannot be opened", model__weights__h5=b"hello")
members("weights-cut.keras", "is damaged or truncated", model__weights__h5=whole(".h5")[:20_000])
members("weights-of-others.keras", "", model__weights__h5=whole(".h5"))


@row("member-up.keras", "has a path outside the archive")
def _(path: Path) -> None:
    archive(path, {"assets/../../evil.txt": b"x"})


@row("member-root.keras", "has a path outside the archive")
def _(path: Path) -> None:
    archive(path, {"/tmp/evil.txt": b"x"})


@row("member-windows.keras", "has a path outside the archive")
def _(path: Path) -> None:
    archive(path, {"..\\evil.txt": b"x"})


@row("member-twice.keras", "has two members 'config.json'")
def _(path: Path) -> None:
    archive(path, {})
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("config.json", "{}")


@row("members-many.keras", "has 20,003 members, where Keras writes three")
def _(path: Path) -> None:
    archive(path, {f"assets/{number}": b"" for number in range(20_000)})


@row("member-link.keras", "its member 'assets' is a link")
def _(path: Path) -> None:
    archive(path, {})
    link = zipfile.ZipInfo("assets")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc")


@row("member-locked.keras", "is encrypted")
def _(path: Path) -> None:
    archive(path, {})
    data = bytearray(path.read_bytes())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # flags in the local and the central directory
        data[data.index(magic) + at] |= 1
    path.write_bytes(bytes(data))


@row("bomb-config.keras", "claims to be larger than the file")
def _(path: Path) -> None:
    archive(path, {"config.json": b" " * 300_000_000}, packed=True)


@row("bomb-weights.keras", "claims to be larger than the file")
def _(path: Path) -> None:
    archive(path, {"model.weights.h5": bytes(300_000_000)}, packed=True)


@row("bomb-directory.keras", "")
def _(path: Path) -> None:
    """The directory of the archive states a wrong size."""
    archive(path, {})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 2**31)
    path.write_bytes(bytes(data))


@row("torch.keras", "is a PyTorch model with a pickle")
def _(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", b"\x80\x02")


# --- HDF5


def hdf5(name: str, words: str) -> Callable[[Callable[[h5py.File], None]], Callable[[h5py.File], None]]:
    """Register a function that changes the good HDF5 file."""

    def register(change: Callable[[h5py.File], None]) -> Callable[[h5py.File], None]:
        def write(path: Path) -> None:
            path.write_bytes(whole(".h5"))
            with h5py.File(path, "a") as file:
                change(file)

        row(name, words)(write)
        return change

    return register


CONV = "model_weights/conv/net/conv"


def replaced(file: h5py.File) -> h5py.Group:
    """Remove the kernel and return where it was."""
    del file[f"{CONV}/kernel"]
    return file[CONV]


@hdf5("link-external.h5", "is a link out of the file")
def _(file: h5py.File) -> None:
    replaced(file)["kernel"] = h5py.ExternalLink("/etc/passwd", "/kernel")


@hdf5("link-soft.h5", "is a link out of the file")
def _(file: h5py.File) -> None:
    replaced(file)["kernel"] = h5py.SoftLink(f"/{CONV}/bias")


@hdf5("link-loop.h5", "is a link out of the file")
def _(file: h5py.File) -> None:
    replaced(file)["kernel"] = h5py.SoftLink(f"/{CONV}/kernel")


@hdf5("link-beside.h5", "is a link out of the file")
def _(file: h5py.File) -> None:
    """A link is refused also where no weight is stored."""
    file["notes"] = h5py.ExternalLink("/etc/passwd", "/x")


@hdf5("group-in-itself.h5", "has two names in the file")
def _(file: h5py.File) -> None:
    file[f"{CONV}/again"] = file["model_weights"]


@hdf5("groups-doubled.h5", "has two names in the file")
def _(file: h5py.File) -> None:
    """Thirty groups with a billion paths through them."""
    here = file
    for _ in range(30):
        inner = here.create_group("a")
        here["b"] = inner
        here = inner


@hdf5("groups-deep.h5", "groups nested more than 100 deep")
def _(file: h5py.File) -> None:
    file.create_group("a/" * 500)


@hdf5("numbers-outside.h5", "keeps its values in another file")
def _(file: h5py.File) -> None:
    replaced(file).create_dataset("kernel", (3, 3, 3, 4), "f4", external=[("/etc/passwd", 0, 432)])


@hdf5("numbers-virtual.h5", "keeps its values in another file")
def _(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", (3, 3, 3, 4))
    replaced(file).create_virtual_dataset("kernel", layout)


@hdf5("numbers-unwritten.h5", "claims to be larger than the file")
def _(file: h5py.File) -> None:
    replaced(file).create_dataset("kernel", (10**5, 10**5), "f4")


@hdf5("numbers-squeezed.h5", "claims to be larger than the file")
def _(file: h5py.File) -> None:
    array = replaced(file).create_dataset("kernel", (10**9,), "f4", chunks=(10**6,), compression="gzip")
    array[: 10**6] = 1


@hdf5("numbers-none.h5", "not a numeric one")
def _(file: h5py.File) -> None:
    replaced(file)["kernel"] = np.array(["a", "b"], dtype=object)


@hdf5("numbers-other-shape.h5", "its weights for conv are")
def _(file: h5py.File) -> None:
    replaced(file)["kernel"] = np.zeros((3, 3, 3, 5), "f4")


@hdf5("numbers-group.h5", "is not an array in this file")
def _(file: h5py.File) -> None:
    replaced(file).create_group("kernel")


@hdf5("numbers-missing.h5", "it lists weights at net/conv/kernel, but has none there")
def _(file: h5py.File) -> None:
    replaced(file)


@hdf5("names-twice.h5", "it lists a weight of conv twice")
def _(file: h5py.File) -> None:
    file["model_weights/conv"].attrs["weight_names"] = np.array([b"net/conv/kernel"] * 3)


@hdf5("names-numbers.h5", "it lists weights at")
def _(file: h5py.File) -> None:
    file["model_weights"].attrs["layer_names"] = np.arange(5)


@hdf5("names-up.h5", "it lists weights at ../../out")
def _(file: h5py.File) -> None:
    file["model_weights"].attrs["layer_names"] = np.array([b"../../out"])


@hdf5("no-layers.h5", "holds weights without the network's layers")
def _(file: h5py.File) -> None:
    del file.attrs["model_config"]


@hdf5("config-numbers.h5", "its configuration is not JSON")
def _(file: h5py.File) -> None:
    file.attrs["model_config"] = np.arange(10)


@hdf5("config-nothing.h5", "its configuration is not JSON")
def _(file: h5py.File) -> None:
    file.attrs["model_config"] = h5py.Empty("f4")


# --- configurations

Changed = Callable[[Config], None]


def config(name: str, words: str) -> Callable[[Changed], Changed]:
    """Register a function that changes the configuration of the good file, once in each format."""

    def register(change: Changed) -> Changed:
        def write_archive(path: Path) -> None:
            archive(path, {})
            with zipfile.ZipFile(path) as file:
                told = json.loads(file.read("config.json"))
            change(told)
            archive(path, {"config.json": json.dumps(told).encode()})

        def write_hdf5(path: Path) -> None:
            path.write_bytes(whole(".h5"))
            with h5py.File(path, "a") as file:
                told = json.loads(file.attrs["model_config"])
                change(told)
                file.attrs["model_config"] = json.dumps(told)[:60_000]

        row(f"{name}.keras", words)(write_archive)
        row(f"{name}.h5", words)(write_hdf5)
        return change

    return register


def setting(title: str, words: str, layer: int, /, **settings: Any) -> None:
    """Register other settings of a layer: 0 the input, 1 the convolution, 2 Flatten, 3 the dense layer."""
    config(title, words)(lambda told: told["config"]["layers"][layer]["config"].update(copy.deepcopy(settings)))


setting("units-billion", "has units=1000000000; the largest is", 3, units=10**9)
setting("units-million", "the file holds 547 numbers", 3, units=10**6)
setting("filters-million", "the file holds 547 numbers|expected axis -1", 1, filters=10**7)
setting("filters-negative", "cannot be opened", 1, filters=-4)
setting("filters-zero", "cannot be opened", 1, filters=0)
setting("filters-text", "has filters='many'; it must be an integer", 1, filters="many")
setting("filters-nothing", "cannot be opened", 1, filters=None)
setting("filters-list", "has filters=[4]; it must be an integer", 1, filters=[4])
setting("filters-half", "has filters=4.5; it must be an integer", 1, filters=4.5)
setting("kernel-zero", "cannot be opened", 1, kernel_size=[0, 0])
setting("kernel-text", "cannot be opened", 1, kernel_size="3x3")
setting("kernel-larger", "cannot be opened", 1, kernel_size=[30, 30])
setting("kernel-huge", "", 1, kernel_size=[10**4, 10**4], padding="same")
setting("strides-zero", "cannot be opened", 1, strides=[0, 0])
setting("padding-odd", "cannot be opened", 1, padding="diagonal")
setting("groups-odd", "cannot be opened", 1, groups=7)
setting("dtype-odd", "cannot be opened", 1, dtype="float31")
setting("setting-unknown", "cannot be opened", 1, color="blue")
setting("activation-odd", "cannot be opened", 1, activation="evil")
setting("name-number", "has a name that is not text", 1, name=5)
setting("name-slash", "cannot be opened", 1, name="a/b")
setting("name-twice", "cannot be opened", 1, name="flat")
setting("input-huge", "which does not fit into memory", 0, batch_shape=[None, 10**6, 10**6, 3])
setting("input-negative", "its sides must be positive integers", 0, batch_shape=[None, -8, 8, 3])
setting("input-zero", "its sides must be positive integers", 0, batch_shape=[None, 0, 8, 3])
setting("input-text", "its sides must be positive integers", 0, batch_shape=[None, "8", 8, 3])
setting("input-half", "its sides must be positive integers", 0, batch_shape=[None, 8.5, 8, 3])
setting("input-flat", "", 0, batch_shape=[None, 192])
setting("input-none", "", 0, batch_shape=None)

FUNCTION = {"class_name": "function", "module": "builtins"}
setting("run-activation", "needs the code of '", 1, activation={**FUNCTION, "config": "eval"})
setting("run-module", "needs the code of 'system'", 1,
        activation={"module": "os", "class_name": "system", "config": {"command": "touch ran"}})  # fmt: skip
setting("run-unsafe", "needs the code of '", 1, activation={
    "module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"})  # fmt: skip
setting("run-download", "needs the code of 'get_file'", 1, kernel_initializer={
    "module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://127.0.0.1:9/"}})  # fmt: skip
setting("run-lambda-inside", "as activation, which takes no object", 1, activation=[{
    "class_name": "__lambda__", "config": {"value": "4wAA"}}])  # fmt: skip
setting("run-in-list", "which takes no object", 1, kernel_size=[{
    "module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp"}}])  # fmt: skip
setting("run-registered", "needs the code of 'Zeros'", 1, bias_initializer={
    "module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": "evil>Zeros"})  # fmt: skip
setting("run-typespec", "which takes no object", 1, strides={
    "class_name": "__typespec__", "config": [], "module": "os", "spec_name": "x", "registered_name": "x"})  # fmt: skip


def inserted(title: str, words: str, kind: str, module: str = "keras.layers", **settings: Any) -> None:
    """Register a layer more, before the convolution."""
    entry = {"module": module, "class_name": kind, "config": {"name": "more", **settings}, "registered_name": None}
    config(title, words)(lambda told: told["config"]["layers"].insert(1, copy.deepcopy(entry)))


LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None, "closure": None}}
inserted("lambda", "has a Lambda layer (more), which runs code from the file; use --trust", "Lambda", function=LAMBDA)
inserted("program", "has a TFSMLayer (layer", "TFSMLayer", filepath="/tmp", call_endpoint="serve")
inserted("vocabulary", "has a StringLookup (layer", "StringLookup", vocabulary="/etc/passwd")
inserted("texts", "has a TextVectorization (layer", "TextVectorization", vocabulary="/etc/passwd")
inserted("torch-layer", "has a TorchModuleWrapper (layer", "TorchModuleWrapper", output_shape="x")
inserted("jax", "has a JaxLayer (layer", "JaxLayer", call_fn="x")
inserted("own", "needs the code of 'Mine'", "Mine", module="mine.layers")
inserted("own-keras", "needs the code of 'Mine'", "Mine", module="keras.src.layers")
inserted("system", "needs the code of 'system'", "system", module="os", command="touch ran")
inserted("saver", "needs the code of 'load_model'", "load_model", module="keras.saving", filepath="x")
inserted("loop-operation", "needs the code of 'WhileLoop'", "WhileLoop", module="keras.src.ops.core", cond="x")
inserted("reshaped", "cannot be opened", "Reshape", target_shape=[7, 7, 7])
inserted("unset", "", "Conv2D")


@config("maps-huge", "its layer up has maps of (800000, 800000, 3), which do not fit into memory")
def _(told: Config) -> None:
    up = {"class_name": "UpSampling2D", "config": {"name": "up", "trainable": True, "size": [10**5, 10**5]}}
    told["config"]["layers"][1:] = [up]


@config("no-class", "its configuration has no class name")
def _(told: Config) -> None:
    del told["config"]["layers"][1]["class_name"]


@config("no-settings", "its configuration has no class name")
def _(told: Config) -> None:
    del told["config"]["layers"][1]["config"]


@config("settings-list", "has no settings")
def _(told: Config) -> None:
    told["config"]["layers"][1]["config"] = [1]


@config("layers-text", "has no layers")
def _(told: Config) -> None:
    told["config"]["layers"] = "conv"


@config("layers-none", "")
def _(told: Config) -> None:
    told["config"]["layers"] = []


@config("layers-numbers", "its configuration has no class name")
def _(told: Config) -> None:
    told["config"]["layers"][2] = 7


@config("other-model", "has no layers")
def _(told: Config) -> None:
    told["config"] = {"layers": None, "name": "x"}


@config("a-layer", "holds a Dense, not a model")
def _(told: Config) -> None:
    told.update(told["config"]["layers"][3])


@config("no-input", "has no input size, as a model that was never built")
def _(told: Config) -> None:
    del told["config"]["layers"][0], told["config"]["build_input_shape"]
    told.pop("build_config", None)


@config("layer-left-out", "its weights are for 2 layers, the network has 1|expected axis -1")
def _(told: Config) -> None:
    del told["config"]["layers"][1]


@config("layer-twice", "cannot be opened")
def _(told: Config) -> None:
    told["config"]["layers"].insert(1, told["config"]["layers"][1])


def functional(*nodes: tuple[str, str, list[str]], outputs: str = "c") -> Config:
    """Return a graph: name, class and the names of what each layer is called on."""

    def tensor(source: str) -> Config:
        inside = {"shape": [None, 8, 8, 3], "dtype": "float32", "keras_history": [source, 0, 0]}
        return {"class_name": "__keras_tensor__", "config": inside}

    found = []
    for name, kind, sources in nodes:
        settings = {"name": name, **({"batch_shape": [None, 8, 8, 3]} if kind == "InputLayer" else {"trainable": True})}
        args = [tensor(source) for source in sources]
        calls = [{"args": [args] if len(args) > 1 else args, "kwargs": {}}] if sources else []
        entry = {"module": "keras.layers", "class_name": kind, "config": settings, "name": name, "inbound_nodes": calls}
        found.append(entry)
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [[outputs, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "net", "trainable": True, "layers": found, **ends}}


def graph(name: str, words: str, told: Config) -> None:
    """Register a graph."""

    def change(config: Config) -> None:
        config.clear()
        config.update(copy.deepcopy(told))

    config(name, words)(change)


IN = ("in", "InputLayer", [])
graph("graph-cycle", "cannot be opened", functional(IN, ("b", "Add", ["in", "c"]), ("c", "ReLU", ["b"])))
graph("graph-itself", "cannot be opened", functional(IN, ("c", "Add", ["in", "c"])))
graph("graph-nowhere", "cannot be opened", functional(IN, ("c", "ReLU", ["nothing"])))
graph("graph-no-output", "cannot be opened", functional(IN, ("c", "ReLU", ["in"]), outputs="nothing"))
graph("graph-same-names", "cannot be opened", functional(IN, ("c", "ReLU", ["in"]), ("c", "ReLU", ["in"])))


CHAIN = [("l0", "ReLU", ["in"]), *((f"l{number}", "ReLU", [f"l{number - 1}"]) for number in range(1, 400))]
graph(
    "graph-backwards",
    "lists its layers in an order in which they cannot be built|its configuration is not JSON",
    functional(IN, *CHAIN[::-1], outputs="l399"),
)


@config("computed-at-once", "is called without a tensor, which would run it during loading")
def _(told: Config) -> None:
    """Sixty-four gigabytes of ones, as soon as the operation is called."""
    told.clear()
    told.update(functional(IN, ("c", "ReLU", ["in"])))
    call = {"args": [[1.0]], "kwargs": {}}
    tile = {"module": "keras.src.ops.numpy", "class_name": "Tile", "config": {"name": "tile", "repeats": [4000] * 3}}
    told["config"]["layers"].append({**tile, "name": "tile", "inbound_nodes": [call]})


def multiplied(levels: int) -> Config:
    """Return models in models, each of which calls the next one ten times."""
    told = functional(IN, ("c", "ReLU", ["in"]))
    for _ in range(levels):
        node = functional(IN, ("c", "ReLU", ["in"]))["config"]["layers"][1]["inbound_nodes"][0]
        inner = {**told, "name": "c", "inbound_nodes": [node] * 10}
        told = functional(IN, ("c", "ReLU", ["in"]))
        told["config"]["layers"][1] = {**inner, "config": {**inner["config"], "name": "c"}}
    return told


graph("graph-multiplied", "calls layers", multiplied(8))
