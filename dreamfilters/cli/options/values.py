"""The values that the texts of options stand for, and checks of them that need no TensorFlow.

Typer calls the checks while it reads the command line, so that an error does not wait for TensorFlow.
"""

from __future__ import annotations

import glob
from pathlib import Path

from dreamfilters.errors import ImageError, InputFormError, ModelError, OutputError, TargetError

_LARGEST_UNIT = 10**6


def layer_names(given: list[str] | None) -> tuple[str, ...] | None:
    """Return the names in all uses of `--layers`, None without one.

    >>> layer_names(["conv1, conv2", "dense"])
    ('conv1', 'conv2', 'dense')
    """
    names = (name.strip() for part in given or () for name in part.split(","))
    return tuple(dict.fromkeys(filter(None, names))) or None


def parse_sides(text: str, option: str = "--size") -> tuple[int, ...]:
    """Return the sides that an option gives.

    >>> parse_sides("96"), parse_sides("64x96")
    ((96,), (64, 96))
    """
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise InputFormError(f"{option} {text}: must be a side in pixels such as 96, or HEIGHTxWIDTH such as 64x96")
    return tuple(map(int, sides))


def parse_size(text: str | None, option: str = "--size") -> tuple[int, int] | None:
    """Return the (height, width) that an option gives, None without it.

    >>> parse_size("96"), parse_size("64x96")
    ((96, 96), (64, 96))
    """
    if text is None:
        return None
    sides = parse_sides(text, option)
    return sides[0], sides[-1]


def parse_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that `--units` gives.

    >>> parse_numbers("0-3,42")
    (0, 1, 2, 3, 42)
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        ends = (first, last if dash else first)
        if not all(end.isdecimal() for end in ends) or int(ends[0]) > int(ends[1]) or int(ends[1]) > _LARGEST_UNIT:
            raise TargetError(f"--units {text}: must be numbers and ranges such as 0-15,42")
        found += range(int(ends[0]), int(ends[1]) + 1)
    return tuple(dict.fromkeys(found))


def known_model(text: str | None) -> str | None:
    """Return the argument of `load`, checked if it is a file."""
    path = Path(text or "signs")
    if text in (None, "signs") or path.is_dir() or (":" in str(text) and not path.exists()):
        return text  # SavedModel folders, applications:NAME and module:function are checked when they are opened
    from dreamfilters.networks.io.file_checks import check_exists

    try:
        check_exists(path)
    except ModelError as error:
        raise ModelError(f"{text}: {error}") from None
    return text


def models(incomplete: str) -> list[str]:
    """Return what completes a MODEL: the built-in network, model files and folders."""
    from dreamfilters.networks.io.file_checks import SUFFIXES

    parent, _, start = incomplete.rpartition("/")
    folder = Path(f"{parent}/" if parent or incomplete.startswith("/") else ".")
    paths = sorted(folder.glob(f"{glob.escape(start)}*")) if folder.is_dir() else []
    files = [path.as_posix() for path in paths if path.is_file() and path.suffix.lower() in SUFFIXES]
    folders = [f"{path.as_posix()}/" for path in paths if path.is_dir()]
    return [*(["signs"] if "signs".startswith(incomplete) else []), *files, *folders]


def recipe_names(incomplete: str) -> list[str]:
    """Return the names of recipes that begin with a text."""
    from dreamfilters.dreams import builtin_recipes

    return [name for name in builtin_recipes.names() if name.startswith(incomplete)]


def existing_images(path: Path | None) -> Path | None:
    """Return the path of an image or a folder of images, which exists."""
    if path is not None and not path.exists():
        raise ImageError(f"{path}: no such file or folder")
    return path


def known_recipe(name: str | None) -> str | None:
    """Return the name or file of a recipe, which exists."""
    from dreamfilters.dreams import builtin_recipes

    if name is not None:
        builtin_recipes.text(name)
    return name


def valid_size(text: str | None) -> str | None:
    """Return a text that `parse_sides` can read."""
    if text is not None:
        parse_sides(text)
    return text


def valid_numbers(text: str | None) -> str | None:
    """Return a text that `parse_numbers` can read."""
    if text is not None:
        parse_numbers(text)
    return text


def writable_folder(path: Path | None) -> Path | None:
    """Return the path of an output directory, which is not a file."""
    if path is not None and path.exists() and not path.is_dir():
        raise OutputError(f"{path}: cannot be written (it is a file); choose another folder")
    return path
