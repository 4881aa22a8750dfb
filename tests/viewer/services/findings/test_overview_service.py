import numpy as np

from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.viewer.messages import NetworkDescription
from dreamfilters.viewer.services.findings.overview_service import _confused_pair, _worst_class


def text_of(titles, labels, predicted):
    description = NetworkDescription(
        {"classes": titles}, {}, {}, tuple(titles), tuple(titles), (8, 8), 3, "bicubic", 16
    )
    accuracy = Accuracy(np.arange(len(labels)), np.array(labels), np.array(predicted))
    (pair,) = _confused_pair(description, accuracy)
    return pair["text"], _worst_class(description, accuracy)["text"]


def test_classes_whose_names_are_numbers_do_not_read_as_counts():
    # Two images of class 0 and one of class 1: those of class 0 are predicted as class 1.
    assert text_of(["30", "1"], [0, 0, 1], [1, 1, 1]) == (
        "2 images of “30” predicted as class 1, 0 the other way round.",
        "0 of 2 images of “30” predicted correctly.",
    )
    assert text_of(["STOP", "yield"], [0, 0, 1], [1, 0, 1]) == (
        "1 image of STOP predicted as yield, 0 the other way round.",
        "1 of 2 images of STOP predicted correctly.",
    )
