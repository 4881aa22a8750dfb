import pytest

from dreamfilters.errors import ModelError
from dreamfilters.viewer.messages import CLASS_LAYER
from dreamfilters.viewer.worker.network_description import describe_network
from dreamfilters.viewer.worker.session import open_network


def by_name(description):
    return {layer["name"]: layer for layer in description.values["layers"]}


def test_a_description_has_layers_edges_and_classes(branches, network_of):
    description = describe_network(network_of(branches))
    layers = by_name(description)
    name_of = {layer["id"]: name for name, layer in layers.items()}
    edges = {(name_of[start], name_of[end]) for start, end in description.values["edges"]}
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
    assert description.values["parameters"] == branches.count_params()
    assert description.values["class_layer"] == CLASS_LAYER


def test_a_target_is_written_as_on_the_command_line(network):
    description = describe_network(network)
    conv = by_name(description)["conv1"]["id"]
    assert description.target(conv, 5) == "conv1:5"
    assert [description.target(CLASS_LAYER, number) for number in range(2)] == ["class:STOP", 'class:"Vorfahrt achten"']
    assert (description.layers[conv].units, description.layers[CLASS_LAYER].units) == (8, 3)


def test_layers_inside_a_nested_model_have_ids_without_slashes(nested, network_of):
    description = describe_network(network_of(nested))
    inner = next(layer for layer in description.values["layers"] if layer["name"] == "backbone/conv2")
    assert "/" not in inner["id"]
    assert description.layers[inner["id"]].name == "backbone/conv2"


def test_a_receptive_field_is_a_box_of_fractions_clipped_to_the_image(network):
    description = describe_network(network)
    conv = by_name(description)["conv1"]["id"]  # 3x3 with padding on 16x16
    assert description.box_of(conv, 0, 0) == (0, 0, 2 / 16, 2 / 16)
    assert description.box_of(conv, 8, 15) == (7 / 16, 14 / 16, 10 / 16, 1)
    assert description.box_of(CLASS_LAYER, 0, 0) == (0, 0, 1, 1)


def test_a_network_that_takes_any_size_gets_one():
    import keras

    inputs = keras.layers.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs), name="free")
    description = describe_network(open_network(model, {}))
    assert description.size == (224, 224)
    assert description.values["class_layer"] is None
    assert by_name(description)["conv"]["shape"] == "? × ? × 2"
    assert describe_network(open_network(model, {"size": 32})).size == (32, 32)


def test_a_network_without_a_definite_size_is_an_error(network_of):
    import keras

    inputs = keras.layers.Input((None, None, 3))
    network = open_network(keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs), name="free"), {"size": 32})
    import dataclasses

    free = dataclasses.replace(network, form=dataclasses.replace(network.form, size=(None, None)))
    with pytest.raises(ModelError, match="free: takes images of any size"):
        describe_network(free)
