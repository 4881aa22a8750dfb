"""The record of a dream: all settings that reproduce it, as JSON beside the PNG and inside it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dreamfilters
from dreamfilters.dreams import recipe
from dreamfilters.dreams.prediction import DreamPrediction
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError
from dreamfilters.images import png_text
from dreamfilters.networks import InputForm, Network
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.manifest import KEY


def record_of(dream: Dream, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a dream; `settings` are those of its run."""
    common = {key: value for key, value in settings.items() if key not in ("targets", "classes")}
    named = {number: name for number, name in settings["classes"].items() if name and name in dream.name}
    again = f"dreamfilters again {slug(dream.name)}.png"
    return {
        KEY: dreamfilters.__version__,
        **common,
        **dream.as_values(),
        "classes": named if "class:" in dream.name else {},
        "again": again,
    }


def dream_of(record: Mapping[str, Any], image: NDArray[np.float32]) -> Dream:
    """Return the dream of a record and its image, without its duration and frames."""
    numbers = {key: math.nan if record[key] is None else record[key] for key in ("score", "robust", "start")}
    history = np.array([math.nan if value is None else value for value in record["history"]], np.float32)
    return Dream(
        name=record["target"],
        image=image,
        score=numbers["score"],
        robust=numbers["robust"],
        start=numbers["start"],
        steps=record["steps"],
        seconds=0.0,
        seed=record["seed"],
        recipe=recipe.from_values(record["recipe"], where=record["target"]),
        activated=record["activated"],
        recovered_by=record["recovered_by"],
        attempts=tuple(record["attempts"]),
        note=record["note"],
        history=history,
        prediction=DreamPrediction.from_values(record["prediction"]) if "prediction" in record else None,
    )


def model_values(network: Network, spec: str) -> dict[str, Any]:
    """Return name, spec (the argument of `load`) and fingerprint of a network, and the values of its other inputs.

    The value of an input is a number where all its values are equal, else a hash; the fingerprint covers all of them.
    """
    values = {"name": network.name, "spec": spec, "fingerprint": network.fingerprint}
    inputs = {
        name: float(value.flat[0]) if np.ptp(value) == 0 else f"sha256 {sha256(np.ascontiguousarray(value).tobytes())}"
        for name, value in network.inputs.items()
    }
    return values | ({"inputs": inputs} if inputs else {})


def form_from(values: Mapping[str, Any]) -> InputForm:
    """Return the input form of the plain values in a record."""
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return InputForm(**fields)


def with_classes(network: Network, named: Mapping[str, str]) -> Network:
    """Return the network with these class names by number; other classes get names that no target uses."""
    if not named:
        return network
    names = tuple(named.get(str(number), f"class #{number}") for number in range(len(network.classes)))
    return dataclasses.replace(network, classes=names, aliases=())


def read_record(image: Path) -> dict[str, Any]:
    """Return the record inside a PNG.

    Raises:
        ImageError: the file cannot be read, or has no record.
    """
    text = png_text(image).get(KEY)
    try:
        record = json.loads(text) if text else None
    except ValueError:
        record = None
    if not isinstance(record, dict) or not {"target", "model", "recipe", "input"} <= record.keys():
        raise ImageError(f"{image}: stores no settings of a dream; give a PNG that `dreamfilters dream` wrote")
    return record
