"""How the process that parses is started: the Python, where its modules are, and its environment."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from dreamfilters.errors import ModelError

_MODULES = ("dreamfilters", "h5py", "numpy", "lazy_loader")  # with what they import, all the process needs
_PROGRAM = """import sys
sys.path += sys.argv[2:]
from dreamfilters.networks.io.parsing.process.__main__ import main
main()"""
# Variables by which a system finds the libraries of Python, and the folder of temporary files.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")


def command(argument: str) -> list[str]:
    """Return the command that starts the process with one argument.

    The process reads no settings and no modules of the user: neither PYTHON* variables nor site-packages' start files.

    Raises:
        ModelError: the path of this Python is not known.
    """
    if not sys.executable:
        raise ModelError("cannot be parsed in a process of its own, because the path of Python is not known")
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, argument, *_roots()]


def environment() -> dict[str, str]:
    """Return the environment of the process."""
    return {"OPENBLAS_NUM_THREADS": "1", **{name: os.environ[name] for name in _KEPT if name in os.environ}}


@cache
def _roots() -> tuple[str, ...]:
    """Return the folders of the modules that the process imports, in the versions of this process."""
    specs = [find_spec(name) for name in _MODULES]
    return tuple(dict.fromkeys(str(Path(spec.origin).parents[1]) for spec in specs if spec and spec.origin))
