from dataclasses import replace
from pathlib import Path

import pytest

from dreamfilters.errors import ImageError, OutputError
from dreamfilters.images import image_folder
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.verdict import ScanEvidence, Verdict
from dreamfilters.viewer.messages import ScanRequest
from dreamfilters.viewer.worker import scan_task
from dreamfilters.viewer.worker.scan_task import run_scan
from dreamfilters.viewer.worker.session import ModelSession
from tests.viewer.http_client import png


def request_of(folder, audit=None):
    images = image_folder(folder)
    return ScanRequest(tuple(f"id of {name}" for name in images.names), images, audit)


def test_a_scan_runs_batch_by_batch_and_ends_with_verdicts(network, tmp_path, scene):
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(png(scene(seed=number)))
    events = []
    steps = run_scan(
        ModelSession(network), request_of(tmp_path),
        lambda topic, value: events.append((topic, value)), batch=2,
    )  # fmt: skip
    assert sum(1 for _ in steps) >= 3  # 2 + 2 + 1 images
    assert [value["done"] for topic, value in events if topic == "progress"] == [2, 4, 5, 5, 5]
    assert [topic for topic, _ in events if topic != "progress"] == ["evidence", "verdicts"]
    evidence, verdicts = (value for topic, value in events if topic != "progress")
    assert evidence.scan.layer("conv1").counted.tolist() == [5] * 8
    strongest = evidence.scan.unit("conv1", 0).strongest["max"][0]
    assert evidence.image_ids[strongest.index] == f"id of {strongest.name}"
    kinds = [each.verdict.kind for each in next(iter(verdicts.values()))]
    assert len(kinds) == 8
    assert "alive" in kinds
    assert events[-1][1]["phase"] == "ready"


def test_the_verdicts_of_a_stored_audit_replace_those_of_the_scan(network, tmp_path, scene, monkeypatch):
    dormant = Finding(0, Verdict("dormant", "a dream reaches 3"), ScanEvidence(5, 0.0, 0.0))
    stored = Audit(
        "tiny", network.fingerprint, 5, (16, 16), "standard", 0, (LayerAudit("conv1", "Conv2D", "relu", (dormant,)),)
    )
    monkeypatch.setattr(scan_task, "read_audit", lambda folder: stored)
    (tmp_path / "one.png").write_bytes(png(scene()))
    events = {}
    list(run_scan(ModelSession(network), request_of(tmp_path, Path("audit")), events.__setitem__))
    ((basis,),) = events["verdicts"].values()
    assert basis.verdict == dormant.verdict
    stored = replace(stored, fingerprint="another")
    with pytest.raises(OutputError, match="audit: holds an audit of tiny with other weights"):
        list(run_scan(ModelSession(network), request_of(tmp_path, Path("audit")), events.__setitem__))


def test_a_folder_without_a_readable_image_is_an_error_of_one_line(network, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match="none of its 1 images can be read"):
        list(run_scan(ModelSession(network), request_of(tmp_path), lambda *_: None))
