"""Tests of labels as class indices."""

import pytest

from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.scan.class_labels import class_numbers
from dreamfilters.networks import InputForm, Network


def test_numeric_labels_are_class_indices_if_all_are_in_range(tiny):
    network = Network(tiny, InputForm.from_range(0, 1, size=(16, 16)), ("red", "dark"))
    assert class_numbers(network, ["1", "", "00"]) == (1, -1, 0)
    assert class_numbers(network, ["dark", "RED"]) == (1, 0)
    with pytest.raises(UnknownNameError, match="class 2"):
        class_numbers(network, ["2", "0"])


def test_labels_that_are_both_indices_and_names_are_refused(tiny):
    network = Network(tiny, InputForm.from_range(0, 1, size=(16, 16)), ("1", "30", "STOP"))
    assert class_numbers(network, ["1", "0"]) == (1, 0)  # no class is named 0
    assert class_numbers(network, ["30", "1"]) == (1, 0)  # there is no class 30
    with pytest.raises(
        UnknownNameError, match=r"label 1: ambiguous between class 1 \(30\) and class 0 \(named 1\); write 01 or 00"
    ):
        class_numbers(network, ["1", ""])
    assert class_numbers(network, ["01", "00"]) == (1, 0)
