"""The values that the texts of options stand for, and checks of them that need no TensorFlow.

Typer calls the checks while it reads the command line, so that an error does not wait for TensorFlow.
"""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Callable
from pathlib import Path

import typer

from dreamfilters.errors import InputFormError, ModelError, OutputError, RecipeError, TargetError, UsageError
from dreamfilters.image_files import check_images

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
    if text in (None, "signs") or (":" in str(text) and not path.exists()):
        return text  # applications:NAME and module:function are checked when they are opened
    known_file(path)
    return text


def known_models(texts: list[str] | None) -> list[str] | None:
    """Return arguments of `load`, checked as in `known_model`."""
    for text in texts or ():
        known_model(text)
    return texts


def known_file(path: Path) -> Path:
    """Return the path of a model file or a SavedModel folder, which exists."""
    if not (path / "saved_model.pb").is_file():
        _check_file(path)
    return path


def _check_file(path: Path) -> None:
    from dreamfilters.networks.io.file_checks import check_exists

    try:
        check_exists(path)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


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
    """Return the path of an image or of a folder with images."""
    if path is not None:
        check_images(path)
    return path


def existing_file(parameter: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the path of a file that is read; it exists and is no folder."""
    if path is not None and (path.is_dir() or not path.exists()):
        found = "is a folder; give a file" if path.is_dir() else "no such file"
        raise UsageError(f"{_option(parameter)} {path}: {found}".lstrip())
    return path


def known_recipe(name: str | None) -> str | None:
    """Return the name or file of a recipe, which exists and is TOML."""
    from dreamfilters.dreams import builtin_recipes

    if name is not None:
        builtin_recipes.values(name)
    return name


def valid_settings(settings: list[str] | None) -> list[str] | None:
    """Return the texts of `--set`, each a key and a value."""
    for setting in settings or ():
        key, equals, _ = setting.partition("=")
        if not equals or not key.strip():
            raise RecipeError(f"--set {setting}: give KEY=VALUE, for example steps=128 or optimizer.rate=.1")
    return settings


def valid_targets(targets: list[str]) -> list[str]:
    """Return targets without a syntax error; only the network knows whether it has the units."""
    from dreamfilters.dreams.objectives import grammar

    for target in targets:
        grammar.read(target)
    return targets


def valid_target(target: str | None) -> str | None:
    """Return one target without a syntax error, as `valid_targets` does."""
    return None if target is None else valid_targets([target])[0]


def at_least(least: int, most: int | None = None) -> Callable[..., int | None]:
    """Return a check of a number of an option."""

    def checked(parameter: typer.CallbackParam, number: int | None) -> int | None:
        if number is not None and (number < least or (most is not None and number > most)):
            wanted = f"{least} or more" if most is None else f"{least} to {most}"
            raise UsageError(f"{_option(parameter)} {number}: must be {wanted}")
        return number

    return checked


def valid_seed(parameter: typer.CallbackParam, number: int) -> int | None:
    """Return a random seed."""
    from dreamfilters.seeds import MOST_SEED

    return at_least(0, MOST_SEED)(parameter, number)


def above_or_at(least: float) -> Callable[..., float]:
    """Return a check of a number with a fraction, which is finite."""

    def checked(parameter: typer.CallbackParam, number: float) -> float:
        if not least <= number < math.inf:
            raise UsageError(f"{_option(parameter)} {number:g}: must be {least:g} or more")
        return number

    return checked


def share(parameter: typer.CallbackParam, number: float) -> float:
    """Return a number between 0 and 1, both excluded."""
    if not 0 < number < 1:
        raise UsageError(f"{_option(parameter)} {number:g}: must be above 0 and below 1, such as 0.9")
    return number


def one_of(*words: str) -> Callable[..., str]:
    """Return a check of a word."""

    def checked(parameter: typer.CallbackParam, word: str) -> str:
        if word not in words:
            raise UsageError(f"{_option(parameter)} {word}: must be {' or '.join(words)}")
        return word

    return checked


def valid_tries(parameter: typer.CallbackParam, number: int) -> int | None:
    """Return the number of `--tries`."""
    if number == 1:  # the default: nothing has to be imported
        return number
    from dreamfilters.dreams.ascent.tries import MOST_TRIES

    return at_least(1, MOST_TRIES)(parameter, number)


def valid_size(text: str | None) -> str | None:
    """Return a text that `parse_sides` can read."""
    if text is not None:
        parse_sides(text)
    return text


def parse_radius(text: str) -> float:
    """Return the number that `--radius` gives.

    >>> parse_radius("0.05"), parse_radius("51/255")
    (0.05, 0.2)
    """
    top, slash, bottom = text.partition("/")
    try:
        radius = float(top) / (float(bottom) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        radius = math.nan
    if not 0 < radius <= 1:
        raise UsageError(f"--radius {text}: must be above 0 and at most 1, such as 0.03 or 8/255")
    return radius


def valid_radius(text: str) -> str:
    """Return a text that `parse_radius` can read."""
    parse_radius(text)
    return text


def valid_numbers(text: str | None) -> str | None:
    """Return a text that `parse_numbers` can read."""
    if text is not None:
        parse_numbers(text)
    return text


def valid_scale(text: str) -> str:
    """Return a text that `MapScale.read` can read."""
    if text != "unit":  # the default: nothing has to be imported
        from dreamfilters.evidence.maps.map_style import MapScale

        MapScale.read(text)
    return text


def valid_colormap(name: str) -> str:
    """Return the name of a colormap."""
    if name != "gray":  # the default: nothing has to be imported
        from dreamfilters.images.colormaps import colormap

        colormap(name)
    return name


def writable_folder(path: Path | None) -> Path | None:
    """Return the path of an output directory, which exists and can be written, or can be made."""
    if path is None:
        return None
    nearest = next((parent for parent in (path, *path.parents) if parent.exists()), Path())
    if not nearest.is_dir():
        raise OutputError(f"{path}: cannot be written ({_which(nearest, path)} is a file); choose another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        reason = f"{_which(nearest, path)} does not allow it"
        raise OutputError(f"{path}: cannot be written ({reason}); change its permissions, or choose another folder")
    return path


def _which(found: Path, path: Path) -> str:
    return "it" if found == path else str(found)


def _option(parameter: typer.CallbackParam) -> str:
    """Return the name of an option, "" for an argument."""
    return max((name for name in parameter.opts if name.startswith("-")), key=len, default="")
