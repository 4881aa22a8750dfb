"""Stored evaluations: resumed to the same bytes, never mixed with others, and forged ones are one line."""

import random

import numpy as np
import pytest

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.runs.over_images.evaluation_run import class_targets, read_evaluation, run, stored_evaluation
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from tests.test_damaged_runs import damage, one_line

FILES = ["classes.csv", "evaluation.npz", "images.csv", "index.html", "manifest.json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty images in two folders, two of which cannot be read."""
    path = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(40):
        label = path / str(number % 2)
        label.mkdir(exist_ok=True)
        (label / f"{number:02}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (path / "0" / "06.png").write_bytes(b"")
    (path / "1" / "39.png").write_bytes(b"no image")
    return path


@pytest.fixture(scope="module")
def job(network, folder):
    source = source_of(image_folder(folder))
    return stored_evaluation(EvaluationJob(network, source, batch=5), "conv2", 2, "net.keras", save_every=0)


@pytest.fixture(scope="module")
def whole(job, tmp_path_factory):
    """The folder of a finished run."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    run(job, path)
    return path


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def copied(whole, folder):
    folder.mkdir()
    for name, data in content(whole).items():
        (folder / name).write_bytes(data)
    return folder


def test_a_stored_evaluation_is_that_of_the_network(job, whole):
    found = read_evaluation(whole)
    assert sorted(content(whole)) == FILES
    assert (found.count, found.network, found.classes) == (38, "tiny", job.job.labels.classes)
    assert [name for name, _ in found.failures] == ["0/06.png", "1/39.png"]
    state = job.job.start()
    for _ in job.job.advance(state):
        pass
    fresh = job.job.result(state)
    assert found.logits.tobytes() == fresh.logits.tobytes()
    assert found.describe() == fresh.describe()
    assert found.separations
    assert found.remark == "the labels are read as the numbers of the classes"


@pytest.mark.parametrize(("stop", "rest"), [(1, [10, 15, 20, 25, 30, 35, 40]), (31, [40]), (38, [])])
def test_a_stopped_run_resumes_to_the_same_bytes(job, whole, tmp_path, stop, rest):
    def interrupt(now):
        if now.done >= stop:
            raise KeyboardInterrupt

    first = run(job, tmp_path / "out", progress=interrupt)
    assert first.stopped
    assert first.value is None
    with pytest.raises(OutputError, match="not finished"):
        read_evaluation(tmp_path / "out")
    seen = []
    second = run(job, tmp_path / "out", progress=lambda now: seen.append(now.done))
    assert seen == rest
    assert content(tmp_path / "out") == content(whole)
    assert second.failures == read_evaluation(whole).failures


def test_a_finished_run_is_kept_and_its_page_made_again(job, whole, tmp_path, monkeypatch):
    out = copied(whole, tmp_path / "out")
    monkeypatch.setattr(EvaluationJob, "advance", lambda *_: pytest.fail("predicted again"))
    assert run(job, out).kept
    assert content(out) == content(whole)
    page = "dreamfilters.report.pages.evaluation.evaluation_page.evaluation_page"
    with monkeypatch.context() as earlier:
        earlier.setattr(page, lambda *_, **__: b"another page")
        run(job, out)
        assert content(out)["index.html"] == b"another page"
    run(job, out)
    assert content(out) == content(whole)


def test_a_run_with_other_settings_is_refused(job, whole, tmp_path):
    out = copied(whole, tmp_path / "out")
    for layer, pairs, name in (("conv2", 1, "pairs"), ("conv1", 2, "layer")):
        with pytest.raises(OutputError, match=rf"holds an evaluation with other settings \({name}\)"):
            run(stored_evaluation(job.job, layer, pairs), out)
    assert content(out) == content(whole)
    assert len(run(stored_evaluation(job.job, "conv2", 0), out, force=True).value.separations) == 0


def test_a_damaged_state_is_ignored(job, whole, tmp_path):
    def interrupt(now):
        raise KeyboardInterrupt

    run(job, tmp_path / "out", progress=interrupt)
    (tmp_path / "out" / "unfinished.npz").write_bytes(b"PK\x03\x04 half of it")
    run(job, tmp_path / "out")
    assert content(tmp_path / "out") == content(whole)


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_repaired_or_refused(job, whole, tmp_path, seed):
    out = copied(whole, tmp_path / "out")
    done = damage(out, random.Random(seed))
    assert one_line(lambda: read_evaluation(out)), done
    refusal = one_line(lambda: run(job, out))
    if "holds other files" in refusal:  # without a manifest
        return
    if refusal:
        assert "manifest.json: is damaged" in refusal, done
        run(job, out, force=True)
    assert content(out) == content(whole), done


def test_the_tables_name_every_image_and_class(job, whole):
    found = read_evaluation(whole)
    lines = (whole / "images.csv").read_text("utf-8").splitlines()
    assert lines[0] == "image,label,predicted,probability,label_probability,right"
    assert len(lines) == 1 + 38
    first = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert (first["image"], first["label"]) == ("0/00.png", found.classes[0])
    assert float(first["probability"]) == pytest.approx(found.confidence[0], rel=1e-8)
    assert int(first["right"]) == int(found.right[0])
    assert len((whole / "classes.csv").read_text("utf-8").splitlines()) == 1 + 3


def forged(folder, change):
    values = read_json(folder, "manifest.json")
    change(values)
    (folder / "manifest.json").write_text(with_checksum(as_json(values)))


def put(path, value):
    def change(values):
        *way, last = path.split(".")
        for key in way:
            values = values[int(key) if isinstance(values, list) else key]
        values[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("results", None), ("results.head", "regression"), ("results.head", 3), ("results.names", ["a"]),
        ("results.labels", [3]), ("results.classes", ["a"]), ("results.size", [0]), ("results.remark", 3),
        ("results.separations", 3), ("results.separations.0.first", 99), ("results.separations.0.units", "8"),
        ("results.separations.0.separating", [{}]), ("results.separations.0.losses.0.label", 2**40),
        ("settings.weights", 3), ("settings.input", []),
    ],
)  # fmt: skip
def test_a_forged_manifest_is_one_line(whole, tmp_path, path, value):
    out = copied(whole, tmp_path / "out")
    forged(out, put(path, value))
    with pytest.raises(DamagedError, match="is not an evaluation of this tool"):
        read_evaluation(out)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("truth", lambda values: values + 9), ("indices", lambda values: values - 40),
        ("truth", lambda values: values[1:]),
        ("logits", lambda values: values[:, 1:]), ("logits", lambda values: values.astype("float64")),
    ],
)  # fmt: skip
def test_forged_arrays_are_one_line(whole, tmp_path, name, change):
    out = copied(whole, tmp_path / "out")
    arrays = read_npz(out, "evaluation.npz")
    data = npz_bytes({**arrays, name: change(arrays[name])})
    (out / "evaluation.npz").write_bytes(data)
    forged(out, lambda values: values["files"].update({"evaluation.npz": sha256(data)}))
    with pytest.raises(DamagedError, match="is not an evaluation of this tool"):
        read_evaluation(out)


def test_classes_are_named_as_targets(job):
    assert class_targets(job.job.network) == ("class:STOP", 'class:"Vorfahrt achten"', "class:20")
