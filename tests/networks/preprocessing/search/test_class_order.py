import dataclasses

import numpy as np
import pytest

from dreamfilters.networks.classes.class_labels import class_labels
from dreamfilters.networks.preprocessing.search.class_order import class_orders, order_by_predictions


@pytest.fixture
def named(network):
    """A function from names of three outputs to the network."""
    return lambda *names: dataclasses.replace(network, classes=names)


def orders(network, labels):
    return class_orders(class_labels(network, labels))


def facts(found):
    return {order.name: (order.classes, order.positions.tolist()) for order in found}


def test_numbers_are_sorted_as_numbers_and_as_text(network, network_of, make_tiny):
    twelve = dataclasses.replace(network, classes=tuple(map(str, range(12))))
    found = facts(orders(twelve, ["00", "2", "10", "11", "12"]))
    assert list(found) == ["numeric", "string-sorted"]
    assert found["numeric"][1] == [0, 2, 10, 11, -1]  # there is no output for class 12
    assert found["string-sorted"][0] == ("0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9")
    assert found["string-sorted"][1] == [0, 4, 2, 3, -1]


def test_outputs_that_are_named_by_numbers_are_found_by_them(named):
    found = facts(orders(named("0", "10", "2"), ["10", "2", "7", "8"]))
    assert found["string-sorted"] == (("0", "10", "2"), [1, 2, -1, -1])
    assert found["numeric"] == (("0", "2", "10"), [2, 1, -1, -1])


def test_a_folder_with_a_number_is_that_class_whatever_the_names(named):
    found = facts(orders(named("20", "30", "stop"), ["0", "2"]))
    assert found["as named"] == (("20", "30", "stop"), [0, 2])


def test_names_are_also_tried_in_alphabetical_order(named):
    found = facts(orders(named("stop", "GO", "left"), ["go", "stop"]))
    assert found == {"as named": (("stop", "GO", "left"), [1, 0]), "alphabetical": (("GO", "left", "stop"), [0, 2])}


def test_folders_name_the_outputs_if_nothing_else_does(named):
    found = facts(orders(named("0", "1", "2"), ["dog", "cat", "fox", "cat"]))
    assert found == {"alphabetical": (("cat", "dog", "fox"), [1, 0, 2, 0])}


def test_folders_that_replace_names_are_in_alphabetical_order(named):
    found = facts(orders(named("stop", "go", "left"), ["cat", "dog", "fox", "cat"]))
    assert found == {"alphabetical": (("cat", "dog", "fox"), [0, 1, 2, 0])}


NAMES = ("ant", "bee", "cow", "dog")
HALVES = np.arange(16) % 8 >= 4  # of two images of each class, twice


def predicted(outputs):
    """Probabilities of 0.7 for these outputs and 0.1 for the three others."""
    return np.where(np.eye(4)[list(outputs)] == 1, 0.7, 0.1)


def test_the_order_is_that_in_which_most_images_are_predicted_correctly():
    """Output 2 is predicted for every ant, 0 for every bee, 3 for every cow, 1 for every dog."""
    labels = np.arange(16) % 4
    order = order_by_predictions(NAMES, labels, predicted(np.array([2, 0, 3, 1])[labels]), HALVES)
    assert order.classes == ("bee", "dog", "ant", "cow")
    assert order.positions.tolist() == [2, 0, 3, 1] * 4


def test_each_image_is_judged_by_the_order_of_the_other_half():
    """In the first half output 0 is predicted for ants, in the second for bees: neither half confirms the other."""
    labels = np.arange(16) % 2
    order = order_by_predictions(("ant", "bee"), labels, np.eye(2)[np.where(HALVES, 1 - labels, labels)], HALVES)
    assert order.positions.tolist() == np.where(HALVES, labels, 1 - labels).tolist()
    assert np.mean(np.where(HALVES, 1 - labels, labels) == order.positions) == 0


def test_classes_without_images_keep_their_sequence():
    """Of ant, bee, cow and dog only cows are shown, and output 0 is predicted for them; 4 is a label of no output."""
    labels = np.array([2, 2, 4, 2, 2, 4])
    order = order_by_predictions(NAMES, labels, predicted([0] * 6), np.arange(6) >= 3)
    assert order.classes == ("cow", "ant", "bee", "dog")
    assert order.positions.tolist() == [0, 0, -1, 0, 0, -1]


def test_probabilities_decide_between_equal_counts():
    labels = np.array([0, 1] * 4)
    both = np.where(labels[:, None] == 0, [[0.6, 0.4, 0, 0]], [[0.9, 0.1, 0, 0]])  # output 0 is predicted for all
    order = order_by_predictions(NAMES, labels, both, np.arange(8) >= 4)
    assert order.classes[:2] == ("bee", "ant")  # .9 + .4 against .6 + .1
