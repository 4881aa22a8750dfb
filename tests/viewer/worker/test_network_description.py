import pytest

from dreamfilters.errors import ModelError
from dreamfilters.viewer.messages import CLASSES
from dreamfilters.viewer.worker.network_description import described
from dreamfilters.viewer.worker.session import opened


def by_name(facts):
    return {layer["name"]: layer for layer in facts.values["layers"]}


def test_a_network_is_its_layers_edges_and_classes(branches, network_of):
    facts = described(network_of(branches))
    layers = by_name(facts)
    name_of = {layer["id"]: name for name, layer in layers.items()}
    edges = {(name_of[start], name_of[end]) for start, end in facts.values["edges"]}
    assert {
        ("stem", "narrow"),
        ("stem", "wide"),
        ("stem", "sum"),
        ("wide", "sum"),
        ("narrow", "both"),
        ("sum", "both"),
    } < edges
    assert (layers["wide"]["display"], layers["classes"]["display"]) == ("maps", "bars")
    assert layers["wide"]["receptive_field"] == {"size": [7, 7], "stride": [1, 1]}  # 3 + 5 - 1
    assert layers["average"]["receptive_field"] is None
    assert facts.values["parameters"] == branches.count_params()
    assert facts.values["class_layer"] == CLASSES


def test_a_target_is_what_the_command_line_takes(network):
    facts = described(network)
    conv = by_name(facts)["conv1"]["id"]
    assert facts.target(conv, 5) == "conv1:5"
    assert [facts.target(CLASSES, number) for number in range(2)] == ["class:STOP", 'class:"Vorfahrt achten"']
    assert (facts.units(conv), facts.units(CLASSES)) == (8, 3)


def test_layers_inside_a_nested_model_have_ids_without_slashes(nested, network_of):
    facts = described(network_of(nested))
    inner = next(layer for layer in facts.values["layers"] if layer["name"] == "backbone/conv2")
    assert "/" not in inner["id"]
    assert facts.addresses[inner["id"]] == "backbone/conv2"


def test_a_place_sees_a_share_of_the_image_cut_at_its_edges(network):
    facts = described(network)
    conv = by_name(facts)["conv1"]["id"]  # 3x3 with padding on 16x16
    assert facts.seen_from(conv, 0, 0) == (0, 0, 2 / 16, 2 / 16)
    assert facts.seen_from(conv, 8, 15) == (7 / 16, 14 / 16, 10 / 16, 1)
    assert facts.seen_from(CLASSES, 0, 0) == (0, 0, 1, 1)


def test_a_network_that_takes_any_size_is_given_one():
    import keras

    inputs = keras.layers.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs), name="free")
    facts = described(opened(model, {}))
    assert facts.size == (224, 224)
    assert facts.values["class_layer"] is None
    assert by_name(facts)["conv"]["shape"] == "? × ? × 2"
    assert described(opened(model, {"size": 32})).size == (32, 32)


def test_a_size_has_to_be_known(network_of):
    import keras

    inputs = keras.layers.Input((None, None, 3))
    network = opened(keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs), name="free"), {"size": 32})
    import dataclasses

    free = dataclasses.replace(network, form=dataclasses.replace(network.form, size=(None, None)))
    with pytest.raises(ModelError, match="free: takes images of any size"):
        described(free)
