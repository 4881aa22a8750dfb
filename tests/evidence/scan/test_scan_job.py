"""A survey can be stopped at any batch and gone on with, also by another one that is given its progress."""

import numpy as np
import pytest

from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState, class_numbers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import InputForm, Network


@pytest.fixture
def survey(tiny, network_of):
    images = np.random.default_rng(0).random((17, 16, 16, 3), dtype=np.float32)
    return ScanJob(
        network_of(tiny), source_of(images, ["0", "1", ""] * 5 + ["2", "2"]), ("conv1", "//logits"), k=3, batch=4
    )


def test_what_is_left_is_looked_at_and_nothing_twice(survey):
    whole = survey.start()
    names = list(survey.batches(whole))
    assert names == ["3", "7", "11", "15", "16"]
    for stops in range(5):
        begun = survey.start()
        for _ in zip(range(stops), survey.batches(begun), strict=False):
            pass
        arrays = {name: values.copy() for name, values in begun.tally.arrays.items()}
        resumed = ScanState(begun.next, Accumulators.of(arrays), begun.predicted.copy())
        assert list(survey.batches(resumed)) == names[begun.next // 4 :]
        assert resumed.next == 17
        assert resumed.predicted.tolist() == whole.predicted.tolist()
        assert all(resumed.tally.arrays[name].tobytes() == whole.tally.arrays[name].tobytes() for name in arrays)


def test_facts_say_what_kind_of_layer_it_was(survey):
    conv, logits = survey.facts
    assert (conv.type, conv.activation, conv.shape, conv.field.size) == ("Conv2D", "relu", (16, 16, 8), (3, 3))
    assert (logits.type, logits.shape, logits.field) == ("logits", (1, 1, 3), None)


def test_numbers_are_classes_numbers_unless_too_large(tiny):
    network = Network(tiny, InputForm.from_range(0, 1, size=(16, 16)), ("red", "dark"))
    assert class_numbers(network, ["1", "", "00"]) == (1, -1, 0)
    assert class_numbers(network, ["dark", "RED"]) == (1, 0)
    with pytest.raises(UnknownNameError, match="class 2"):
        class_numbers(network, ["2", "0"])


def test_labels_that_could_be_numbers_and_names_are_not_guessed(tiny):
    network = Network(tiny, InputForm.from_range(0, 1, size=(16, 16)), ("1", "30", "STOP"))
    assert class_numbers(network, ["1", "0"]) == (1, 0)  # no class is called 0
    assert class_numbers(network, ["30", "1"]) == (1, 0)  # there is no number 30
    with pytest.raises(UnknownNameError, match=r"label 1: may be class 1, 30, or class 0, .* say 01 or 00"):
        class_numbers(network, ["1", ""])
    assert class_numbers(network, ["01", "00"]) == (1, 0)
