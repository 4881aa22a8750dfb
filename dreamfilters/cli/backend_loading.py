"""The backend of Keras is loaded when a command needs it, with a line on the screen, because it takes seconds."""

from __future__ import annotations

import importlib
import json
import logging
import os
from pathlib import Path

from dreamfilters.cli.compile_cache import keep_programs
from dreamfilters.cli.output import say, status

_NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}


def import_backend() -> None:
    """Import TensorFlow or JAX, and say so on the screen meanwhile; then name an accelerator, if there is one."""
    with status(f"Loading {library_name()}"):
        prepare_environment()
        import_silently()
    say(device_line())


def import_in_worker() -> None:
    """Import TensorFlow or JAX in the worker of the viewer, and name an accelerator."""
    import_silently()
    say(device_line())


def prepare_environment() -> None:
    """Have JAX keep compiled programs, before it is imported here or in processes that are started later."""
    if library_name() == "JAX":
        keep_programs(os.environ)


def device_line() -> str:
    """Return the line that names what computes, "" for the processor of the machine."""
    from dreamfilters import backend

    device = backend.device()
    return "" if device.kind == "cpu" else f"computing on {device}"


def import_silently() -> None:
    """Import TensorFlow or JAX without hints for developers, such as "retracing is expensive"."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    importlib.import_module("dreamfilters.backend")


def library_name() -> str:
    """Return the name of the library that Keras is set to run on, read as Keras does, without importing it."""
    name = os.environ.get("KERAS_BACKEND") or _stored_backend()
    return _NAMES.get(name, "Keras")


def _stored_backend() -> str:
    """Return the backend in Keras' own file of settings."""
    folder = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    try:
        return str(json.loads((folder / "keras.json").read_text("utf-8"))["backend"])
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or Keras does not read it either
        return "tensorflow"
