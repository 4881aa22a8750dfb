"""Evaluations of a small network: the predictions are those of Keras, and what cannot be evaluated is one line."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ImageError, ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty images in three folders and one that is no class, two files that cannot be read."""
    path = tmp_path_factory.mktemp("labeled")
    rng = np.random.default_rng(3)
    for number in range(33):
        label = ("STOP", "Vorfahrt achten", "20", "pedestrian")[min(number // 10, 3)]
        (path / label).mkdir(exist_ok=True)
        (path / label / f"{number:02}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (path / "STOP" / "05.png").write_bytes(b"no image")
    (path / "20" / "99.png").write_bytes(b"")
    return path


def evaluated(job):
    state = job.start()
    for _ in job.advance(state):
        pass
    return job.result(state)


def test_predictions_and_accuracy_equal_those_of_keras(network, folder):
    found = evaluated(EvaluationJob(network, source_of(image_folder(folder))))
    images = image_folder(folder)
    read = [(index, image) for index, image in images if images.labels[index] in network.classes]
    outputs = network.model.predict(np.stack([image for _, image in read]), verbose=0)
    labels = np.array([network.classes.index(images.labels[index]) for index, _ in read])
    assert found.indices.tolist() == [index for index, _ in read]
    assert found.truth.tolist() == labels.tolist()
    assert found.share == (outputs.argmax(axis=1) == labels).mean()
    assert found.confidence == pytest.approx(np.where(found.right, found.label_probability, outputs.max(axis=1)))
    assert found.confidence == pytest.approx(outputs.max(axis=1), abs=1e-5)
    assert (found.count, found.left_out, len(found.failures)) == (29, 3, 2)
    assert found.failures[0][0] == "20/99.png"
    assert found.remark == "images are left out whose labels no class has: pedestrian"


def test_a_stopped_evaluation_resumes_to_the_same_logits(network, folder):
    job = EvaluationJob(network, source_of(image_folder(folder)), batch=4)
    whole = evaluated(job)
    state, steps = job.start(), 0
    while state.done < len(job.wanted):
        for _ in job.advance(state):
            steps += 1
            if steps % 7 == 0:
                state.failures = {place: why for place, why in state.failures.items() if place < state.done}
                break
    again = job.result(state)
    assert again.logits.tobytes() == whole.logits.tobytes()
    assert again.failures == whole.failures


def test_the_batch_does_not_change_the_logits(network, folder):
    source = source_of(image_folder(folder))
    first, second = (evaluated(EvaluationJob(network, source, batch)) for batch in (None, 3))
    assert first.logits.tobytes() == second.logits.tobytes()


def test_only_images_of_a_class_are_read(network, folder, monkeypatch):
    read = []
    images = image_folder(folder)
    monkeypatch.setattr(
        type(images), "read", lambda self, index: read.append(index) or np.zeros((16, 16, 3), "float32")
    )
    evaluated(EvaluationJob(network, source_of(images)))
    assert {images.labels[index] for index in read} == set(network.classes)


def test_a_network_of_any_size_sees_all_images_at_the_size_of_the_first(network_of, folder):
    model = keras.Sequential(
        [layers.Input((None, None, 3)), layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    )
    network = network_of(model, classes=("STOP", "Vorfahrt achten", "20"))
    assert evaluated(EvaluationJob(network, source_of(image_folder(folder)))).size == (16, 16)


def test_what_cannot_be_evaluated_is_one_line(network, network_of, tmp_path):
    images = np.zeros((4, 16, 16, 3), "float32")

    def job(labels, network=network, **how):
        return EvaluationJob(network, source_of(images[: len(labels)], labels), **how)

    with pytest.raises(ImageError, match="no image has a label: use one folder per class"):
        job(["", "", ""])
    with pytest.raises(ImageError, match="all labeled images are of the class STOP; give images of two classes"):
        job(["STOP", "stop", "", "stop"])
    with pytest.raises(UnknownNameError, match="class cow: tiny has no such class"):
        job(["horse", "cow"])
    with pytest.raises(ImageError, match="no images"):
        job([])
    with pytest.raises(RecipeError, match="batch=0"):
        job(["STOP", "20"], batch=0)
    regression = keras.Sequential([layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(1, name="age")])
    with pytest.raises(ModelError, match=r"has no classes to evaluate: its output age \(1,\) ends in neither softmax"):
        job(["0", "1"], network_of(regression))
    masks = keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(3, 1, activation="softmax", name="mask")])
    with pytest.raises(ModelError, match=r"output mask \(16, 16, 3\) has classes at each position"):
        job(["0", "1"], network_of(masks))


def test_without_a_readable_image_it_is_one_line(network, tmp_path):
    for label in ("STOP", "20"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.png").write_bytes(b"no image")
    job = EvaluationJob(network, source_of(image_folder(tmp_path)))
    with pytest.raises(ImageError, match="none of its 2 images can be read"):
        _ = job.size
