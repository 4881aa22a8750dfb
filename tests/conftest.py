"""Small networks, the same on every run, and one running viewer, that the tests of several packages share."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamfilters.cli.backend_loading import import_silently

import_silently()  # otherwise TensorFlow's startup messages appear below the summary

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.networks import InputForm, Network
from dreamfilters.networks.io.parsing.process.parser_server import parsers_kept
from dreamfilters.viewer.server.http_server import Viewer
from tests.thorough import SKIPPED

# their fixtures, made once for the tests of several packages
pytest_plugins = ["tests.small_comparison", "tests.planted_training"]


# Folders and files whose tests are all slow: they open a browser, kill processes, train a network, or share a fixture
# that takes seconds.
SLOW = {
    "browser", "test_killed.py", "test_train.py", "test_launch.py", "test_blog_post.py", "test_malformed.py",
    "test_hostile_names.py", "fuzz", "test_damaged_runs.py", "test_forged_runs.py",
}  # fmt: skip


# Folders and files whose tests run in CI only, see `tests.thorough`.
FOR_CI = {"browser", "test_hostile_names.py", "test_killed.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `SLOW`, so that `-m "not slow"` leaves them out, and skip those that this run leaves out."""
    for item in items:
        parts = set(item.path.relative_to(item.config.rootpath).parts)
        if SLOW & parts:
            item.add_marker(pytest.mark.slow)
        if FOR_CI & parts:
            item.add_marker(pytest.mark.ci)
        for marker, reason in SKIPPED.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Give the networks of a fixture the same weights on every run: Keras draws the seeds of layers from `random`."""
    random.seed(fixturedef.argname)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    random.seed(0)  # the same for the networks that a test makes


@pytest.fixture(scope="session", autouse=True)
def parsers() -> Iterator[None]:
    """One process forks the parsers of all model files: starting it for each would take minutes."""
    with parsers_kept():
        yield


def seeded(model: keras.Model, seed: int = 10) -> keras.Model:
    """Fill the weights by NumPy: kernels of He's std that sum to 0, so that every unit responds to some noise."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.path.rpartition("/")[2]
        if name in ("kernel", "depthwise_kernel"):
            values = rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
            values = values - values.mean(axis=tuple(range(len(shape) - 1)))
        elif name in ("gamma", "moving_variance"):
            values = rng.uniform(0.5, 1.5, shape)
        else:
            values = rng.normal(0, 0.1, shape)
        variable.assign(values.astype("float32"))
    return model


def _tiny(channels: int = 3, size: int = 16) -> keras.Model:
    return seeded(
        keras.Sequential(
            [
                layers.Input((size, size, channels)),
                layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
                layers.MaxPooling2D(name="pool1"),
                layers.Conv2D(8, 3, activation="relu", name="conv2"),
                layers.Flatten(name="flat"),
                layers.Dense(3, activation="softmax", name="classes"),
            ],
            name="tiny",
        )
    )


@pytest.fixture(scope="session")
def make_tiny() -> Callable[..., keras.Model]:
    """A function that builds a new `tiny` with any number of channels, for tests that change it."""
    return _tiny


@pytest.fixture(scope="session")
def fill() -> Callable[..., keras.Model]:
    """The function that fills a model's weights with the same values each time."""
    return seeded


@pytest.fixture(scope="session")
def tiny() -> keras.Model:
    """16x16x3 -> conv1 (8, relu) -> pool1 -> conv2 (8, relu, 6x6) -> 3 classes by softmax."""
    return _tiny()


@pytest.fixture(scope="session")
def gray() -> keras.Model:
    """As `tiny`, with one channel."""
    return _tiny(channels=1)


@pytest.fixture(scope="session")
def nested() -> keras.Model:
    """A backbone with two convolutions, called as one layer of another model."""
    inside = layers.Input((16, 16, 3))
    x = layers.Conv2D(6, 3, activation="relu", name="conv1")(inside)
    x = layers.Conv2D(6, 3, activation="relu", name="conv2")(x)
    backbone = keras.Model(inside, x, name="backbone")
    outside = layers.Input((16, 16, 3))
    x = backbone(layers.Rescaling(2.0, offset=-1.0, name="rescale")(outside))
    x = layers.Conv2D(4, 3, activation="relu", name="head")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return seeded(keras.Model(outside, layers.Dense(3, activation="softmax", name="classes")(x), name="nested"))


@pytest.fixture(scope="session")
def shared() -> keras.Model:
    """One convolution that is called twice, one after the other."""
    inputs = layers.Input((16, 16, 4))
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")
    x = layers.MaxPooling2D(name="pool")(conv(inputs))
    x = layers.GlobalAveragePooling2D(name="average")(conv(x))
    return seeded(keras.Model(inputs, layers.Dense(3, name="classes")(x), name="shared_conv"))


