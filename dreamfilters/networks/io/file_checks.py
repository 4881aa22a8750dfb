"""The check that a path is a file; `parsing` checks the content."""

from __future__ import annotations

from pathlib import Path

from dreamfilters.errors import ModelError, close_names
from dreamfilters.networks.io.parsing.foreign_files import describe_folder, describe_missing

SUFFIXES = (".keras", ".h5", ".hdf5")  # of model files


def check_exists(path: Path) -> None:
    """Raise ModelError, with the model files nearby, if the path is not a file."""
    if path.is_dir():
        known, models = describe_folder(path), _models_in(path)
        if known:
            raise ModelError(known)
        held = f" (it holds {', '.join(models[:3])})" if models else ""
        raise ModelError(f"is a folder{held}; give a file that ends in {', '.join(SUFFIXES)}")
    if path.is_symlink() and not path.exists():
        raise ModelError("is a broken link")
    if not path.exists():
        if not path.parent.is_dir():
            raise ModelError(f"no such file, and no folder {path.parent}")
        known, models = describe_missing(path), _models_in(path.parent)
        if known:
            raise ModelError(known)
        raise ModelError(f"no such file. {close_names(path.name, models) if models else 'The folder has no models'}")


def _models_in(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
