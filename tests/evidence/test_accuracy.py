from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from dreamfilters.evidence.accuracy import accuracy_of, accuracy_of_scan
from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.networks import InputForm, Network

LEVELS = (0.2, 0.5, 0.8)  # gray levels of the three classes
NAMES = ("dark", "gray", "light")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven images of each gray level with some noise, in folders named after the levels; one file is no image."""
    root = tmp_path_factory.mktemp("levels")
    rng = np.random.default_rng(0)
    for number in range(21):
        path = root / NAMES[number % 3] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png_bytes((LEVELS[number % 3] + rng.normal(0, 0.02, (8, 8, 3))).clip(0, 1)))
    (root / "dark" / "bad.png").write_bytes(b"no image")
    return root


@pytest.fixture
def network():
    """A network that predicts the nearest gray level for images in 0..255."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    colors = 255 * np.repeat(np.array(LEVELS)[:, None], 3, axis=1)
    model.layers[-1].set_weights([0.002 * 2 * colors.T, -0.002 * np.square(colors).sum(axis=1)])
    return Network(model, InputForm.from_range(0, 255, size=(8, 8)), NAMES)


def test_the_right_form_is_accurate_and_a_wrong_one_is_poor(network, folder):
    found = accuracy_of(network, image_folder(folder))
    assert (found.count, found.value, found.is_poor) == (21, 1.0, False)
    images = image_folder(folder)
    assert [images.labels[index] for index in found.indices] == [NAMES[number] for number in found.labels]
    wrong = accuracy_of(replace(network, form=network.form.in_range(0, 1)), images)
    assert (wrong.predicted.tolist(), wrong.value, wrong.is_poor) == ([0] * 21, pytest.approx(1 / 3), True)


def test_a_sample_is_spread_over_the_classes(network, folder):
    found = accuracy_of(network, image_folder(folder), most=6)
    assert np.bincount(found.labels).tolist() == [1, 2, 2]  # one of two dark ones cannot be read
    assert accuracy_of(network, image_folder(folder), most=2).count <= 2
    assert "a sample of 22; `dreamfilters evaluate` reads all" in found.describe()
    assert "sample" not in accuracy_of(network, image_folder(folder)).describe()


def test_labels_without_names_are_in_alphabetical_order(network, folder):
    found = accuracy_of(replace(network, classes=("0", "1", "2")), image_folder(folder))
    assert found.value == 1.0


def test_no_accuracy_without_labels_or_with_those_of_other_classes(network, folder):
    images = image_folder(folder)
    assert accuracy_of(network, replace(images, labels=("",) * len(images))) is None
    others = tuple({"dark": "cat"}.get(label, "dog") for label in images.labels)
    assert accuracy_of(network, replace(images, labels=others)) is None
    assert accuracy_of(network, image_folder(folder / "dark" / "bad.png")) is None
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    assert accuracy_of(Network(model, network.form), images) is None


def test_the_accuracy_of_a_scan_is_that_of_its_images(network, folder):
    images = image_folder(folder)
    found = accuracy_of_scan(network, scan(network, images))
    assert (found.count, found.value) == (21, 1.0)
    assert [images.labels[index] for index in found.indices] == [NAMES[number] for number in found.labels]
    assert accuracy_of_scan(network, scan(network, images, ["pool"])) is None


def test_a_scan_of_several_sigmoids_predicts_none_below_a_half(folder):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="sigmoid")]
    )
    model.layers[-1].set_weights([np.eye(3) * 0.01, np.array([-1.0, -2.0, -1.5])])  # 255 gives logits of 1.55 and less
    network = Network(model, InputForm.from_range(0, 255, size=(8, 8)), NAMES)
    found = scan(network, image_folder(folder))
    # all are above a half for light images, of which 'light' is the label
    assert found.accuracy.predicted.tolist() == [(-1, 0, 2)[label] for label in found.accuracy.labels]
    assert "logits:0" in repr(found.unit("logits", 0))
    assert "Scan of" in found._repr_html_()


def test_files_of_12_bits_are_read_by_the_bits_of_the_form(network, tmp_path):
    for number, (level, name) in enumerate(zip(LEVELS * 2, NAMES * 2, strict=True)):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 4095 * level, np.uint16)).save(tmp_path / name / f"{number}.png")
    images, twelve = image_folder(tmp_path), replace(network, form=replace(network.form, bits=12))
    assert (accuracy_of(twelve, images).value, accuracy_of(network, images).value) == (1.0, pytest.approx(1 / 3))


def test_an_image_of_several_sigmoids_is_correct_if_its_class_is_among_those_predicted(folder):
    """A gray image is predicted as dark and gray, a light one as all three classes, a dark one as dark."""
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="sigmoid")]
    )
    model.layers[-1].set_weights([np.full((3, 3), 0.01), np.array([9.0, -2.5, -5.0])])  # 0.2 is 1.53, 0.5 3.8, 0.8 6.1
    network = Network(model, InputForm.from_range(0, 255, size=(8, 8)), NAMES)
    images = image_folder(folder)
    for found in (accuracy_of(network, images), scan(network, images).accuracy):
        assert (found.value, found.mistakes, found.is_poor) == (1.0, (), False)
        assert found.several == pytest.approx(2 / 3)  # 1, 2 and 3 of three
        words = (
            "100 % of 21 labeled images are predicted correctly (an image is predicted as 67 % of the classes on "
            "average;"
        )
        assert found.describe() == f"{words} chance: 67 %)"
    model.layers[-1].set_weights([np.full((3, 3), 0.01), np.array([-5.0, -5.0, -5.0])])
    found = accuracy_of(network, images)
    assert found.predicted.tolist() == [2 if number == 2 else -1 for number in found.labels]
