"""The demo runs here on a small network and two samples a class; what it writes is held against the network itself."""

import json
import shlex

import keras
import numpy as np
import pytest

from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import OutputError
from dreamfilters.networks import InputForm, Network
from dreamfilters.progress import OverallProgress
from dreamfilters.report.demo import cards, demo
from dreamfilters.report.demo.page import html

NAMES = ("1", "Vorfahrt achten", "STOP")  # the class 0 is called by the number of another


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same", name="conv1")(inputs)
    x = keras.layers.Conv2D(5, 3, activation="relu", name="conv2")(keras.layers.MaxPooling2D(2)(x))
    outputs = keras.layers.Dense(3, activation="softmax", name="out")(keras.layers.GlobalAveragePooling2D()(x))
    form = InputForm.from_range(0, 1, size=(12, 12))
    return Network(keras.Model(inputs, outputs), form, NAMES, (("one", "yield", "stop"),), "small")


@pytest.fixture(scope="module")
def images():
    chance = np.random.default_rng(5)
    return chance.uniform(size=(6, 12, 12, 3)).astype("float32")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def page(network, images, told):
    recipe = Recipe(Pixels(), transforms=(), steps=3, name="brief")
    shown = cards.Show(
        network, images, np.array([0, 0, 1, 1, 2, 2]), (2, 1), filters=2, filter_recipe=recipe, class_recipe=recipe,
        progress=OverallProgress(told.append),
    )  # fmt: skip
    return demo.demo_page(shown)


def test_classes_come_first_then_the_conv_layers_in_order(page):
    assert [section.title for section in page.sections] == ["Classes", "conv1", "conv2"]
    assert [len(section.cards) for section in page.sections] == [2, 2, 2]
    assert [card.title for card in page.sections[0].cards] == ["STOP", "Vorfahrt achten"]
    assert [card.detail for card in page.sections[0].cards] == ["class 2", "yield, class 1"]


def test_a_filter_card_holds_what_the_network_answers(page, network, images):
    seen = np.asarray(network.watch(frozenset({"conv2"}))(network.to_input(images))["conv2"])  # (6, 4, 4, 5)
    for card in page.sections[2].cards:
        unit = int(card.dream.name.removeprefix("conv2:"))
        order = np.argsort(-seen[..., unit].mean(axis=(1, 2)), kind="stable")[:4]
        assert [sample.response.index for sample in card.samples] == order.tolist()
        np.testing.assert_allclose(card.samples[0].response.map, seen[order[0], :, :, unit], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(card.samples[0].image, images[order[0]])
        assert card.samples[0].name == NAMES[order[0] // 2]
        own = network.watch(frozenset({"conv2"}))(network.to_input(card.dream.image[None]))["conv2"]
        np.testing.assert_allclose(card.response.map, np.asarray(own)[0, :, :, unit], rtol=1e-4, atol=1e-6)
        assert card.response.score == pytest.approx(card.dream.score, rel=1e-4, abs=1e-6)


def test_a_class_card_holds_the_softmax_of_the_network(page, network):
    for card, meant in zip(page.sections[0].cards, (2, 1), strict=True):
        shares = np.asarray(network.model(network.to_input(card.dream.image[None])))[0]
        order = np.argsort(-shares)
        assert [guess.name for guess in card.predictions] == [NAMES[number] for number in order]
        assert [guess.probability for guess in card.predictions] == pytest.approx(shares[order].tolist(), rel=1e-4)
        assert [guess.meant for guess in card.predictions] == [number == meant for number in order]


def test_the_command_names_what_makes_the_image(page):
    stop, yielding = (card.command for card in page.sections[0].cards)
    assert stop == "dreamfilters dream small class:STOP --recipe brief --seed 7 --out outputs/class-STOP"
    assert shlex.split(yielding)[3:6] == ['class:"Vorfahrt achten"', "--recipe", "brief"]
    assert yielding.endswith(" --out outputs/class-Vorfahrt-achten")


def test_a_class_called_by_anothers_number_is_not_mistaken(page):
    assert page.sections[0].cards[1].dream.name == 'class:"Vorfahrt achten"'  # 1 is the name of class 0


def test_progress_grows(page, told):
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 0.95
    assert {"dreaming class", "dreaming conv1", "dreaming conv2"} <= {each.note.partition(":")[0] for each in told}


def test_the_page_says_what_it_shows(page):
    text = html(page)
    assert "rendered by this project; they are not images" in text
    assert "6 images of 12 × 12 pixels, 2 of a class" in text
    assert "test images" not in text  # the record of the built-in network is no word on this one


def test_the_files_are_written_whole(page, tmp_path):
    path = demo.write_demo(tmp_path, page)
    assert path == tmp_path / "index.html"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["contact-sheet.png", "index.html"]
    assert path.read_text("utf-8").rstrip().endswith("</html>")
    first = path.read_bytes()
    assert demo.write_demo(tmp_path, page).read_bytes() == first


def test_a_folder_that_is_a_file_is_named(page, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be made"):
        demo.make_demo(tmp_path / "file")
    (tmp_path / "index.html").mkdir()
    with pytest.raises(OutputError, match=r"index\.html: cannot be written"):
        demo.write_demo(tmp_path, page)
    assert not list(tmp_path.glob(".*.part"))


def test_the_accuracy_is_that_of_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.importlib.resources, "files", lambda package: tmp_path)
    assert demo._accuracy() is None
    (tmp_path / "record.json").write_text(json.dumps({"test_accuracy": 0.98765}))
    assert demo._accuracy() == 0.98765


def test_samples_need_not_be_equally_many():
    assert demo._each(np.array([0, 0, 1, 1])) == "2"
    assert demo._each(np.array([0, 0, 1])) == "1 to 2"
