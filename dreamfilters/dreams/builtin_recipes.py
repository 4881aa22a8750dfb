"""The built-in recipes: TOML files of the package, found by name without importing TensorFlow."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from dreamfilters.errors import RecipeError, UnknownNameError, close_names
from dreamfilters.text_files import parse_toml, read_text

CLASSES, LARGE_CLASSES, OTHERS = "natural", "natural-large", "standard"  # the default recipes
LEARNED = "learned"  # needs a learned prior beside it
_LARGE = 96  # shorter side of the canvas in pixels


def default_name(size: tuple[int, int], *, is_class: bool) -> str:
    """Return the name of the default recipe for a class, or for another unit, on a canvas of (height, width) pixels.

    >>> default_name((48, 48), is_class=True), default_name((224, 224), is_class=True)
    ('natural', 'natural-large')
    """
    if not is_class:
        return OTHERS
    return LARGE_CLASSES if is_large(size) else CLASSES


def is_large(size: tuple[int, int]) -> bool:
    """Return whether a canvas of (height, width) pixels has the recipe, and the tolerance, of large images."""
    return min(size) > _LARGE


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


def complete_names() -> tuple[str, ...]:
    """Return the names of the built-in recipes that need nothing beside them.

    >>> set(names()) - set(complete_names())
    {'learned'}
    """
    return tuple(name for name in names() if name != LEARNED)


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
    if "\0" not in source and not path.exists():
        raise UnknownNameError(f"{source}: no such file; recipes by name: {', '.join(names())}")
    return read_text(path, error=RecipeError), path.stem


def values(source: str) -> tuple[dict[str, Any], str]:
    """Return the settings of a recipe, given by name or file, and its name.

    Raises:
        UnknownNameError: no such recipe or file.
        RecipeError: the file cannot be read, or is not TOML.
    """
    content, name = text(source)
    return parse_toml(content, source, error=RecipeError), name


def description(name: str) -> str:
    """Return the description of a built-in recipe: when to use it."""
    return str(values(name)[0].get("description", ""))
