"""Conversion of a model file of any version to the format of Keras 3, or of its layers to JSON."""

from __future__ import annotations

import contextlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path

from dreamfilters.errors import ModelError, OutputError
from dreamfilters.networks.io.model_file import open_model, read_stored

SUFFIXES = (".keras", ".json")


@dataclass(frozen=True)
class Conversion:
    """The path of the converted network, and one sentence for each change to its stored configuration."""

    path: Path
    changes: tuple[str, ...] = ()


def convert(
    model: Path, out: Path, *, trust: bool = False, architecture: Path | None = None, force: bool = False
) -> Conversion:
    """Write the network in `model` to the .keras file `out`, or its stored layers to the .json file `out`.

    The JSON can be edited, such as to replace a Lambda layer, and given as `architecture`.

    Args:
        model: file or SavedModel folder, see `model_file.open_model`.
        out: a name that ends in .keras or .json. It is written atomically.
        trust: whether Lambda layers may run their code.
        architecture: a JSON file with the layers, where `model` holds weights only.
        force: whether to replace an existing `out`.

    Raises:
        ModelError: the network cannot be opened.
        OutputError: `out` exists, cannot be written, or has another suffix.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{out}: the name must end in .keras for a network, or in .json for its layers only")
    if out.exists() and not force:
        raise OutputError(f"{out}: exists already; use --force to replace it")
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    try:
        changes = (
            _write_layers(model, part) if out.suffix.lower() == ".json" else _write(model, part, trust, architecture)
        )
        part.replace(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return Conversion(out, changes)


def _write(model: Path, out: Path, trust: bool, architecture: Path | None) -> tuple[str, ...]:
    opened = open_model(model, trust=trust, architecture=architecture)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras reads variables in a way that numpy 2 deprecates
        opened.model.save(out)
    return opened.changes


def _write_layers(model: Path, out: Path) -> tuple[str, ...]:
    stored = read_stored(model)
    if stored.config is None:
        raise ModelError(f"{model}: holds weights without the network's layers")
    text = json.dumps({**stored.config, "keras_version": stored.version}, indent=1)
    out.write_text(f"{text}\n", "utf-8")
    return ()
