"""The backend and modules of Keras, imported on first use: recipes and input forms are read before they load."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Stands for a module that is imported with its first attribute.

    >>> LazyModule("keras.ops").sqrt.__name__
    'sqrt'
    """

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the module; it is not kept, so that a test can replace it in the module itself."""
        importlib.import_module("dreamfilters.backend")  # first: it has Keras import its library with settings
        return getattr(importlib.import_module(self.__name__), name)


backend, ops, tree = (LazyModule(name) for name in ("dreamfilters.backend", "keras.ops", "keras.tree"))


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as `backend.custom_gradient` does, which is imported when the function is called."""

    made = functools.cache(lambda: backend.custom_gradient(function))

    @functools.wraps(function)
    def with_gradient(*arguments: Any) -> Any:
        return made()(*arguments)

    return with_gradient
