"""The checks of the paths of model files that are read or written; `parsing` checks the content."""

from __future__ import annotations

from pathlib import Path

from dreamfilters.errors import ModelError, OutputError, close_names
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


def check_converted(out: Path, *, force: bool) -> None:
    """Raise OutputError if a model is not to be converted to this path: its suffix is another one, or it exists."""
    if out.suffix.lower() not in (".keras", ".json"):
        raise OutputError(f"{out}: the name must end in .keras for a network, or in .json for its layers only")
    if out.exists() and not force:
        raise OutputError(f"{out}: exists already; use --force to replace it")


def _models_in(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
