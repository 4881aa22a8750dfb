"""Stored scans: resumed to the same bytes, and never mixed with other scans."""

import dataclasses
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ImageError, OutputError
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.scan_job import ScanJob, scan
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.networks import load
from dreamfilters.runs.over_images.scan_run import read_scan, run, stored_scan
from dreamfilters.runs.storage.manifest import Manifest

FILES = ["index.html", "manifest.json", "scan.npz", "units.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty small images in two folders, two of which cannot be read."""
    images = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(40):
        (images / str(number % 2)).mkdir(exist_ok=True)
        path = images / str(number % 2) / f"{number:02}.png"
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    (images / "0" / "06.png").write_bytes(b"")
    (images / "1" / "31.png").write_bytes(b"no image")
    return images


@pytest.fixture
def job(network, folder):
    return ScanJob(network, source_of(image_folder(folder)), default_layers(network), k=4, batch=5)


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_stored_scan_equals_the_scan(job, network, folder, tmp_path):
    stored = run(stored_scan(job), tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == FILES
    once = scan(network, image_folder(folder), k=4)
    for found in (stored.value, read_scan(tmp_path / "out")):
        for key in (field.name for field in dataclasses.fields(once)):
            if key not in ("arrays", "predicted", "counts", "truth", "images"):
                assert getattr(found, key) == getattr(once, key), key
        assert all(np.array_equal(found.arrays[name], once.arrays[name]) for name in once.arrays)
        assert np.array_equal(found.predicted, once.predicted)
        assert np.array_equal(found.counts, once.counts)
    np.testing.assert_array_equal(stored.value.images.tried(0), once.images.tried(0))
    assert [name for name, _ in stored.value.failures] == ["0/06.png", "1/31.png"]
    assert stored.value.unit("conv1", 3).strongest["max"] == once.unit("conv1", 3).strongest["max"]


def test_a_scan_interrupted_after_every_batch_has_the_same_bytes(job, tmp_path):
    run(stored_scan(job), tmp_path / "whole")

    def stop(*_):
        raise KeyboardInterrupt

    for turn in range(50):
        stored = run(stored_scan(job, save_every=0), tmp_path / "out", progress=stop if turn < 20 else None)
        if stored.value is not None:
            break
        assert stored.done <= 40
    assert turn > 5
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_scan_interrupted_within_a_batch_counts_no_image_twice(job, tmp_path, monkeypatch):
    run(stored_scan(job), tmp_path / "whole")
    add, calls = Accumulators.add, []

    def stopped(self, *arguments):
        add(self, *arguments)
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt  # counted, but not yet recorded in the state

    monkeypatch.setattr(Accumulators, "add", stopped)
    assert run(stored_scan(job, save_every=0), tmp_path / "out").value is None
    assert run(stored_scan(job), tmp_path / "out").value is not None
    assert content(tmp_path / "out") == content(tmp_path / "whole")


KILLED = """
import sys, time
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.networks import load
from dreamfilters.runs.over_images.scan_run import stored_scan, run
from pathlib import Path
network = load(sys.argv[1], form={"range": (0, 1)})
job = ScanJob(network, source_of(image_folder(sys.argv[2])), default_layers(network), k=4, batch=3)
job.start()
print("ready", flush=True)
run(stored_scan(job, save_every=0), Path(sys.argv[3]), progress=lambda *_: time.sleep(0.03))
print("done", flush=True)
"""


@pytest.mark.thorough
@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bytes(tiny, folder, tmp_path):
    tiny.save(tmp_path / "tiny.keras")
    chance = random.Random(1)

    def started(out):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "tiny.keras"), str(folder), str(out)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout.readline() == "ready\n"
        return process

    for _ in range(2):
        process = started(tmp_path / "out")
        time.sleep(chance.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert started(tmp_path / "out").communicate()[0] == "done\n"
    network = load(tmp_path / "tiny.keras", form={"range": (0, 1)})
    job = ScanJob(network, source_of(image_folder(folder)), default_layers(network), k=4)
    run(stored_scan(job), tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert sorted(content(tmp_path / "out")) == FILES


def test_a_finished_scan_is_not_repeated(job, tmp_path):
    run(stored_scan(job), tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out" / "unfinished.npz").write_bytes(b"left by a kill after the last file")
    again = run(stored_scan(job), tmp_path / "out", progress=lambda *_: pytest.fail("an image was scanned again"))
    assert again.kept
    assert again.value is not None
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["scan.npz", "units.csv"])
def test_a_damaged_scan_is_reported_and_repaired(job, tmp_path, name):
    run(stored_scan(job), tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out" / name).write_bytes(before[name][:-7])
    with pytest.raises(OutputError, match="damaged"):
        read_scan(tmp_path / "out")
    run(stored_scan(job), tmp_path / "out")
    assert content(tmp_path / "out") == before


def test_a_truncated_state_is_ignored(job, tmp_path):
    run(stored_scan(job), tmp_path / "whole")
    (tmp_path / "out").mkdir()
    begun = replace(Manifest.read(tmp_path / "whole"), files={})
    (tmp_path / "out" / "manifest.json").write_bytes(begun.to_json())
    (tmp_path / "out" / "unfinished.npz").write_bytes(b"PK\x03\x04 half of it")
    run(stored_scan(job), tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_scan_of_other_settings_is_refused(job, make_tiny, fill, network_of, folder, tmp_path):
    out = tmp_path / "out"
    run(stored_scan(job), out)
    before = content(out)
    weights = dataclasses.replace(job, network=network_of(fill(make_tiny(), 5)))
    with pytest.raises(OutputError, match=r"holds a scan with other settings \(weights, labels\)"):
        run(stored_scan(weights), out)
    with pytest.raises(OutputError, match=r"holds a scan with other settings \(top\);"):
        run(stored_scan(dataclasses.replace(job, k=3)), out)
    with pytest.raises(OutputError, match=r"other settings \(layers\)"):
        run(stored_scan(dataclasses.replace(job, layers=("conv1",))), out)
    with pytest.raises(OutputError, match=r"other settings \(images"):
        run(stored_scan(dataclasses.replace(job, source=source_of(image_folder(folder / "0")))), out)
    assert content(out) == before
    assert run(stored_scan(dataclasses.replace(job, k=3)), out, force=True).value.k == 3


def test_other_files_are_never_touched(job, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(OutputError, match=r"holds other files \(mine.txt\)"):
            run(stored_scan(job), tmp_path, force=force)
    assert content(tmp_path) == {"mine.txt": b"mine"}


def test_a_manifest_of_another_tool_is_no_scan(job, tmp_path):
    (tmp_path / "manifest.json").write_text('{"settings": 3}')
    with pytest.raises(OutputError, match="other files"):
        run(stored_scan(job), tmp_path, force=True)
    with pytest.raises(OutputError, match="holds no scan"):
        read_scan(tmp_path)


def test_without_a_readable_image_nothing_is_left(network, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"no image")
    job = ScanJob(network, source_of(image_folder(tmp_path / "in")), ("conv1",), k=1)
    with pytest.raises(ImageError, match="none of its 1 images can be read"):
        run(stored_scan(job), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unfinished_scan_cannot_be_read(job, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    run(stored_scan(job), tmp_path / "out", progress=stop)
    with pytest.raises(OutputError, match="not finished"):
        read_scan(tmp_path / "out")


def test_the_table_holds_every_unit(job, tmp_path):
    found = run(stored_scan(job), tmp_path / "out").value
    lines = (tmp_path / "out" / "units.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + sum(layer.units for layer in found.layers.values())
    cells = dict(zip(lines[0].split(","), lines[4].split(","), strict=True))
    unit = found.unit("conv1", 3)
    assert (cells["layer"], cells["unit"]) == ("conv1", "3")
    assert float(cells["maximum"]) == unit.maximum
    assert cells["max_strongest"] == unit.strongest["max"][0].name
    assert float(cells["mean_q50"]) == unit.histogram["mean"].quantile(0.5)


def test_the_page_of_a_finished_scan_is_made_again_after_an_update(job, tmp_path, monkeypatch):
    run(stored_scan(job), tmp_path / "new")
    with monkeypatch.context() as earlier:
        earlier.setattr("dreamfilters.report.pages.scan_page.scan_page", lambda scan, listed: b"an earlier page")
        run(stored_scan(job), tmp_path / "out")
    assert content(tmp_path / "out")["index.html"] == b"an earlier page"
    monkeypatch.setattr(ScanJob, "advance", lambda *_: pytest.fail("scanned again"))
    assert run(stored_scan(job), tmp_path / "out").kept
    assert content(tmp_path / "out") == content(tmp_path / "new")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    run(stored_scan(job), tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_the_weights_are_hashed_once_for_settings_and_manifest(job, monkeypatch):
    hashed = []
    monkeypatch.setattr("dreamfilters.networks.network.fingerprint_of", lambda graph: hashed.append(graph) or "abc")
    stored = stored_scan(job)
    assert (stored.settings["weights"], stored.model["fingerprint"]) == ("abc", "abc")
    assert len(hashed) == 1


def test_a_scan_of_before_layers_were_left_out_is_read(job, tmp_path):
    stored = run(stored_scan(dataclasses.replace(job, layers=("conv1",))), tmp_path / "out")
    kept = Manifest.read(tmp_path / "out")
    results = {key: value for key, value in kept.results.items() if key != "shown_by"}
    (tmp_path / "out" / "manifest.json").write_bytes(dataclasses.replace(kept, results=results).to_json())
    found = read_scan(tmp_path / "out")
    assert (found.shown_by, found.left_out) == ({}, "")
    assert np.array_equal(found.layer("conv1").mean, stored.value.layer("conv1").mean)
