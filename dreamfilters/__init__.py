"""dreamfilters: what an image network has learned, dreamt and held against real images.

Public names are loaded on first use, so that `import dreamfilters` and the command line's help cost no TensorFlow.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# public name -> the module that defines it
_HOMES: dict[str, str] = {
    "DreamfiltersError": "errors",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"dreamfilters has no {name!r}; its public names: {', '.join(sorted(_HOMES))}")
    return getattr(import_module(f"dreamfilters.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
