"""TensorFlow is imported when a command needs it."""

from __future__ import annotations

import importlib
import logging


def import_tensorflow() -> None:
    """Import TensorFlow without hints for developers, such as "retracing is expensive"."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    importlib.import_module("dreamfilters.backend")
