"""dreamfilters: what an image network has learned, dreamed and compared with real images.

Public names are listed once, in `__init__.pyi`, and are loaded on first use, so that `import dreamfilters` and the
command line's help do not import TensorFlow.
"""

from importlib import import_module
from typing import Any

import lazy_loader

__version__ = "0.1.0"

# What works without TensorFlow: reading a stored scan takes a moment, and the viewer leaves the model to its worker.
_LIGHT = frozenset({"LayerInfo", "Scan", "TokenGrid", "Viewer", "extract_patch", "read_scan", "serve"})

_load, _public, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["__version__", *_names]


def __getattr__(name: str) -> Any:
    if name not in _names:
        raise AttributeError(f"dreamfilters has no {name!r}; its public names: {', '.join(sorted(_names))}")
    if name not in _LIGHT and not name.endswith("Error"):
        import_module("dreamfilters.backend")  # first: it quietens TensorFlow and checks which backend Keras runs on
    return _load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
