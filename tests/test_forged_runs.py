"""Run folders of others: whatever they hold, it is one line, in little time and memory. Their checksums are right."""

import json
import os
import shutil
import tracemalloc

import numpy as np
import pytest

from dreamfilters.attribution.ablation.ablation_job import AblationJob
from dreamfilters.errors import DamagedError, DreamfiltersError, OutputError
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes, png_text
from dreamfilters.networks import LOGITS, load
from dreamfilters.runs.by_image import attribution_run, map_run
from dreamfilters.runs.by_image.attribution_run import AttributionJob
from dreamfilters.runs.by_image.attribution_task import AttributionSettings
from dreamfilters.runs.by_image.map_run import MapJob, MapSettings
from dreamfilters.runs.by_unit import audit_run, dream_run
from dreamfilters.runs.by_unit.audit_run import AuditJob, read_audit
from dreamfilters.runs.by_unit.dream_run import DreamJob
from dreamfilters.runs.by_unit.reproduction import job_of
from dreamfilters.runs.over_images import ablation_run, scan_run
from dreamfilters.runs.over_images.ablation_run import read_ablation, stored_ablation
from dreamfilters.runs.over_images.scan_run import read_scan, stored_scan
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum
from dreamfilters.runs.storage.manifest import MANIFEST
from tests.test_damaged_runs import QUICK, one_line

_MEMORY = 2**28  # bytes that a refusal may take


@pytest.fixture(scope="module")
def jobs(make_noisy):
    """Small jobs by command."""
    source = make_noisy(3, 2)
    spec, images = str(source / "tiny.keras"), source / "images"
    network = load(spec, form={"range": (0, 1)}, classes=("one", "two", "three"))
    scan = ScanJob(network, source_of(image_folder(images)), ("conv1", LOGITS), k=2)
    labeled = source_of(image_folder(images), ["one", "two", "three", ""])
    ablation = AblationJob(network, ("conv1:0-1",), labeled, controls=1, witness="mean")
    return {
        "scan": (scan_run.run, stored_scan(scan, spec)),
        "ablate": (ablation_run.run, stored_ablation(ablation, spec)),
        "audit": (audit_run.run, AuditJob(network, spec, scan, layers=("conv1",))),
        "dream": (dream_run.run, DreamJob(network, spec, ("conv1:0-1",), QUICK, 3)),
        "attribute": (
            attribution_run.run,
            AttributionJob(network, image_folder(images / "01.png"), AttributionSettings(("class:1",), ("gradient",))),
        ),
        "maps": (map_run.run, MapJob(network, image_folder(images / "01.png"), MapSettings(("conv1",), pages=False))),
    }


