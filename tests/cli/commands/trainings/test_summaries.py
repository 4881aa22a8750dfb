"""`dreamfilters summaries`: the event file of each stored run, read by TensorFlow, and its one-line errors."""

import json
import shutil
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli import app
from dreamfilters.errors import DamagedError, DreamfiltersError, OutputError, UsageError
from dreamfilters.images import png_bytes
from dreamfilters.runs import weights_run
from dreamfilters.runs.by_image.technique_store import NOUNS
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.runs.storage.run_folder import RunKind
from dreamfilters.training.film_run import LOOKS
from dreamfilters.training.summaries.stored_runs import READERS, TRAININGS

tf = pytest.importorskip("tensorflow", reason="TensorFlow, which reads these files, is not installed")

event_pb2 = pytest.importorskip("tensorflow.core.util.event_pb2")
MADE = {
    "dream": ("conv1:0", "class:1", "--recipe", "fast", "--set", "steps=1"),
    "scan": ("images", "--layers", "conv1"),
    "audit": ("--scan", "scan"),
    "evaluate": ("images",),
    "compare": ("conv1:0-1", "images", "--recipe", "fast", "--set", "steps=1", "--seeds", "1", "--top", "2"),
    "atlas": ("images", "--layers", "conv1", "--recipe", "fast", "--set", "steps=1", "--seeds", "1", "--top", "2"),
    "maps": ("images/0", "--layers", "conv1"),
    "attribute": ("class:1", "images/0", "--method", "gradient", "--measure", "1"),
    "embed": ("images", "--layer", "conv1"),
    "neighbors": ("images", "images/0", "--layer", "conv1"),
    "ablate": ("conv1:0-1", "images"),
    "diff": ("epoch1.keras", "images"),
    "fool": ("class:1", "images/0", "--steps", "2"),
    "invert": ("images/0", "--layers", "conv1,conv2", "--steps", "2"),
    "texture": ("images/0", "--layers", "conv1", "--steps", "2"),
    "style": ("images/0", "images/1/1.png", "--style-layers", "conv1", "--steps", "2"),
    "facets": ("conv1:0", "images", "--recipe", "fast", "--set", "steps=1"),
    "segment": ("images/0", "--target", "class:1"),
    "unit": ("conv1:0", "images", "--recipe", "fast", "--set", "steps=1"),
}


