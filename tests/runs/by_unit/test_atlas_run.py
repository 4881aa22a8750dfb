"""An atlas in its folder: every unit has a page, what is finished is kept, and only what is missing is made."""

import csv
import io
import json
from dataclasses import replace

import pytest

from dreamfilters.comparison import measuring
from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.comparison.measuring import compare_batch
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ModelError, OutputError, RecipeError, UnknownNameError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.networks import InputForm, Network, load
from dreamfilters.runs.by_unit import dream_task
from dreamfilters.runs.by_unit.atlas_run import atlas_targets, run
from dreamfilters.runs.by_unit.audit_run import read_audit
from dreamfilters.runs.by_unit.compare_run import CompareJob
from dreamfilters.runs.over_images.scan_run import read_scan
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.json_files import as_json, read_json, with_checksum

NAMES = [
    *(f"conv1:{unit}" for unit in range(8)),
    *(f"conv2:{unit}" for unit in range(8)),
    "class:0",
    "class:1",
    "class:2",
]


@pytest.fixture(scope="module")
def job(make_noisy):
    """All units of `tiny` against ten noisy images and one that cannot be read."""
    folder = make_noisy(10, 1)
    spec = str(folder / "tiny.keras")
    network = load(spec, form={"range": (0.0, 1.0)})
    source, recipe = source_of(image_folder(folder / "images")), Recipe(steps=2, name="quick")
    plan = ComparePlan(network, atlas_targets(network), source, recipe, seed=3, seeds=2, top=2)
    return CompareJob(plan, spec, also=("classes",))


@pytest.fixture(scope="module")
def done(job, tmp_path_factory):
    return run(job, tmp_path_factory.mktemp("out") / "atlas")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_unit_has_a_row_a_page_a_record_and_its_dreams(done, job):
    units = json.loads((done.folder / "atlas.json").read_bytes())["units"]
    assert [unit["target"] for unit in units] == NAMES
    rows = list(csv.DictReader(io.StringIO((done.folder / "atlas.csv").read_text())))
    assert [row["target"] for row in rows] == NAMES
    for unit in units:
        record = json.loads((done.folder / f"units/{slug(unit['target'])}.json").read_bytes())
        assert record["unit"]["measures"]["response_rank"]["mean"]["ratio"] == unit["ratio"]
        assert (done.folder / unit["page"]).read_bytes().startswith(b"<!doctype html>")
        assert (done.folder / unit["dream"]).is_file()
    assert sum(done.value.counts.values()) == len(NAMES)
    assert [name for name, _ in done.failures] == ["broken.png"]
    assert len(list((done.folder / "units").iterdir())) == 2 * len(NAMES)


def test_the_verdicts_are_those_of_the_audit_and_the_numbers_those_of_the_scan(done):
    audit, scan = read_audit(done.folder / "audit"), read_scan(done.folder / "scan")
    for unit in json.loads((done.folder / "atlas.json").read_bytes())["units"]:
        layer = "classes" if unit["layer"] == "logits" else unit["layer"]
        verdict = audit.unit(layer, unit["unit"]).verdict
        assert (unit["verdict"], unit["evidence"]) == (verdict.kind, verdict.sentence)
        strongest = scan.unit(unit["layer"], unit["unit"]).strongest[unit["by"]][0]
        assert (unit["strongest_image"], unit["strongest_real"]) == (strongest.name, pytest.approx(strongest.score))


def test_a_finished_atlas_is_kept_and_only_a_damaged_or_forged_unit_is_made_again(job, done, monkeypatch):
    before = contents(done.folder)
    (done.folder / f"units/{slug('conv2:3')}.html").write_text("cut")
    record = done.folder / f"units/{slug('conv1:1')}.json"
    values = read_json(record.parent, record.name)
    values["index"]["row"]["dtype"] = "float32"
    record.write_text(with_checksum(as_json(values)))
    monkeypatch.setattr(dream_task, "goal_dreams", None)  # nothing is dreamed
    layers = []
    monkeypatch.setattr(measuring, "compare_batch", lambda batch: layers.append(batch.layer) or compare_batch(batch))
    assert run(job, done.folder).value == done.value
    assert layers == ["conv1", "conv2"]
    assert contents(done.folder) == before
    monkeypatch.setattr(measuring, "compare_batch", None)
    assert run(job, done.folder).value == done.value


def test_other_settings_need_force_and_replace_the_earlier_files(job, tmp_path):
    few = CompareJob(replace(job.plan, targets=("conv1",), seeds=1), job.spec)
    run(few, tmp_path)
    other = replace(few, plan=replace(few.plan, targets=("conv2",)))
    with pytest.raises(OutputError, match=r"holds an atlas with other settings \(targets\); .* or add --force"):
        run(other, tmp_path)
    (tmp_path / "units" / "mine.txt").write_text("mine")
    run(other, tmp_path, force=True)
    run(other, tmp_path / "alone")
    assert contents(tmp_path).keys() - {f"alone/{name}" for name in contents(tmp_path / "alone")} == (
        contents(tmp_path / "alone").keys() | {"units/mine.txt"}
    )
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        run(other, tmp_path / "foreign", force=True)


def test_ctrl_c_keeps_what_is_done(job, done, tmp_path):
    def interrupt(progress):
        if progress.note.startswith("measuring conv2"):
            raise KeyboardInterrupt

    stopped = run(job, tmp_path, progress=interrupt)
    assert stopped.stopped
    assert stopped.value is None
    assert len(list((tmp_path / "units").glob("conv1*.json"))) == 8
    run(job, tmp_path)
    assert contents(tmp_path) == contents(done.folder)


def test_neurons_are_included_and_the_layer_of_the_classes_once():
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(2, 3, name="conv"), layers.ReLU(name="relu"), layers.Flatten(),
         layers.Dense(4, "relu", name="hidden"), layers.Dense(3, name="sums"), layers.Softmax()]
    )  # fmt: skip
    network = Network(model, InputForm.from_range(0, 1, size=(8, 8)), ("a", "b", "c"))
    assert atlas_targets(network) == ("relu", "hidden", "class:*")


def test_targets_are_all_filters_and_classes_or_those_that_are_named(job, fill):
    network = job.plan.network
    assert atlas_targets(network) == ("conv1", "conv2", "class:*")
    assert atlas_targets(network, ["classes", "conv1"]) == ("class:*", "conv1")
    with pytest.raises(UnknownNameError, match="Close names: conv1"):
        atlas_targets(network, ["cnov1"])


def test_a_network_without_filters_or_classes_is_refused():
    import keras

    model = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.MaxPooling2D(name="pool")])
    with pytest.raises(ModelError, match="no filters, neurons or classes"):
        atlas_targets(Network(model, InputForm.from_range(0, 1, size=(8, 8))))


def test_an_atlas_that_fails_leaves_no_folder(job, tmp_path):
    with pytest.raises(RecipeError, match="seeds=0: at least 1"):
        run(replace(job, plan=replace(job.plan, seeds=0)), tmp_path / "new")
    assert not (tmp_path / "new").exists()
