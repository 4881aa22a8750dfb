"""The faults that `planted_training` plants are named, each at its epoch, live and from the stored run."""

import keras
import numpy as np

from dreamfilters.training.findings import training_events
from dreamfilters.training.store import read_training
from tests.planted_training import BIAS_EPOCH, SHUFFLED_EPOCH


def test_each_planted_fault_is_named_at_its_epoch(faulty):
    folder, _, printed = faulty
    events = training_events(read_training(folder))
    died = [event for event in events if event.kind == "died" and event.layer == "conv1" and 3 in event.units]
    assert [event.epoch for event in died] == [BIAS_EPOCH]
    assert "dead, proved" in died[0].sentence
    frozen = [event for event in events if event.kind == "frozen"]
    assert [(event.layer, event.epoch) for event in frozen] == [("conv2", 1)]
    rose = [event for event in events if event.kind == "loss rose"]
    assert [event.epoch for event in rose] == [SHUFFLED_EPOCH]
    fell = [event.epoch for event in events if event.kind == "accuracy fell"]
    # each backend draws other numbers for the order of the images
    assert fell[0] - SHUFFLED_EPOCH in ((0,) if keras.backend.backend() == "tensorflow" else (0, 1))
    for event in events:
        assert f"TrainingMonitor: {event.sentence}\n" in printed


def test_the_verdicts_follow_the_bias(faulty):
    _, training, _ = faulty
    kinds = {look.name: training.verdict(look, "conv1", 3) for look in training.looks}
    assert kinds["epoch 2"] == "alive"
    assert {kinds[f"epoch {epoch}"] for epoch in range(BIAS_EPOCH, 7)} == {"dead"}
    assert training.looks[2].responding[3]
    assert not training.looks[3].responding[3]


def test_a_training_without_faults_has_no_events_of_the_network(faulty):
    _, training, _ = faulty
    events = [event for event in training_events(training) if event.epoch < BIAS_EPOCH]
    assert {event.kind for event in events} <= {"died", "born", "frozen"}


def test_a_frozen_layer_moves_by_nothing_and_others_by_something(faulty):
    _, training, _ = faulty
    changes = np.array([look.changes for look in training.looks[1:]])
    names = list(training.weighted)
    assert (changes[:, names.index("conv2")] == 0).all()
    assert (changes[:, names.index("conv1")] > 0).all()
