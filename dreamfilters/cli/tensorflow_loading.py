"""TensorFlow is loaded when a command needs it, with a line on the screen, because it takes seconds."""

from __future__ import annotations

import importlib
import logging

from dreamfilters.cli.output import status


def import_tensorflow() -> None:
    """Import TensorFlow, and say so on the screen meanwhile."""
    with status("Loading TensorFlow"):
        import_silently()


def import_silently() -> None:
    """Import TensorFlow without hints for developers, such as "retracing is expensive"."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    importlib.import_module("dreamfilters.backend")
