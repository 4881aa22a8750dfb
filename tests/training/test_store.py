"""Stored trainings: read again, readable after a kill, refused where they are damaged or something else."""

import shutil

import numpy as np
import pytest

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.training.store import KIND, TrainingStore, read_training


@pytest.fixture
def copy(faulty, tmp_path):
    """A copy of the run folder."""
    return shutil.copytree(faulty[0], tmp_path / "copy")


def test_a_file_that_was_written_without_its_manifest_changes_nothing(faulty, copy):
    (copy / "looks" / "00007.npz").write_bytes(b"half of a look")  # a kill between the two
    assert len(read_training(copy).looks) == len(faulty[1].looks)
    manifest = KIND.read(copy)
    store = TrainingStore(copy, manifest.settings, manifest.model, summaries=True)
    training = read_training(copy)
    again = store.begin(training, epoch=6, force=False)
    assert len(again.looks) == len(faulty[1].looks)
    fresh = store.begin(training, epoch=0, force=True)  # replaces everything it wrote
    assert sorted(path.name for path in copy.iterdir()) == [MANIFEST]
    assert fresh is training


def test_other_folders_and_damaged_files_are_one_line(copy, tmp_path):
    with pytest.raises(OutputError, match="holds no training; make one with TrainingMonitor"):
        read_training(tmp_path)
    with pytest.raises(OutputError, match="holds no training"):
        read_training(copy / "looks")
    (copy / "looks" / "00002.npz").write_bytes(b"")
    with pytest.raises(DamagedError, match=r"00002\.npz: is damaged"):
        read_training(copy)


FORGED = {
    "names": ["one"], "truth": [7] * 45, "targets": [], "layers": [], "weighted": ["conv1"], "classes": [1],
    "looks": [{"epoch": 0}],
}  # fmt: skip


@pytest.mark.parametrize("key", FORGED)
def test_a_forged_manifest_is_one_line(copy, key):
    manifest = Manifest.read(copy)
    values = {**manifest.results, key: FORGED[key]}
    (copy / MANIFEST).write_bytes(
        Manifest("training", manifest.settings, manifest.model, manifest.files, values).to_json()
    )
    with pytest.raises(DamagedError):
        read_training(copy)


@pytest.mark.parametrize("name", ["responses", "verdicts", "predicted", "dreams", "scores", "statistics/mean"])
def test_forged_arrays_are_one_line(copy, name):
    arrays = read_npz(copy, "looks/00001.npz")
    arrays[name] = arrays[name][:1] if name != "predicted" else np.full_like(arrays[name], 99)
    content = npz_bytes(arrays)
    (copy / "looks" / "00001.npz").write_bytes(content)
    manifest = Manifest.read(copy)
    values = {
        "dreamfilters": manifest.version, "command": "training", "settings": manifest.settings,
        "model": manifest.model, "files": {**manifest.files, "looks/00001.npz": sha256(content)},
        "results": manifest.results, "failures": [],
    }  # fmt: skip
    (copy / MANIFEST).write_text(with_checksum(as_json(values)))
    with pytest.raises(DamagedError):
        read_training(copy)
