"""Classes and functions that a model needs and Keras lacks: from modules that the user names, never the file."""

from __future__ import annotations

import copy
import importlib
import inspect
import re
import sys
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError, reason

CustomObjects: TypeAlias = Mapping[str, Any]  # registered or plain name -> class or function

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_LIBRARIES = frozenset({"site-packages", "importlib", "dreamfilters", "<frozen importlib._bootstrap>"})
_KINDS = (
    keras.Operation, keras.initializers.Initializer, keras.regularizers.Regularizer, keras.constraints.Constraint,
)  # fmt: skip


def custom_objects(imports: Sequence[str] = (), *, trust: bool = False) -> dict[str, Any]:
    """Import modules and return the classes and functions that a model file may use.

    These are the classes of the modules, and all that is registered by `keras.saving.register_keras_serializable`.

    Args:
        imports: names of modules in the current folder or installed.
        trust: whether registered objects may be used without an import.

    Raises:
        ModelError: a module cannot be imported.
    """
    modules = [import_module(name, f"--import {name}") for name in imports]
    found: dict[str, Any] = dict(keras.saving.get_custom_objects()) if modules or trust else {}
    # Files of Keras 2 have 'Block' for what Keras 3 calls 'package>Block'.
    found = {**{key.rpartition(">")[2]: value for key, value in found.items()}, **found}
    for module in modules:
        found.update({name: value for name, value in vars(module).items() if _is_custom_class(value)})
    return found


def _is_custom_class(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, _KINDS) and value.__module__.partition(".")[0] != "keras"


def import_module(name: str, where: str) -> ModuleType:
    """Return a module in the current folder or an installed one; `where` starts the message of an error.

    Raises:
        ModelError: there is no such module, or its code fails.
    """
    folder = str(Path.cwd())
    if not _MODULE.fullmatch(name) or name.endswith(".py"):
        stem = Path(name).stem if _MODULE.fullmatch(Path(name).stem) else "my_layers"
        raise ModelError(f"{where}: must be the name of a module such as {stem}, not a file")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(f"{where}: {name} cannot be imported from {folder}: {error}") from error
    except Exception as error:
        raise failure_of(where, error) from error
    finally:
        sys.path.remove(folder)


def failure_of(where: str, error: Exception) -> ModelError:
    """Return the error for an exception in code of the user, with the line of that code."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [(path, number) for path, number in frames if not _LIBRARIES.intersection(path.parts)]
    line = f" ({own[-1][0].name}, line {own[-1][1]})" if own else ""
    return ModelError(f"{where}: the code fails with a {type(error).__name__}: {reason(error)}{line}")


def build(config: Mapping[str, Any], *, trust: bool = False, custom: CustomObjects | None = None) -> Any:
    """Return the model or layer of an admitted configuration; `config` is not changed.

    Layers that a class of the user makes without a name get the same names at every call.
    """
    state = keras.src.backend.common.global_state
    before = state.get_global_attribute("object_name_uids")
    state.set_global_attribute("object_name_uids", defaultdict(int))
    try:
        return keras.saving.deserialize_keras_object(copy.deepcopy(config), dict(custom or {}), safe_mode=not trust)
    finally:
        state.set_global_attribute("object_name_uids", before)


def module_of(entry: Mapping[str, Any]) -> str:
    """Return the module that an entry names for its class, 'MODULE' if it names none that could be imported."""
    module = entry.get("module")
    package = module.partition(".")[0] if isinstance(module, str) and _MODULE.fullmatch(module) else "__main__"
    if package in (*sys.stdlib_module_names, "__main__", "keras", "tensorflow"):
        return "MODULE"
    return package if package.startswith("keras_") else str(module)