def command(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture(scope="module")
def runs(noisy, tmp_path_factory):
    """A folder with a run of each command, and a film of two checkpoints."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        noise = np.random.default_rng(0)
        for number in range(12):
            path = folder / "images" / str(number % 3) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png_bytes(noise.random((16, 16, 3))))
        checkpoints = [folder / f"epoch{number}.keras" for number in (1, 2)]
        for path in checkpoints:
            shutil.copy(noisy / "tiny.keras", path)
        model = (noisy / "tiny.keras", "--range", "0", "1")
        for name, words in MADE.items():
            result = command(name, *model, *words, "--out", name, "--quiet")
            assert result.exit_code == 0, (name, result.output, result.exception)
        network = df.load(noisy / "tiny.keras")
        weights_run.run(weights_run.WeightsJob(network, "tiny", ("conv1", "conv2")), folder / "weights")
        words = ("--images", "images", "--layers", "conv1", "--units", "conv1:0", "--range", "0", "1")
        result = command("film", *checkpoints, *words, "--out", "film", "--quiet")
        assert result.exit_code == 0, (result.output, result.exception)
    return folder


@pytest.fixture
def summaries(runs, tmp_path, monkeypatch):
    """A function that runs the command where the runs are and writes into a new folder."""
    monkeypatch.chdir(runs)
    return lambda run, *words: command("summaries", run, "--out", tmp_path / "logs", *words)


def read(result):
    """(tag, step) -> value of the event file whose path is printed; each file has one version and one time."""
    assert result.exit_code == 0, (result.output, result.exception)
    path = result.stdout.strip()
    events = [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(path)]
    assert [event.file_version for event in events if event.file_version] == ["brain.Event:2"]
    assert events[0].file_version
    assert len({event.wall_time for event in events}) == 1
    return {(value.tag, event.step): value for event in events for value in event.summary.value}


def test_dreams_have_the_scores_of_their_records_and_their_pixels(runs, summaries):
    found = read(summaries("dream", "--step", "4"))
    records = [json.loads(path.read_bytes()) for path in sorted((runs / "dream").glob("*.json"))]
    records = [record for record in records if "target" in record]
    assert len(records) == 2
    for record in records:
        assert found[f"score/{record['target']}", 4].simple_value == pytest.approx(record["score"])
        (name,) = (name for name in record["files"] if name.endswith(".png"))
        stored = found[f"dreams/{record['target']}", 4].image.encoded_image_string
        shown, own = tf.io.decode_png(stored, 3), tf.io.decode_png((runs / "dream" / name).read_bytes(), 3)
        np.testing.assert_array_equal(shown, own)


def test_a_scan_an_audit_and_an_evaluation_have_their_numbers(runs, summaries):
    scan, audit, evaluation = df.read_scan("scan"), df.read_audit("audit"), df.read_evaluation("evaluate")
    found = read(summaries("scan"))
    assert found["maximum response/conv1", 0].histo.max == scan.layer("conv1").maximum.max()
    found = read(summaries("audit"))
    counts = {f"conv1/{kind}": count for kind, count in audit.layer("conv1").counts.items()}
    assert counts
    assert {tag: found[tag, 0].simple_value for tag in counts} == counts
    found = read(summaries("evaluate"))
    assert found["evaluation/accuracy", 0].simple_value == pytest.approx(evaluation.share)
    assert found["evaluation/confusion matrix", 0].image.height


def test_a_comparison_has_its_rows_and_dreams(runs, summaries):
    units = json.loads((runs / "compare" / "manifest.json").read_bytes())["results"]
    found = read(summaries("compare"))
    assert [tag for tag, _ in found if tag.startswith("dreams/")] == ["dreams/conv1:0", "dreams/conv1:1"]
    numbers = {
        f"{key}/{unit['row']['target']}": value
        for unit in units for key, value in unit["row"].items() if isinstance(value, float)
    }  # fmt: skip
    assert len(numbers) > 4
    assert {tag: found[tag, 0].simple_value for tag in numbers} == pytest.approx(numbers, rel=1e-6)


def test_weights_have_their_kernels_and_statistics(runs, summaries, noisy):
    """The command makes no run of them; the viewer does."""
    found = read(summaries("weights"))
    assert {tag for tag, _ in found if tag.startswith("kernels/")} == {"kernels/conv1", "kernels/conv2"}
    kernel, bias = df.load(noisy / "tiny.keras").model.get_layer("conv1").get_weights()
    assert found["std/conv1 kernel", 0].simple_value == pytest.approx(kernel.std(), rel=1e-4)
    assert found["high/conv1 bias", 0].simple_value == pytest.approx(bias.max(), rel=1e-5)
    (runs / "weights" / "weights.json").write_text("{}")
    result = summaries("weights")
    assert result.exit_code
    assert isinstance(result.exception, DamagedError)
    assert "weights.json: is damaged" in str(result.exception)


def test_a_training_and_a_film_have_the_steps_of_their_looks(faulty, summaries):
    folder, training, _ = faulty
    for run, looks in ((folder, training.looks), ("film", df.read_training(f"film/{LOOKS}").looks)):
        found = read(summaries(run))
        assert {step for _, step in found} == {look.step for look in looks}
        assert len(looks) > 1
        dream = next(tag for tag, _ in found if tag.startswith("dreams/"))
        for look in looks:
            shown = tf.io.decode_png(found[dream, look.step].image.encoded_image_string)
            np.testing.assert_array_equal(shown, look.dreams[0])
    found = read(summaries(folder))
    for look in training.looks:
        for name, value in training.scalars(look).items():
            assert found[name, look.step].simple_value == pytest.approx(value)


def test_the_same_run_is_written_once_and_another_step_behind_it(summaries, tmp_path):
    first = summaries("audit")
    again = summaries("audit", "--json")
    later = summaries("audit", "--step", "1")
    assert json.loads(again.stdout) == {"file": first.stdout.strip()}
    assert [path.name[-2:] for path in sorted((tmp_path / "logs").iterdir())] == ["00", "01"]
    assert {step for _, step in read(later)} == {1}


def test_every_command_that_writes_a_run_has_summaries():
    modules = [module for name, module in sys.modules.items() if name.startswith("dreamfilters.")]
    commands = {kind.command for module in modules for kind in vars(module).values() if isinstance(kind, RunKind)}
    assert READERS.keys() >= {*NOUNS, "dream", "scan", "maps"}
    assert commands <= READERS.keys() | set(TRAININGS)
    assert MADE.keys() | {"weights"} == READERS.keys()


NUMBERS = {  # of a record, by the part of a tag that precedes the name of its image
    "fool": lambda record: {"confidence/": record["values"]["confidence"]},
    "texture": lambda record: {"distance at start/": record["values"]["distance_at_start"]},
    "style": lambda record: {"style distance/": record["values"]["style_distance"]},
    "facets": lambda record: {"purity/": record["values"]["purity"]},
    "segment": lambda record: {"share/": record["values"]["share"]},
    "maps": lambda record: {"probability of the predicted class/": record["predictions"][0]["probability"]},
    "attribute": lambda record: {f"score/{one['target']} on ": one["score"] for one in record["targets"]},
}


@pytest.mark.parametrize("name", [*NOUNS, "maps", "attribute"])
def test_a_run_of_images_has_the_sheet_and_the_numbers_of_each(name, runs, summaries):
    found = read(summaries(name))
    shown = {tag: value.image.encoded_image_string for (tag, _), value in found.items() if value.HasField("image")}
    folders = [path.parent for path in (runs / name).glob("*/*.json")]
    records = [json.loads(path.read_bytes()) for path in (runs / name).glob("*/*.json")]
    assert shown.keys() == {f"{name}/{record['image']}" for record in records} != set()
    for folder, record in zip(folders, records, strict=True):
        (drawn,) = record["files"].keys() & {"strip.png", "overview.png", "contact-sheet.png"}
        stored = tf.io.decode_png(shown[f"{name}/{record['image']}"], 3)
        np.testing.assert_array_equal(stored, tf.io.decode_png((folder / drawn).read_bytes(), 3))
        for tag, value in NUMBERS.get(name, lambda record: {})(record).items():
            assert found[f"{tag}{record['image']}", 0].simple_value == pytest.approx(value)
    if name == "invert":
        one = records[0]["values"]["layers"][1]
        assert found[f"distance/{records[0]['image']} in conv2", 0].simple_value == pytest.approx(one["distance"])


def test_an_atlas_has_its_scan_its_audit_and_its_dreams(runs, summaries):
    found = read(summaries("atlas"))
    tags = {tag for tag, _ in found}
    assert {"scan/images", "audit/images", "dreams/conv1:0", "maximum response/conv1"} <= tags
    scan = df.read_scan("atlas/scan")
    assert found["maximum response/conv1", 0].histo.max == scan.layer("conv1").maximum.max()


def test_another_folder_is_one_line_that_says_what_works(runs, summaries, faulty, tmp_path):
    command("film", faulty[0], "--out", "film-of-training", "--quiet")
    shutil.copytree(runs / "scan", "of-a-later-version")
    path = runs / "of-a-later-version" / "manifest.json"
    values = json.loads(path.read_bytes()) | {"command": "sing"}
    del values["checksum"]
    path.write_bytes(with_checksum(as_json(values)).encode())
    works = "give the folder of a run, such as of `dream`, `scan` or `evaluate`, or of a training"
    cases = {
        ("none",): (OutputError, f"none: no such folder; {works}"),
        ("epoch1.keras",): (OutputError, f"epoch1.keras: is no folder; {works}"),
        ("images",): (OutputError, f"images: holds no run of this tool; {works}"),
        ("of-a-later-version",): (OutputError, f"holds the results of `sing`, which have no summaries; {works}"),
        ("film-of-training",): (OutputError, "film-of-training: is a film of a stored training; give the folder"),
        (faulty[0], "--step", "3"): (OutputError, "holds a training, whose looks have their own steps; leave out"),
        ("scan", "--step", "-1"): (UsageError, "--step -1: must be 0 to "),
    }
    for words, (kind, message) in cases.items():
        result = summaries(*words)
        assert result.exit_code, words
        assert type(result.exception) is kind, (words, result.exception)
        assert message in str(result.exception)
        assert "\n" not in str(result.exception)
    assert not (tmp_path / "logs").exists()


def test_a_damaged_or_forged_run_is_one_line(runs, summaries, tmp_path):
    def flipped(path):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    def forged(change):
        def write(path):
            values = json.loads(path.read_bytes())
            del values["checksum"]
            change(values)
            path.write_bytes(with_checksum(as_json(values)).encode())

        return write

    def row(values):
        values["results"][0]["row"]["target"] = "conv1:7"

    cases = [
        ("scan", "scan.npz", flipped), ("compare", "manifest.json", flipped), ("evaluate", "manifest.json", flipped),
        ("dream", "manifest.json", forged(lambda values: values["results"]["dreams"][0].update(image="../up.png"))),
        ("dream", "manifest.json", forged(lambda values: values.update(results=3))),
        ("compare", "manifest.json", forged(row)),
        ("compare", "manifest.json", forged(lambda values: values["results"][0]["row"].update(score=10**400))),
    ]  # fmt: skip
    strip = next((runs / "segment").glob("*/strip.png")).relative_to(runs / "segment")
    for number, (run, file, damage) in enumerate([*cases, ("segment", strip, flipped)]):
        copy = tmp_path / f"{run}-{number}"
        shutil.copytree(runs / run, copy)
        damage(copy / file)
        result = summaries(copy)
        assert isinstance(result.exception, DamagedError), (number, run, result.exception, result.output)
        assert isinstance(result.exception, DreamfiltersError)
        assert "\n" not in str(result.exception)
    assert not (tmp_path / "logs").exists()
