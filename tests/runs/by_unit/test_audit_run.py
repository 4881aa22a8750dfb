"""Stored audits: resumed to the same bytes, and never mixed with the scan of another network."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dreamfilters.errors import ModelError, OutputError, UnknownNameError
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes, read_image
from dreamfilters.networks import load
from dreamfilters.runs.by_unit import audit_run
from dreamfilters.runs.by_unit.audit_run import AuditJob, read_audit, run
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.over_images import scan_run

FORM = {"range": (0, 1)}


def small():
    """Three filters: one for red, one active for green above 0.9, one dead; then a layer of two more."""
    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(3, 1, activation="relu", name="first")
    second = layers.Conv2D(2, 1, activation="relu", name="second")
    model = keras.Model(image, second(first(image)), name="small")
    first.set_weights([np.array([[[[1, 0, -1], [0, 1, 0], [0, 0, 0]]]], "float32"), np.array([0, -0.9, -0.1], "f")])
    second.set_weights([np.array([[[[1, 0], [0, 1], [0, 0]]]], "float32"), np.array([0, -0.02], "f")])
    return model


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with small.keras, and `images` with eleven images of low green and a file that is no image."""
    folder = tmp_path_factory.mktemp("audit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        small().save(folder / "small.keras")
    (folder / "images").mkdir()
    shown = np.random.default_rng(0).integers(0, 200, (11, 8, 8, 3), np.uint8)
    shown[:, 0, 0] = 0
    for number, image in enumerate(shown):
        Image.fromarray(image).save(folder / "images" / f"{number:02}.png")
    (folder / "images" / "bad.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def opened(workspace):
    return load(workspace / "small.keras", form=FORM)


@pytest.fixture(scope="module")
def audit_job(workspace, opened):
    """A function that returns the audit job, with changes."""

    def made(**changes):
        survey = ScanJob(opened, source_of(image_folder(workspace / "images")), default_layers(opened), k=3)
        return AuditJob(**{"network": opened, "spec": str(workspace / "small.keras"), "scan": survey, **changes})

    return made


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(audit_job, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audits") / "whole"
    audited = run(audit_job(), folder)
    assert [name for name, _ in audited.failures] == ["bad.png"]
    return folder


def test_the_files_hold_the_audit(whole):
    found = read_audit(whole)
    kinds = [[finding.verdict.kind for finding in layer.findings] for layer in found.layers]
    assert kinds == [["alive", "dormant", "dead"], ["alive", "dormant"]]
    assert found.images == 11
    names = {name.partition("/")[0] for name in content(whole)}
    assert names == {"index.html", "manifest.json", "audit.csv", "audit.png", "scan", "dreams"}
    rows = list(csv.DictReader(io.StringIO((whole / "audit.csv").read_text("utf-8"))))
    assert [row["verdict"] for row in rows] == [kind for kinds_of in kinds for kind in kinds_of]
    assert [row["proved"] for row in rows] == ["False", "False", "True", "False", "False"]
    assert read_image(whole / "audit.png").shape[1] > 420


def test_a_dormant_unit_responds_to_the_dream_in_its_verdict(whole):
    for layer, finding in read_audit(whole).of("dormant"):
        image = np.asarray(Image.open(whole / finding.dream.image).convert("RGB"), "float32") / 255
        model = small()
        answer = keras.Model(model.input, model.get_layer(layer).output)(image[None])
        assert np.asarray(answer)[..., finding.unit].max() == pytest.approx(finding.dream.score, rel=1e-4)
        assert finding.dream.image in finding.verdict.sentence


def test_a_finished_audit_is_not_repeated(whole, audit_job, monkeypatch):
    before = content(whole)
    monkeypatch.setattr(audit_run, "audit", lambda *_, **__: pytest.fail("it was made again"))
    audited = run(audit_job(), whole)
    assert audited.value == read_audit(whole)
    assert [name for name, _ in audited.failures] == ["bad.png"]
    assert content(whole) == before


def test_the_page_of_a_finished_audit_is_made_again_after_an_update(whole, audit_job, tmp_path, monkeypatch):
    shutil.copytree(whole, tmp_path / "out")
    page = tmp_path / "out" / "index.html"
    with monkeypatch.context() as earlier:
        earlier.setattr(audit_run, "audit_page", lambda *_: b"an earlier page")
        assert run(audit_job(), tmp_path / "out").kept
    assert page.read_bytes() == b"an earlier page"
    assert run(audit_job(), tmp_path / "out").kept
    assert content(tmp_path / "out") == content(whole)


def stop_after(calls):
    seen = []

    def on_progress(progress):
        seen.append(progress.note)
        if len(seen) == calls:
            raise KeyboardInterrupt

    return on_progress


def test_an_interrupted_audit_resumes_to_the_same_bytes(whole, audit_job, tmp_path):
    turns = 0
    while run(audit_job(), tmp_path / "out", progress=stop_after(1 + 20 * turns)).value is None:
        turns += 1
        assert turns < 20
        with pytest.raises(OutputError, match="not finished; run the same command again"):
            read_audit(tmp_path / "out")
    assert turns > 1
    assert content(tmp_path / "out") == content(whole)


KILLED = """
import os, signal, sys
from pathlib import Path
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.images import image_folder
from dreamfilters.networks import load
from dreamfilters.runs.by_unit.audit_run import AuditJob, run
from dreamfilters.writing import open_folder
model, images, out, last = sys.argv[1:]
written = []
def failing(file, content, flush, before=open_folder.write_through):
    written.append(file)
    before(file, content[:len(content) // 2] if len(written) == int(last) else content)
    if len(written) == int(last):
        os.kill(os.getpid(), signal.SIGKILL)
open_folder.write_through = failing
network = load(model, form={"range": (0, 1)})
survey = ScanJob(network, source_of(image_folder(images)), default_layers(network), k=3)
run(AuditJob(network, model, survey), Path(out))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
@pytest.mark.parametrize(("last", "half"), [(9, "dreams/standard/.first-1-"), (14, ".audit.csv.part")])
@pytest.mark.thorough
def test_an_audit_killed_while_writing_a_file_resumes_to_the_same_bytes(
    workspace, whole, audit_job, tmp_path, last, half
):
    arguments = [workspace / "small.keras", workspace / "images", tmp_path / "out", str(last)]
    command = [sys.executable, "-c", KILLED, *arguments]
    process = subprocess.run(command, capture_output=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert [name.startswith(half) for name in content(tmp_path / "out") if name.endswith(".part")] == [True]
    assert run(audit_job(), tmp_path / "out").value is not None
    assert content(tmp_path / "out") == content(whole)


@pytest.mark.parametrize("name", ["audit.csv", "audit.png"])
def test_a_damaged_file_is_repaired(whole, audit_job, tmp_path, name):
    for file, held in content(whole).items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(held)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(OutputError, match="damaged"):
        read_audit(tmp_path)
    run(audit_job(), tmp_path)
    assert content(tmp_path) == content(whole)


def test_a_stored_scan_is_reused_and_one_of_other_weights_refused(workspace, whole, audit_job, opened, tmp_path):
    scan = whole / "scan"
    stored = audit_job(scan=None, scan_folder=scan)
    audited = run(stored, tmp_path / "out", force=True)
    assert audited.value.layers == read_audit(whole).layers
    assert not (tmp_path / "out" / "scan").exists()
    other = small()
    other.get_layer("first").bias.assign([0.0, -0.8, -0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        other.save(tmp_path / "other.keras")
    changed = load(tmp_path / "other.keras", form=FORM)
    with pytest.raises(ModelError, match="made with other weights"):
        run(AuditJob(changed, "other.keras", None, scan), tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    survey = ScanJob(changed, source_of(image_folder(workspace / "images")), default_layers(changed), k=3)
    before = content(scan)
    with pytest.raises(OutputError, match=r"a scan with other settings \(weights\)"):
        run(AuditJob(changed, "other.keras", survey, scan), tmp_path / "refused", force=True)
    assert content(scan) == before
    with pytest.raises(OutputError, match="holds no scan"):
        run(audit_job(scan=None, scan_folder=tmp_path), tmp_path / "refused")


def test_another_audit_is_replaced_only_by_force_and_other_files_never(whole, audit_job, tmp_path):
    run(audit_job(scan=None), tmp_path)
    assert read_audit(tmp_path).images == 0
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds an audit with other settings \(images\); .* or add --force"):
        run(audit_job(), tmp_path)
    run(audit_job(), tmp_path, force=True)
    assert read_audit(tmp_path) == read_audit(whole)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        run(audit_job(), tmp_path / "other", force=True)


def test_an_invalid_argument_is_an_error_before_anything_is_written(audit_job, tmp_path):
    with pytest.raises(UnknownNameError, match="Close names: first"):
        run(audit_job(layers=("frist",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(OutputError, match="holds no audit"):
        read_audit(tmp_path)


def test_a_dream_of_two_channels_is_read_back(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 2)).astype("float32") / 255
    (tmp_path / "planes.png").write_bytes(png_bytes(np.concatenate([image[..., :1], image[..., 1:]], axis=1)))
    assert np.array_equal(DreamEntry(tmp_path / "planes.png", {}).read(2), image)


def test_seed_and_scan_are_settings(audit_job, whole):
    assert audit_job(seed=1).settings != audit_job().settings
    assert audit_job(scan=None, scan_folder=whole / "scan").settings == audit_job().settings
    assert scan_run.read_scan(whole / "scan").fingerprint == audit_job().settings["weights"]
    assert os.sep not in str(audit_job().settings["images"])
