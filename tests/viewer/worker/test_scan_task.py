import time
from dataclasses import replace

import pytest

from dreamfilters.errors import ImageError, OutputError
from dreamfilters.images import image_folder
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.verdict import ScanEvidence, Verdict
from dreamfilters.viewer.worker import scan_task
from dreamfilters.viewer.worker.network_description import described
from dreamfilters.viewer.worker.scan_task import beside, surveyed
from tests.viewer.visiting import png


def test_the_images_are_looked_at_slice_by_slice_and_judged_in_the_end(network, tmp_path, scene, monkeypatch):
    monkeypatch.setattr(scan_task, "_BATCH", 2)
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(png(scene(seed=number)))
    told = []
    slices = surveyed(
        network, described(network), image_folder(tmp_path), lambda topic, value: told.append((topic, value))
    )
    assert sum(1 for _ in slices) >= 3  # 2 + 2 + 1 images
    assert [value["done"] for topic, value in told if topic == "progress"] == [2, 4, 5, 5, 5]
    assert [topic for topic, _ in told if topic != "progress"] == ["evidence", "verdicts"]
    scan, verdicts = (value for topic, value in told if topic != "progress")
    assert scan.layer("conv1").counted.tolist() == [5] * 8
    kinds = [each.verdict.kind for each in next(iter(verdicts.values()))]
    assert len(kinds) == 8
    assert "alive" in kinds
    assert told[-1][1]["phase"] == "ready"


def test_a_stored_audit_has_the_last_word_on_the_verdicts(network, tmp_path, scene, monkeypatch):
    dormant = Finding(0, Verdict("dormant", "a dream reaches 3"), ScanEvidence(5, 0.0, 0.0))
    known = Audit(
        "tiny", network.fingerprint, 5, (16, 16), ("standard",), 0, (LayerAudit("conv1", "Conv2D", "relu", (dormant,)),)
    )
    monkeypatch.setattr(scan_task, "read_audit", lambda folder: known)
    (tmp_path / "one.png").write_bytes(png(scene()))
    told = {}
    list(surveyed(network, described(network), image_folder(tmp_path), told.__setitem__, "audit"))
    ((judged,),) = told["verdicts"].values()
    assert judged.verdict == dormant.verdict
    known = replace(known, fingerprint="another")
    with pytest.raises(OutputError, match="audit: holds an audit of tiny with other weights"):
        list(surveyed(network, described(network), image_folder(tmp_path), told.__setitem__, "audit"))


def test_a_folder_without_a_readable_image_is_an_error_of_one_line(network, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match="none of its 1 images can be read"):
        list(surveyed(network, described(network), image_folder(tmp_path), lambda *_: None))


def test_what_cannot_be_cut_lets_others_in_while_it_lasts():
    came = []

    def whole():
        came.append((yield from beside(lambda: time.sleep(0.3) or "done")))

    assert sum(1 for _ in whole()) >= 3
    assert came == ["done"]


def test_what_fails_beside_fails_for_who_waits():
    with pytest.raises(ZeroDivisionError):
        list(beside(lambda: 1 // 0))
