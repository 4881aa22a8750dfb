"""Results as event files, read back by TensorFlow's record reader and protocol buffers."""

import io

import numpy as np
import pytest
from PIL import Image

import dreamfilters as df
from dreamfilters.errors import OutputError
from dreamfilters.training.summaries.event_files import event_file

tf = pytest.importorskip("tensorflow", reason="TensorFlow, which reads these files, is not installed")

event_pb2 = pytest.importorskip("tensorflow.core.util.event_pb2")


def read(path):
    """The scalars, images and histograms of an event file, by tag, and its steps."""
    events = [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    values = [(event.step, value) for event in events for value in event.summary.value]
    found = {"simple_value": {}, "image": {}, "histo": {}}
    seen = set()
    for step, value in values:
        kind = value.WhichOneof("value")
        assert (value.tag, step) not in seen
        seen.add((value.tag, step))
        found[kind][value.tag] = getattr(value, kind)
    return found["simple_value"], found["image"], found["histo"], {step for step, _ in values}


def pixels(image):
    """The pixels of an image of an event file, (h, w, c) in [0, 1]."""
    return np.asarray(Image.open(io.BytesIO(image.encoded_image_string)), np.float64) / 255


@pytest.fixture(scope="module")
def given(network):
    """Images of noise, the labels of three classes, and their scan."""
    images = np.random.default_rng(0).random((12, 16, 16, 3)).astype("float32")
    labels = [network.classes[number % 3] for number in range(12)]
    return images, labels, df.scan(network, images, labels=labels)


def test_dreams_have_scores_and_images(network, tmp_path):
    dreams = df.dream(network, ["conv1:0", "class:STOP"], df.Recipe(steps=1))
    scalars, images, histograms, steps = read(df.write_summaries(dreams, tmp_path, step=7))
    assert steps == {7}
    assert scalars["score/conv1:0"] == pytest.approx(dreams[0].score)
    assert scalars["robust score/class:STOP"] == pytest.approx(dreams[1].robust)
    shown = pixels(images["dreams/class:STOP"])
    np.testing.assert_allclose(shown, dreams[1].shown, atol=0.51 / 255)
    assert histograms["scores"].num == 2


def test_a_scan_has_the_distribution_of_each_layer_and_its_strongest_image(network, given, tmp_path):
    shown, _, scan = given
    scalars, images, histograms, _ = read(df.write_summaries(scan, tmp_path))
    layer = scan.layer("conv2")
    assert scalars["scan/images"] == 12
    assert scalars["scan/accuracy"] == pytest.approx(scan.accuracy.value)
    assert scalars["conv2/always silent"] == layer.always_silent.sum()
    assert "mean response/logits" in histograms
    assert histograms["mean response/conv2"].sum == pytest.approx(layer.mean.sum())
    assert histograms["maximum response/conv2"].max == layer.maximum.max()
    unit = int(np.argmax(layer.maximum))
    best = int(np.argmax(df.activations(network, shown, ["conv2"])["conv2"][..., unit].max(axis=(1, 2))))
    stored = pixels(images[f"strongest image/conv2:{unit}"])
    np.testing.assert_allclose(stored, shown[best], atol=0.51 / 255)


def test_an_audit_has_the_tags_of_a_training(network, given, faulty, tmp_path):
    audit = df.audit(network, given[2], ["conv1"])
    scalars, *_ = read(df.write_summaries(audit, tmp_path))
    counts = {tag: value for tag, value in scalars.items() if tag.startswith("conv1/")}
    assert counts == {f"conv1/{kind}": count for kind, count in audit.layer("conv1").counts.items()}
    assert counts.keys() <= faulty[1].scalars(faulty[1].looks[-1]).keys()


def test_an_evaluation_has_the_recall_of_each_class_and_its_matrix(network, given, tmp_path):
    images, labels, _ = given
    evaluation = df.evaluate(network, images, labels=labels)
    scalars, pictures, histograms, _ = read(df.write_summaries(evaluation, tmp_path))
    assert scalars["evaluation/accuracy"] == pytest.approx(np.mean(evaluation.right))
    recall = {tag: value for tag, value in scalars.items() if tag.startswith("recall/")}
    assert list(recall) == [f"recall/{name}" for name in network.classes]
    assert np.mean(list(recall.values())) == pytest.approx(evaluation.share)  # four images of each
    matrix = pictures["evaluation/confusion matrix"]
    assert (matrix.height, matrix.width) == (12, 16)  # three classes, and none predicted
    assert histograms["evaluation/confidence"].num == 12


def test_a_comparison_has_the_numbers_of_its_table(network, given, tmp_path):
    compared = df.compare(network, "conv1:0-1", given[0], recipe=df.Recipe(steps=1), seeds=1, top=2)
    scalars, images, _, _ = read(df.write_summaries(compared, tmp_path))
    numbers = {key: value for key, value in compared.units[1].row.items() if isinstance(value, float)}
    assert numbers
    for key, value in numbers.items():
        if np.isfinite(value):
            assert scalars[f"{key}/conv1:1"] == pytest.approx(value)
    assert list(images) == ["dreams/conv1:0", "dreams/conv1:1"]


def test_an_ablation_has_the_changes_of_each_unit(network, given, tmp_path):
    images, labels, _ = given
    ablation = df.ablate(network, "conv1:0-1", images, labels=labels)
    scalars, _, histograms, _ = read(df.write_summaries(ablation, tmp_path))
    effect = ablation.unit("conv1", 1)
    assert scalars["accuracy change/conv1:1"] == pytest.approx(effect.accuracy.value)
    assert scalars["margin change/conv1:1"] == pytest.approx(effect.margin.value)
    assert histograms["margin change/conv1"].num == 2
    assert {tag for tag in scalars if tag.startswith("accuracy")} == {
        f"accuracy change/{one.name}" for one in ablation.sets if one.kind != "random"
    }


def test_a_diff_has_the_numbers_of_each_layer(network, given, tmp_path):
    diff = df.diff(network, network, given[0])
    scalars, _, histograms, _ = read(df.write_summaries(diff, tmp_path))
    assert scalars["diff/predicted otherwise"] == 0
    assert scalars["weight change/conv1"] == 0
    assert scalars["unchanged units/conv1"] == diff.layer("conv1").unchanged > 0
    assert histograms["correlation/conv1"].num == len(diff.layer("conv1").units)


def test_an_embedding_has_its_map_and_neighbors_their_images(network, given, tmp_path):
    images, labels, _ = given
    embedding = df.embed(network, images, "conv1", labels=labels)
    scalars, pictures, _, _ = read(df.write_summaries(embedding, tmp_path))
    assert scalars["embedding/trustworthiness"] == pytest.approx(embedding.quality.trustworthiness)
    assert list(pictures) == ["embedding/map", "embedding/grid"]
    found = df.neighbors(network, images, images[:2], "conv1", labels=labels)
    scalars, pictures, _, _ = read(df.write_summaries(found, tmp_path))
    name = found.queries.names[1]
    assert scalars[f"distance of the nearest/{name}"] == pytest.approx(found.by_layer[1].distances[0])
    drawn = pixels(pictures[f"nearest images/{name}"])
    own = found.queries.thumbnail(1)
    np.testing.assert_allclose(drawn[: len(own), : own.shape[1]], own, atol=0.51 / 255)
    nearest = found.features.thumbnail(int(found.by_pixels[1].indices[0]))
    np.testing.assert_allclose(drawn[len(own) :, own.shape[1] : 2 * own.shape[1]], nearest, atol=0.51 / 255)


def test_a_training_has_the_steps_of_its_looks(faulty, tmp_path):
    training = faulty[1]
    assert read(df.write_summaries(training, tmp_path))[3] == {look.step for look in training.looks}
    with pytest.raises(OutputError, match=r"^step=3: the looks of a training have their own steps"):
        df.write_summaries(training, tmp_path, step=3)


def test_a_step_out_of_range_is_one_line_and_a_large_number_infinite(tmp_path):
    with pytest.raises(OutputError, match=r"^step=-1: must be 0 to"):
        event_file(-1, 0.0, scalars={}, images={}, histograms={})
    with pytest.raises(OutputError, match=r"^step=9223372036854775808: must be 0 to"):
        event_file(2**63, 0.0, scalars={}, images={}, histograms={})
    (tmp_path / "events").write_bytes(event_file(2**63 - 1, 0.0, scalars={"loss": 1e300}, images={}, histograms={}))
    scalars, _, _, steps = read(tmp_path / "events")
    assert steps == {2**63 - 1}
    assert scalars == {"loss": np.inf}


def test_a_link_among_the_event_files_is_refused(network, tmp_path):
    dreams = df.dream(network, ["conv1:0"], df.Recipe(steps=1))
    (tmp_path / "logs").mkdir()
    (tmp_path / "other").write_text("mine")
    (tmp_path / "logs" / "events.out.tfevents.0000000004").symlink_to(tmp_path / "other")
    (tmp_path / "logs" / "events.out.tfevents.host").write_text("of another writer")
    with pytest.raises(OutputError, match=r"events\.out\.tfevents\.0000000004: is a symbolic link"):
        df.write_summaries(dreams, tmp_path / "logs")
    (tmp_path / "logs" / "events.out.tfevents.0000000004").unlink()
    assert df.write_summaries(dreams, tmp_path / "logs").name == "events.out.tfevents.0000000000"
    assert (tmp_path / "other").read_text() == "mine"


def test_each_call_writes_a_new_file_and_other_results_are_one_line(network, given, tmp_path):
    dreams = df.dream(network, ["conv1:0"], df.Recipe(steps=1))
    (tmp_path / "notes.txt").write_text("mine")
    paths = [df.write_summaries(one, tmp_path / "new", step=step) for step, one in enumerate([dreams, dreams[0]])]
    assert [path.name for path in paths] == ["events.out.tfevents.0000000000", "events.out.tfevents.0000000001"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [path.name for path in paths]
    assert [read(path)[3] for path in paths] == [{0}, {1}]
    for other in (given[0], [], "text", network):
        with pytest.raises(OutputError, match=r"^a \w+: has no summaries; give dreams, a training, or what `scan`"):
            df.write_summaries(other, tmp_path)
    with pytest.raises(OutputError, match=r"notes\.txt"):
        df.write_summaries(dreams, tmp_path / "notes.txt")
