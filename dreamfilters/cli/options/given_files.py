"""Checks of the files that options name, to be read or to be written, which need no TensorFlow."""

from __future__ import annotations

from pathlib import Path

import typer

from dreamfilters.cli.options.values import existing_file, writable_folder
from dreamfilters.errors import OutputError


def readable_image(parameter: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the path of an image, which can be read."""
    if existing_file(parameter, path) is not None:
        from dreamfilters.images import read_image

        read_image(str(path))
    return path


def readable_labels(parameter: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the path of a CSV file with the class of each image, which can be read."""
    if existing_file(parameter, path) is not None:
        from dreamfilters.images.labels import read_table

        read_table(Path(str(path)))
    return path


def readable_prior(parameter: typer.CallbackParam, path: Path | None) -> Path | None:
    """Return the path of a learned prior, which can be read."""
    if existing_file(parameter, path) is not None:
        from dreamfilters.runs.storage.prior_files import read_prior

        read_prior(str(path))
    return path


def writable_file(path: Path) -> Path:
    """Return the path of a file, which can be written: its folder exists or can be made, and it is no link."""
    from dreamfilters.writing.single_files import check_file

    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give a file in it")
    writable_folder(path.parent)
    if path.parent.is_dir():
        check_file(path)
    return path
