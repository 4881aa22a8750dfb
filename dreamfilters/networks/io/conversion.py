"""A network of any age is written as Keras 3 writes one, or its layers alone as JSON."""

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
    """Where a network was written, and what was changed in its stored configuration, each a plain sentence."""

    path: Path
    changes: tuple[str, ...] = ()


def convert(
    model: Path, out: Path, *, trust: bool = False, architecture: Path | None = None, force: bool = False
) -> Conversion:
    """Write the network in `model` as the .keras file `out`, or its layers as they are stored as the .json file `out`.

    The JSON is for `architecture`: to say by hand what a file does not, such as the layer in place of a Lambda.

    Args:
        model: file or SavedModel folder, see `files.open_model`.
        out: ends in .keras or .json; appears whole or not at all.
        trust: whether Lambda layers may run their code.
        architecture: a JSON with the layers, where the file holds weights only.
        force: replace `out` if it is there.

    Raises:
        ModelError: the network cannot be opened.
        OutputError: `out` is there, cannot be written, or does not end as it must.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{out}: a network is written as .keras, its layers alone as .json")
    if out.exists() and not force:
        raise OutputError(f"{out}: is there already; --force replaces it")
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
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras reads its variables in a way numpy 2 deprecates
        opened.model.save(out)
    return opened.changes


def _write_layers(model: Path, out: Path) -> tuple[str, ...]:
    stored = read_stored(model)
    if stored.config is None:
        raise ModelError(f"{model}: holds weights without the network's layers")
    text = json.dumps({**stored.config, "keras_version": stored.version}, indent=1)
    out.write_text(f"{text}\n", "utf-8")
    return ()
