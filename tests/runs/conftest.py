"""Hand-made dreams, and a small job that runs in a second."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dreamfilters.dreams.parameterizations import Fourier
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.networks import Network, load
from dreamfilters.runs.by_unit.dream_run import DreamJob

NAMES = ("STOP", "Vorfahrt achten", "20")


@pytest.fixture
def make_dream() -> Callable[..., Dream]:
    """A function that returns a dream without an ascent."""

    def dream(name: str = "conv1:0", **changes: Any) -> Dream:
        image = np.linspace(0, 1, 4 * 4 * 3, dtype="float32").reshape(4, 4, 3)
        given: dict[str, Any] = {
            "name": name, "image": image, "score": 2.0, "robust": 1.5, "start": 0.5, "steps": 3, "seconds": 0.1,
            "seed": 7, "recipe": Recipe(steps=3), "activated": True, "history": np.array([0.5, 1, 1.5]),
        }  # fmt: skip
        return Dream(**{**given, **changes})

    return dream


@pytest.fixture
def settings() -> dict[str, Any]:
    """The settings of a run of these dreams."""
    return {
        "model": {"name": "tiny", "spec": "tiny.keras", "fingerprint": "f"}, "input": {},
        "classes": {"0": "STOP", "1": "Vorfahrt achten"}, "recipe": Recipe(steps=3).as_values(), "seed": 7, "frames": 0,
        "targets": ["conv1:0", "class:STOP"],
    }  # fmt: skip


@pytest.fixture(scope="session")
def model_file(tiny: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny` as a file."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    with warnings.catch_warnings():  # TensorFlow's variables do not know NumPy 2's copy keyword yet
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny.save(path)
    return path


@pytest.fixture(scope="session")
def opened_network(model_file: Path) -> Network:
    """`tiny` as `load` returns it."""
    return load(model_file, form={"range": [0, 1]}, classes=NAMES)


@pytest.fixture(scope="session")
def job_for(opened_network: Network, model_file: Path) -> Callable[..., DreamJob]:
    """A function that returns a job of five dreams in batches of two, with changes."""

    def job(**changes: Any) -> DreamJob:
        targets = ("conv1:0-2", 'class:"Vorfahrt achten"', "class:STOP")
        recipe = Recipe(Fourier(16), transforms=(), steps=3, name="quick")
        given: dict[str, Any] = {"targets": targets, "recipe": recipe, "seed": 7, "batch": 2}
        return DreamJob(opened_network, str(model_file), **{**given, **changes})

    return job


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="session")
def bytes_in() -> Callable[[Path], dict[str, bytes]]:
    """A function that returns the bytes of each file of a folder."""
    return contents
