"""The record of a dream: all settings that reproduce it, as JSON beside the PNG and inside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dreamfilters
from dreamfilters.dreams import recipe
from dreamfilters.dreams.ascent.prediction import DreamPrediction
from dreamfilters.dreams.ascent.tries import Tries
from dreamfilters.dreams.priors.appearance import Appearance
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError
from dreamfilters.images import png_text
from dreamfilters.networks import InputForm, Network
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import CHECKSUM, checked, parsed
from dreamfilters.runs.storage.manifest import KEY
from dreamfilters.serialization import typed


def record_of(dream: Dream, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a dream; `settings` are those of its run."""
    common = {key: value for key, value in settings.items() if key not in ("targets", "classes", "tries")}
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
    """Return the dream of a record and its image, without its duration and frames.

    Raises:
        ValueError: the values are not those of a dream.
        RecipeError: its recipe is not one.
    """
    found = ascent_of(record)
    return Dream(
        name=found.target,
        image=image,
        score=found.score,
        robust=found.robust,
        start=found.start,
        steps=found.steps,
        seconds=0.0,
        seed=found.seed,
        recipe=recipe.from_values(record["recipe"], where=found.target),
        activated=found.activated,
        recovered_by=found.recovered_by,
        attempts=found.attempts,
        note=found.note,
        history=np.array(found.history, np.float32),
        prediction=DreamPrediction.from_values(record["prediction"]) if "prediction" in record else None,
        tries=Tries.from_values(record["tries"]) if "tries" in record else None,
        appearance=Appearance.from_values(record["appearance"]) if "appearance" in record else None,
    )


@dataclass(frozen=True)
class AscentRecord:
    """What a record says of the ascent of a dream, see `Dream`."""

    target: str
    score: float
    robust: float
    start: float
    steps: int
    seed: int
    activated: bool
    recovered_by: str
    attempts: tuple[str, ...]
    note: str
    history: tuple[float, ...]


def ascent_of(record: Mapping[str, Any]) -> AscentRecord:
    """Return what a record says of the ascent.

    Raises:
        ValueError: a value is missing or of another type.
    """
    names = [field.name for field in dataclasses.fields(AscentRecord)]
    found: AscentRecord = typed(AscentRecord, {name: record[name] for name in names if name in record}, "record")
    return found


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


def form_from(values: Any) -> InputForm:
    """Return the input form of the plain values in a record.

    Raises:
        ValueError: a value is missing, unknown or of another type.
        InputFormError: a value is out of range.
    """
    form: InputForm = typed(InputForm, values, "input")
    return form


def with_classes(network: Network, named: Mapping[str, str]) -> Network:
    """Return the network with these class names by number; other classes get names that no target uses."""
    if not named:
        return network
    names = tuple(named.get(str(number), f"class #{number}") for number in range(len(network.classes)))
    return dataclasses.replace(network, classes=names, aliases=())


def read_record(image: Path) -> dict[str, Any]:
    """Return the record inside a PNG.

    Records of version 0.1 have no checksum. They are read, too: the bytes of the new dream are compared with the file.

    Raises:
        ImageError: the file cannot be read, has no record, or a damaged one.
    """
    text = png_text(image).get(KEY, "").encode("utf-8", "surrogatepass")
    record: Any = None
    with suppress(ValueError):
        record = parsed(text)
    if not isinstance(record, dict) or not {"target", "model", "recipe", "input"} <= record.keys():
        raise ImageError(f"{image}: stores no settings of a dream; give a PNG that `dreamfilters dream` wrote")
    try:
        return checked(text) if CHECKSUM in record else record
    except ValueError as error:
        raise ImageError(
            f"{image}: its stored settings are damaged ({error}); give the PNG as it was written"
        ) from error
