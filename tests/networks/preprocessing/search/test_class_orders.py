import dataclasses

import pytest

from dreamfilters.errors import UnknownNameError
from dreamfilters.networks.preprocessing.search.class_orders import class_orders


@pytest.fixture
def named(network):
    """A function from names of three outputs to the network."""
    return lambda *names: dataclasses.replace(network, classes=names)


def facts(orders):
    return {order.name: (order.classes, order.positions.tolist()) for order in orders}


def test_numbers_are_sorted_as_numbers_and_as_text(network, network_of, make_tiny):
    twelve = dataclasses.replace(network, classes=tuple(map(str, range(12))))
    found = facts(class_orders(twelve, ["00", "2", "10", "11", "12"]))
    assert list(found) == ["numeric", "string-sorted"]
    assert found["numeric"][1] == [0, 2, 10, 11, -1]  # there is no output for class 12
    assert found["string-sorted"][0] == ("0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9")
    assert found["string-sorted"][1] == [0, 4, 2, 3, -1]


def test_outputs_that_are_named_by_numbers_are_found_by_them(named):
    found = facts(class_orders(named("0", "10", "2"), ["10", "2", "7"]))
    assert found["string-sorted"] == (("0", "10", "2"), [1, 2, -1])
    assert found["numeric"] == (("0", "2", "10"), [2, 1, -1])


def test_a_folder_with_a_number_is_that_class_whatever_the_names(named):
    found = facts(class_orders(named("20", "30", "stop"), ["0", "2"]))
    assert found["as named"] == (("20", "30", "stop"), [0, 2])


def test_names_are_also_tried_in_alphabetical_order(named):
    found = facts(class_orders(named("stop", "GO", "left"), ["go", "stop"]))
    assert found == {"as named": (("stop", "GO", "left"), [1, 0]), "alphabetical": (("GO", "left", "stop"), [0, 2])}


def test_folders_name_the_outputs_if_nothing_else_does(named):
    found = facts(class_orders(named("0", "1", "2"), ["dog", "cat", "fox", "cat"]))
    assert list(found) == ["as named"]
    assert found["as named"] == (("cat", "dog", "fox"), [1, 0, 2, 0])


@pytest.mark.parametrize("names", [("0", "1", "2"), ("stop", "go", "left")])
def test_labels_that_are_no_classes_are_refused(named, names):
    words = (
        r"class cat: tiny has no such class.*its 3 outputs can be named with --classes FILE, or the folders numbered"
    )
    with pytest.raises(UnknownNameError, match=words):
        class_orders(named(*names), ["cat", "dog"])