@pytest.fixture(scope="module")
def whole(jobs, tmp_path_factory):
    """A finished run of each command, by its name."""
    folder = tmp_path_factory.mktemp("whole")
    for name, (run, job) in jobs.items():
        run(job, folder / name)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A function that returns a copy of a run."""
    return lambda name: shutil.copytree(whole / name, tmp_path / name)


def put(values, path, value):
    """Set the value at a path of keys; `...` removes the last key."""
    *way, last = path.split(".")
    for key in way:
        values = values[int(key) if isinstance(values, list) else key]
    if value is ...:
        del values[last]
    else:
        values[int(last) if isinstance(values, list) else last] = value


def forge(folder, change, name=MANIFEST):
    """Change the values of a JSON file, and write it with the right checksum."""
    values = read_json(folder, name)
    change(values)
    (folder / name).write_text(with_checksum(as_json(values)))


def forge_file(folder, name, content):
    """Write a file of a run, and its checksum into the manifest."""
    (folder / name).write_bytes(content)
    forge(folder, lambda values: values["files"].update({name: sha256(content)}))


def refused(read, folder):
    """Assert that reading ends in one short line, without much memory."""
    tracemalloc.start()
    try:
        message = one_line(lambda: read(folder))
        assert tracemalloc.get_traced_memory()[1] < _MEMORY
    finally:
        tracemalloc.stop()
    assert message.startswith(str(folder)), message
    assert len(message) < len(str(folder)) + 300
    return message


def listed(changes):
    """Return each path with each of its values."""
    return [(path, value) for path, values in changes.items() for value in values]


SCANS = {
    "settings.top": ["4", -1, 0, 10**9, 2**70, None, 2.5, ...], "settings.size": [[0, 0], "16", [16], [16, None], ...],
    "settings.weights": [3, None, ...], "settings.input": [[1], 3, ...], "model.name": [3, None, ...],
    "results": [None, [], 3, "x"], "results.names": [None, 3, [1, 2, 3, 4], ["a"], ["a"] * 10**4, ...],
    "results.labels": [["a"], [None] * 4, ...], "results.classes": [[["one"]], ["one"], ["one"] * 10**4, ...],
    "results.outputs": [-1, 4, "3", True, ...], "results.remark": [3, ...],
    "results.layers": [[], {}, None, [3], ["conv1"], [{}], ...],
    "results.layers.0.units": [10**15, -8, "8", True, 0], "results.layers.0.shape": [[0, 16, 8], [16], 3, "abc"],
    "results.layers.0.receptive_field.size": [["1e999999999", "1"], ["1/0", "1"], [3, 3], 3, []],
    "results.layers.0.grid": [{"rows": 0, "columns": 0}, {"rows": 1}, 3], "results.layers.0.kind": ["page", 3],
    "files": [{}, {"units.csv": "00" * 32}, {"/dev/zero": "00" * 32}, {"../../../../etc/passwd": "00" * 32}, []],
    "failures": [3, [3], [{}], [{"image": 1, "reason": "x"}]], "command": ["audit", 3, None],
}  # fmt: skip


ABLATIONS = {
    "settings.weights": [3, None, ...], "model.name": [3, None, ...], "results": [None, [], 3],
    "results.how": ["noise", 3, ...], "results.seed": ["3", ...], "results.remark": [3, ...],
    "results.classes": [[], None, ["one"], ["one"] * 10**4, ...],
    "results.layers": [[], None, [3], [{}], ...], "results.layers.0.units": ["8", -1, 0, 2],
    "results.layers.0.name": ["x"],
    "results.sets": [[], None, [3], [{}], ...], "results.sets.0.units": [[], [-1], [8], [2**60], ["0"], 3, ...],
    "results.sets.0.kind": ["alone", 3, ...], "results.sets.0.layer": ["conv9", 3, ...],
    "results.witnesses": [3, [3], [{}], ...], "results.witnesses.0.position": [[1], ["a", "b"], 3],
    "files": [{}, {"ablation.npz": "00" * 32}, {"/dev/zero": "00" * 32}], "command": ["scan", 3],
}  # fmt: skip


AUDITS = {
    "results": [None, [], 3], "results.network": [3, ...], "results.images": ["3", ...], "results.size": [[1], "x"],
    "results.layers": [None, 3, [3], [{}]], "results.layers.0.findings": [None, 3, [3], [{}]],
    "results.layers.0.findings.0.kind": ["lively", 3, None, ...], "results.layers.0.findings.0.unit": ["0", 2**60],
    "results.layers.0.findings.0.scanned": [3, {}, {"images": "x"}], "results.layers.0.findings.0.before": [[1], 3],
    "results.layers.0.findings.0.scanned.position": [3, ["a"]], "results.layers.0.duplicates": [3, [3], [{}]],
    "results.untried": [3, [3]], "results.more": [3],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "read", "path", "value"),
    [
        (name, read, *change)
        for name, read, changes in (
            ("scan", read_scan, SCANS), ("ablate", read_ablation, ABLATIONS), ("audit", read_audit, AUDITS),
        )
        for change in listed(changes)
    ],
)  # fmt: skip
def test_a_forged_manifest_is_one_line(copy, name, read, path, value):
    folder = copy(name)
    forge(folder, lambda values: put(values, path, value))
    refused(read, folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("counted", lambda array: -array), ("right", lambda array: array + 99), ("lost", lambda array: array[:1]),
        ("gained", lambda array: array.astype(float)), ("margin", lambda array: np.zeros((1, 10**6))),
        ("logit", lambda array: np.array(["a"])), ("counted", lambda array: 0 * array),
    ],
)  # fmt: skip
def test_forged_sums_of_an_ablation_are_one_line(copy, name, change):
    folder = copy("ablate")
    arrays = read_npz(folder, "ablation.npz")
    forge_file(folder, "ablation.npz", npz_bytes({**arrays, name: change(arrays[name])}))
    refused(read_ablation, folder)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 10**6, b'"a": ' + b'{"a":' * 5000, b'"settings": ' + b"9" * 5000, b'"settings": NaN',
        b'"settings": {}, "settings": {}', b'"results": [' + b"[]," * 10**5, b'"results": "' + b'\\"' * 10**6,
        b'"results": [' + b"1," * 9 * 10**6 + b"1]", b"\xff", b"",
    ],
)  # fmt: skip
def test_json_without_end_is_one_line(copy, content):
    folder = copy("scan")
    text = b'{\n "dreamfilters": "0.1.0",\n' + content
    (folder / MANIFEST).write_bytes(text)
    refused(read_scan, folder)
    (folder / MANIFEST).write_bytes(with_checksum(text.decode("latin-1")).encode())
    refused(read_scan, folder)


def test_pipes_links_devices_and_sizes_are_one_line(copy):
    folder = copy("scan")
    arrays, spare = folder / "scan.npz", folder / "spare"
    arrays.rename(spare)
    arrays.mkdir()
    assert "no regular file" in refused(read_scan, folder)
    arrays.rmdir()
    os.mkfifo(arrays)
    assert "no regular file" in refused(read_scan, folder)
    for target in ("/dev/zero", "/etc/passwd", spare):
        arrays.unlink()
        arrays.symlink_to(target)
        assert "is a link" in refused(read_scan, folder)
    arrays.unlink()
    with arrays.open("wb") as file:
        file.truncate(2**40)
    assert "has 1099511627776 bytes" in refused(read_scan, folder)
    for target in ("/dev/zero", MANIFEST):
        (folder / MANIFEST).unlink()
        (folder / MANIFEST).symlink_to(target)
        assert "is a link" in refused(read_scan, folder)
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)
    assert "no regular file" in refused(read_scan, folder)


def test_arrays_that_claim_more_than_the_file_holds_are_one_line(copy):
    folder = copy("scan")
    content = (folder / "scan.npz").read_bytes()
    at = content.rindex(b"PK\x01\x02") + 24  # the size of the last array, in the directory of the archive
    forge_file(folder, "scan.npz", content[:at] + (2**32 - 2).to_bytes(4, "little") + content[at + 4 :])
    assert "its arrays claim" in refused(read_scan, folder)


ARRAYS = {
    "top_k/index": [99, -2], "top_k/position": [-1], "predicted": [99, -2], "truth": [99, -2],
    "histograms/exponent": [10**6],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ARRAYS.items() for value in values])
def test_numbers_that_lead_out_of_the_lists_are_one_line(copy, name, value):
    folder = copy("scan")
    arrays = read_npz(folder, "scan.npz")
    arrays[name].flat[0] = value
    forge_file(folder, "scan.npz", npz_bytes(arrays))
    refused(read_scan, folder)


@pytest.mark.parametrize("name", ["predicted", "truth", "sums/counted", "top_k/score", "histograms/counts"])
def test_arrays_of_another_shape_or_kind_are_one_line(copy, name):
    folder = copy("scan")
    arrays = read_npz(folder, "scan.npz")
    for wrong in (arrays[name][..., :-1], arrays[name].astype(np.float16), None):
        changed = {key: values for key, values in {**arrays, name: wrong}.items() if values is not None}
        forge_file(folder, "scan.npz", npz_bytes(changed))
        refused(read_scan, folder)


def test_an_audit_of_a_forged_scan_is_one_line(jobs, copy, tmp_path):
    folder = copy("scan")
    forge(folder, lambda values: put(values, "results.names", [1]))
    network = jobs["audit"][1].network
    with pytest.raises(DamagedError, match="is not a scan of this tool"):
        audit_run.run(AuditJob(network, "", None, folder, ("conv1",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


DREAMS = {
    "score": ["x", [1], True], "steps": [None, "3"], "history": [3, ["x"]], "attempts": [3, [3]], "note": [None, 3],
    "activated": [1, None, ...], "target": [3], "recipe.name": [3], "recipe": [3], "files": [3, {"../../x": "0"}],
}  # fmt: skip


MAPS = {
    "image": [3], "label": [None, 3], "predictions": [3, [3], [{}], {}],
    "files": [3, {"../../x": "0"}, {"/dev/zero": "0"}],
}  # fmt: skip


HEATMAPS = {
    "image": [3], "label": [None, 3], "predicted": [None, 3], "targets": [3, [3], [{}], {}],
    "targets.0.heatmaps": [3, {"gradient": 3}], "targets.0.score": ["high"],
    "files": [3, {"../../x": "0"}, {"/dev/zero": "0"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "record", "path", "value"),
    [
        (name, record, *change)
        for name, record, changes in (
            ("dream", "conv1-0-*.json", DREAMS), ("maps", "*/maps.json", MAPS),
            ("attribute", "*/attribution.json", HEATMAPS),
        )
        for change in listed(changes)
    ],
)  # fmt: skip
def test_a_forged_record_is_made_again(jobs, whole, copy, name, record, path, value):
    run, job = jobs[name]
    folder = copy(name)
    file = next(folder.glob(record)).relative_to(folder).as_posix()
    forge(folder, lambda values: put(values, path, value), file)
    run(job, folder)
    assert (folder / file).read_bytes() == (whole / name / file).read_bytes()


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("attribute", "settings.images", 3), ("attribute", "settings", {}),
        ("dream", "settings.targets", 3), ("dream", "settings.targets", [3]), ("dream", "settings.targets", ...),
        ("dream", "settings", {}), ("maps", "settings.images", 3), ("maps", "settings.images", {"x": 3}),
        ("maps", "settings.images", {"x": {"label": ""}}), ("maps", "settings", {}), ("scan", "settings", {}),
    ],
)  # fmt: skip
def test_a_run_into_a_forged_folder_is_one_line(jobs, copy, name, path, value):
    run, job = jobs[name]
    folder = copy(name)
    forge(folder, lambda values: put(values, path, value))
    with pytest.raises(OutputError, match="with other settings"):
        run(job, folder)
    one_line(lambda: run(job, folder, force=True))


RECORDS = {
    "input.size": ["x", [True, 16], [0, 0]], "input.mean": ["x", [None]], "recipe.canvas": [10**6],
    "recipe.parameterization": [{"kind": "pixels", "size": 10**6}], "seed": ["x", None], "frames": ["x", -1],
    "target": [3, "nothing:0"], "model.spec": ["gone.keras"], "attachments": [3, {"start.png": "0"}], "classes": [3],
}  # fmt: skip


@pytest.mark.parametrize(("path", "value"), listed(RECORDS))
def test_again_of_a_forged_png_is_one_line(whole, tmp_path, path, value):
    image = next((whole / "dream").glob("conv1-0-*.png"))
    record = json.loads(png_text(image)["dreamfilters"])
    del record["checksum"]
    put(record, path, value)
    (tmp_path / "a.png").write_bytes(
        png_bytes(np.zeros((16, 16, 3)), text={"dreamfilters": with_checksum(as_json(record))})
    )
    assert one_line(lambda: job_of(tmp_path / "a.png").check())


def test_again_of_a_png_of_another_size_is_one_line(whole, tmp_path):
    image = next((whole / "dream").glob("conv1-0-*.png"))
    (tmp_path / "a.png").write_bytes(png_bytes(np.zeros((8, 16, 3)), text=png_text(image)))
    with pytest.raises(DreamfiltersError, match="settings for 16x16 pixels, an image of 8x16"):
        job_of(tmp_path / "a.png")
