"""The files of a run over images: what a scan, an evaluation and an ablation store, and how they are read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import DamagedError, ImageError, printable
from dreamfilters.images import ImageFolder
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import UnfinishedState

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.sources import ImageSource


class ImagesResult(Protocol):
    """A result over images."""

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of each image that cannot be read."""


State = TypeVar("State")
Value = TypeVar("Value", bound=ImagesResult)
GivenImages = ImageFolder | Sequence[ArrayLike] | NDArray[Any]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class RunFormat(Generic[State, Value]):
    """The files of a command.

    Attributes:
        kind: the command.
        arrays_file: name of the file of the arrays.
        arrays: returns the arrays of a result.
        shown: returns the tables and the page of a result by their names.
        results: returns what the manifest says of a result.
        read: returns the result in a folder, of these images.
        packed: returns a state as it is stored.
        unpacked: returns the state that is stored, which has to fit to the state before any image; else it raises
            ValueError, KeyError or TypeError.
    """

    kind: RunKind
    arrays_file: str
    arrays: Callable[[Value], Mapping[str, NDArray[Any]]]
    shown: Callable[[RunFolder, Value], Mapping[str, bytes]]
    results: Callable[[Value], Mapping[str, Any]]
    read: Callable[[Path, ImageSource], Value]
    packed: Callable[[State], UnfinishedState]
    unpacked: Callable[[UnfinishedState, State], State]

    def finish(self, run: RunFolder, value: Value) -> None:
        """Write the result, and last the manifest, which marks the run as finished."""
        contents = {self.arrays_file: npz_bytes(self.arrays(value)), **self.shown(run, value)}
        files = {name: run.write(name, content) for name, content in contents.items()}
        run.save_manifest(files, self.results(value), value.failures)


def read_result(folder: Path, kind: RunKind, arrays_file: str, result_of: Callable[[Manifest, Arrays], Value]) -> Value:
    """Return the finished result in a folder, which `result_of` makes from the manifest and the arrays.

    Raises:
        OutputError: the folder holds no finished run of this kind.
        DamagedError: its files are damaged, or `result_of` raises a ValueError or KeyError.
    """
    manifest = kind.read_finished(folder)
    if arrays_file not in manifest.files:
        raise DamagedError(f"{folder / MANIFEST}: does not name {arrays_file}")
    arrays = read_npz(folder, arrays_file)
    try:
        return result_of(manifest, arrays)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: is not {kind.noun} of this tool ({cause})") from error


def shown_images(folder: Path, kind: RunKind, images: GivenImages, count: int) -> ImageFolder | ImageArrays:
    """Return the given images of a result over `count` images.

    Raises:
        ImageError: their number is another one.
    """
    if len(images) != count:
        raise ImageError(f"images: {len(images)}, but {printable(str(folder))} is {kind.noun} of {count}")
    return images if isinstance(images, ImageFolder) else ImageArrays(images)
