"""The built-in network."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from dreamfilters.networks import LOGITS, load
from dreamfilters.signs.classes import ENGLISH, GERMAN


@pytest.fixture(scope="module")
def network():
    return load("signs")


def test_it_recognizes_nine_of_ten_rendered_samples(network, rendered):
    labels, images = zip(*rendered, strict=True)
    assert min(np.bincount(labels)) >= 3
    logits = np.asarray(network.watch(frozenset({LOGITS}))(network.form.to_input(np.stack(images)))[LOGITS])
    assert np.mean(logits.argmax(axis=1) == np.array(labels)) >= 0.9


def test_the_record_states_the_measured_accuracy():
    record = json.loads(files("dreamfilters.signs").joinpath("record.json").read_text("utf-8"))
    assert record["tested_on"] == 12630
    assert record["test_accuracy"] >= 0.975
    assert len(record["history"]) == record["settings"]["epochs"]


def test_classes_are_found_by_german_english_and_number(network):
    assert network.classes == GERMAN
    assert network.class_number("stop") == network.class_number("14") == GERMAN.index("STOP")
    for number, (german, english) in enumerate(zip(GERMAN, ENGLISH, strict=True)):
        assert network.class_number(german) == network.class_number(english) == number


def test_it_ships_the_color_statistics_of_its_images(network):
    assert network.prior is not None
    assert network.origin.source == "known"