@pytest.fixture(scope="session")
def normed() -> keras.Model:
    """A convolution without activation, batch normalization, and the ReLU on its own."""
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, use_bias=False, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return seeded(keras.Model(inputs, layers.Dense(3, activation="softmax", name="classes")(x), name="normed"))


@pytest.fixture(scope="session")
def branches() -> keras.Model:
    """A stem, two branches that see 1 and 5 pixels more, a residual sum, a concatenation."""
    inputs = layers.Input((16, 16, 3))
    stem = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(inputs)
    narrow = layers.Conv2D(4, 1, padding="same", activation="relu", name="narrow")(stem)
    wide = layers.Conv2D(4, 5, padding="same", activation="relu", name="wide")(stem)
    total = layers.Add(name="sum")([stem, wide])
    both = layers.Concatenate(name="both")([narrow, total])
    x = layers.GlobalAveragePooling2D(name="average")(both)
    return seeded(keras.Model(inputs, layers.Dense(3, activation="softmax", name="classes")(x), name="branches"))


@pytest.fixture(scope="session")
def network(tiny: keras.Model) -> Network:
    """`tiny` with its input form and the names of three classes."""
    form = InputForm.from_range(0, 1, size=(16, 16))
    return Network(tiny, form, ("STOP", "Vorfahrt achten", "20"), name="tiny")


@pytest.fixture(scope="session")
def network_of() -> Callable[..., Network]:
    """A function from a model to its network on images in [0, 1], its classes numbered."""

    def made(model: keras.Model, **more: Any) -> Network:
        _, height, width, channels = model.input_shape
        form = InputForm.from_range(0, 1, size=(height, width), channels=channels)
        network = Network(model, form, name=model.name)
        return replace(network, **{"classes": tuple(map(str, range(network.class_count))), **more})

    return made


@pytest.fixture(scope="session")
def make_noisy(
    make_tiny: Callable[..., keras.Model], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int, int], Path]:
    """A function that makes a folder with `tiny.keras` and, in `images`, noisy images and one that is none."""
    from dreamfilters.images import png_bytes

    def made(count: int, seed: int) -> Path:
        folder = tmp_path_factory.mktemp("noisy")
        make_tiny().save(folder / "tiny.keras")
        (folder / "images").mkdir()
        rng = np.random.default_rng(seed)
        for number in range(count):
            (folder / "images" / f"{number:02}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
        (folder / "images" / "broken.png").write_bytes(b"no image")
        return folder

    return made


@pytest.fixture(scope="session")
def noisy(make_noisy: Callable[[int, int], Path]) -> Path:
    """Such a folder with 24 noisy images; to read only."""
    return make_noisy(24, 4)


@pytest.fixture(scope="session")
def rendered() -> tuple[tuple[int, np.ndarray], ...]:
    """The sample images of the built-in network, rendered once: pairs of a class's number and an image."""
    from dreamfilters.signs.rendering.scenes import samples

    return samples()


@pytest.fixture(scope="session")
def scene() -> Callable[..., np.ndarray]:
    """A function that paints a smooth image in [.1, .9], image-like: large shapes, an edge, fine texture."""

    def painted(height: int = 16, width: int = 16, channels: int = 3, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        planes = []
        for _ in range(channels):
            a, b, c = rng.uniform(0.5, 2, 3)
            plane = np.sin(2 * np.pi * (a * x + b * y)) + 0.5 * np.cos(2 * np.pi * c * x) + (y > 0.5) * 0.6
            planes.append(plane + 0.1 * rng.normal(size=plane.shape))
        image = np.stack(planes, axis=-1)
        image = (image - image.min()) / (image.max() - image.min())
        return (0.1 + 0.8 * image).astype("float32")

    return painted


@pytest.fixture(scope="session")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of rendered signs in class folders, one file that is not an image, and two with hostile names."""
    from dreamfilters.images import png_bytes
    from dreamfilters.signs.rendering.scenes import render

    folder = tmp_path_factory.mktemp("images")
    for number in (1, 13, 14):
        (folder / f"{number:02d}").mkdir()
        for seed in range(4):
            (folder / f"{number:02d}" / f"{seed}.png").write_bytes(png_bytes(render(number, seed)))
    (folder / "broken.png").write_bytes(b"no image")
    shutil.copy(folder / "14" / "0.png", folder / "<img src=x onerror=alert(1)>.png")
    with suppress(OSError):  # a name in no encoding; not every file system takes it
        shutil.copy(folder / "14" / "0.png", os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png"))
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the running viewer saves dreams."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def viewer(viewed: Path, kept: Path) -> Iterator[Viewer]:
    """A running viewer of the built-in network with its worker process, used over HTTP."""
    from dreamfilters.viewer.launch import access_for, settings_for
    from dreamfilters.viewer.server.http_server import start_server

    settings = settings_for("signs", {}, images=viewed, out=kept)
    running = start_server(settings, access_for("127.0.0.1", None, (), "/"), "127.0.0.1", 0)
    yield running
    running.close()
