"""Download of the German Traffic Sign Recognition Benchmark from its public archive into class folders of PNG files.

J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel: "Man vs. computer: Benchmarking machine learning algorithms for
traffic sign recognition", Neural Networks 32, 2012, https://doi.org/10.1016/j.neunet.2012.02.016. The archive is hosted
by ERDA, University of Copenhagen.
"""

import csv
import io
import json
import re
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from dreamfilters.errors import DownloadError
from dreamfilters.progress import OnProgress
from dreamfilters.signs.gtsrb.download import download
from dreamfilters.signs.gtsrb.unpack import open_archive, unpack, unpacked
from dreamfilters.writing.claimed_folder import claimed
from dreamfilters.writing.open_folder import OpenFolder, write_error

ARCHIVE = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
CITATION = 'Stallkamp et al., "Man vs. computer", Neural Networks 32, 2012'
CLASSES = 43


@dataclass(frozen=True)
class ArchiveFiles:
    """The files of the archive that are downloaded, each with its name and md5."""

    training: tuple[str, str]
    test: tuple[str, str]
    labels: tuple[str, str]

    def checksums(self) -> dict[str, str]:
        """Return the md5 of each file by name."""
        return dict(astuple(self))


# The checksums are those of torchvision.datasets.GTSRB. Its training file holds the 26,640 images of the
# benchmark's first stage (IJCNN 2011); the test file holds all 12,630 of the final one.
FIRST_STAGE = ArchiveFiles(
    training=("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478"),
    test=("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
    labels=("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
)
# All 39,209 training images of the final stage; several public loaders use this checksum.
FILES = replace(FIRST_STAGE, training=("GTSRB_Final_Training_Images.zip", "f33fd80ac59bff73c82d25ab499e03a3"))

_TRAINING = re.compile(r"GTSRB/(?:Training|Final_Training/Images)/(\d{5})/(\d{5})_(\d{5})\.ppm", re.ASCII)
_TEST = re.compile(r"GTSRB/Final_Test/Images/(\d{5})\.ppm", re.ASCII)
_LABELS = "GT-final_test.csv"


def fetch(
    folder: str | Path, *, base: str = ARCHIVE, files: ArchiveFiles = FILES, progress: OnProgress | None = None
) -> Path:
    """Download the benchmark and return its folder: `train/00` to `train/42`, `test/00` to `test/42` and `gtsrb.json`.

    Each image is a PNG with the original pixels. `00_00003_00017.png` is class 0, track 3, frame 17. The frames of one
    track show one physical sign, so split by track, never by image. Test images have no tracks; `00_00243.png` is
    class 0, number 243. `gtsrb.json` counts the images of each class.

    An interrupted download is resumed, and a complete one is not repeated. Archive files already in the folder are used
    if their md5 matches. They are not deleted.

    Args:
        folder: created if it is missing.
        base: address of the archive.
        files: `FILES`, or `FIRST_STAGE` for its 26,640 training images.
        progress: called for every chunk of bytes and every image.

    Raises:
        DownloadError: a file cannot be downloaded, does not match its md5 or is damaged.
        OutputError: the folder cannot be written.

    >>> fetch("gtsrb")  # doctest: +SKIP
    PosixPath('gtsrb')
    """
    folder = Path(folder)
    try:
        if _is_finished(folder, files):
            return folder
    except OSError as error:
        raise write_error(folder, error) from error
    with claimed(folder) as opened:
        _mark(opened, files)
        for name, md5 in files.checksums().items():
            download(base.rstrip("/") + "/" + name, folder / name, md5=md5, progress=progress)
        unpack(folder / files.training[0], opened, _training_place, progress)
        labels = _labels(folder / files.labels[0])
        unpack(folder / files.test[0], opened, lambda name: _test_place(name, labels), progress)
        _check_complete(folder, files, len(labels))
        _write_record(opened, files, _counted(folder))
    return folder


def _is_finished(folder: Path, files: ArchiveFiles) -> bool:
    """Return whether this download was completed and at least as many images of each class are still present."""
    record = _record(folder)
    if record.get("files") != files.checksums() or not record.get("images"):
        return False
    there = _counted(folder)
    return all(
        there[part][number] >= count for part, counts in record["images"].items() for number, count in counts.items()
    )


def _mark(opened: OpenFolder, files: ArchiveFiles) -> None:
    """Write a record without counts, by which a later run recognizes its own folders."""
    folder = opened.path
    taken = _record(folder).get("files")
    if taken not in (None, files.checksums()):
        raise DownloadError(f"{folder}: holds images of other files ({', '.join(taken)}); choose another folder")
    if taken is None and any((folder / part).exists() for part in ("train", "test")):
        raise DownloadError(
            f"{folder}: contains a folder train or test that this download did not create; choose another folder"
        )
    _write_record(opened, files, None)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "gtsrb.json"
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError:
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("files"), dict):
        raise DownloadError(f"{path}: is not the record of a download; choose another folder")
    return record


def _write_record(opened: OpenFolder, files: ArchiveFiles, images: dict[str, dict[str, int]] | None) -> None:
    record = {"source": CITATION, "files": files.checksums(), "images": images}
    opened.write("gtsrb.json", json.dumps(record, indent=1).encode())


def _counted(folder: Path) -> dict[str, dict[str, int]]:
    """Return the number of images of each class: {"train": {"00": 150, ...}, "test": {...}}."""
    return {
        part: {
            f"{number:02}": sum(1 for _ in (folder / part / f"{number:02}").glob("*.png")) for number in range(CLASSES)
        }
        for part in ("train", "test")
    }


def _check_complete(folder: Path, files: ArchiveFiles, labeled: int) -> None:
    counts = _counted(folder)
    for part, (name, _) in (("train", files.training), ("test", files.test)):
        missing = [number for number, count in counts[part].items() if count == 0]
        if missing:
            raise DownloadError(f"{name}: has no image of class {', '.join(missing)}; delete it and run again")
    if (count := sum(counts["test"].values())) < labeled:
        raise DownloadError(f"{files.test[0]}: has {count} images, {files.labels[0]} labels {labeled}; delete both")


def _training_place(name: str) -> Path | None:
    found = _TRAINING.fullmatch(name)
    return _place("train", int(found[1]), f"{found[2]}_{found[3]}") if found else None


def _test_place(name: str, labels: dict[str, int]) -> Path | None:
    found = _TEST.fullmatch(name)
    if found and found[1] not in labels:
        raise DownloadError(f"{name}: no class is given for this test image; delete the archive files and run again")
    return _place("test", labels[found[1]], found[1]) if found else None


def _place(part: str, number: int, rest: str) -> Path:
    if number >= CLASSES:
        raise DownloadError(f"class {number} of image {rest}: the benchmark has classes 0 to {CLASSES - 1}")
    return Path(part, f"{number:02}", f"{number:02}_{rest}.png")


def _labels(archive: Path) -> dict[str, int]:
    """Return the class of each test image by its five digits, from the table Filename;Width;...;ClassId."""
    with open_archive(archive) as zipped:
        table = unpacked(zipped, zipped.getinfo(_LABELS)) if _LABELS in zipped.namelist() else b""
    try:
        rows = csv.DictReader(io.StringIO(table.decode("utf-8-sig")), delimiter=";")
        labels = {row["Filename"].removesuffix(".ppm"): int(row["ClassId"]) for row in rows}
    except (KeyError, ValueError, TypeError, AttributeError, csv.Error):
        labels = {}
    if not labels:
        raise DownloadError(
            f"{archive.name}: does not contain the table {_LABELS} with Filename and ClassId; delete it and run again"
        )
    return labels
