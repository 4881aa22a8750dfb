"""The built-in recipes: TOML files of the package, found by name without importing TensorFlow."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from dreamfilters.errors import RecipeError, UnknownNameError, close_names

CLASSES, OTHERS = "natural", "standard"  # the default recipes


@cache
def folder() -> Path:
    """Return the folder of the recipes: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def names() -> tuple[str, ...]:
    """Return the names of the built-in recipes.

    >>> names()[:2]
    ('deepdream', 'fast')
    """
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def text(source: str) -> tuple[str, str]:
    """Return the TOML text of a recipe, given by name or file, and its name.

    Raises:
        UnknownNameError: no such recipe or file.
        RecipeError: the file cannot be read.
    """
    if source in names():
        return (folder() / f"{source}.toml").read_text("utf-8"), source
    path = Path(source)
    if path.suffix != ".toml":
        raise UnknownNameError(f"{source}: no such recipe, and not a .toml file. {close_names(source, names())}")
    try:
        return path.read_text("utf-8"), path.stem
    except FileNotFoundError:
        raise UnknownNameError(f"{source}: no such file; recipes by name: {', '.join(names())}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{source}: cannot be read: {error}") from None


def values(source: str) -> tuple[dict[str, Any], str]:
    """Return the settings of a recipe, given by name or file, and its name.

    Raises:
        UnknownNameError: no such recipe or file.
        RecipeError: the file cannot be read, or is not TOML.
    """
    content, name = text(source)
    try:
        return tomllib.loads(content), name
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{source}: not TOML: {error}") from None


def description(name: str) -> str:
    """Return the description of a built-in recipe: when to use it."""
    return str(values(name)[0].get("description", ""))
