import io
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dreamfilters.errors import ModelError, TargetError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.maps.class_mask import class_color
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import LOGITS, LayerInfo, load
from dreamfilters.networks.layers.layer_info import TokenGrid
from dreamfilters.viewer.messages import CLASS_LAYER
from dreamfilters.viewer.worker import session as module
from dreamfilters.viewer.worker.map_encoding import block_maxima, encode_layer_maps, encode_unit_map, quantize
from dreamfilters.viewer.worker.session import ModelSession, describe_network, open_network


def layer_id(session, name):
    return next(key for key, info in session.description.layers.items() if info.name == name)


@pytest.mark.parametrize("all_layers", [0, 2**28], ids=["layer by layer", "all layers together"])
def test_a_session_gives_the_activations_of_the_network(network, scene, all_layers):
    session, image = ModelSession(network, all_layers=all_layers), scene()
    expected = activations(network, image[None], ["conv1", LOGITS])
    conv = layer_id(session, "conv1")
    assert session.activation(conv, "a", image) == pytest.approx(expected["conv1"][0], abs=1e-6)
    assert session.activation(CLASS_LAYER, "a", image) == pytest.approx(expected[LOGITS][0], abs=1e-5)
    values = session.unit_map(conv, 3, "a", image)
    row, column = values["position"]
    assert values["values"][row][column] == pytest.approx(expected["conv1"][0, ..., 3].max(), rel=1e-5)


def test_the_network_runs_once_for_each_image(network, scene, monkeypatch):
    runs = []
    monkeypatch.setattr(module, "activations", lambda *arguments: runs.append(1) or activations(*arguments))
    session = ModelSession(network)
    for key in ("a", "a", "b", "a"):
        session.layer_maps(layer_id(session, "conv2"), key, scene())
        session.predictions(key, scene(), 2)
    assert len(runs) == 2


def test_predictions_are_the_top_k_classes_with_their_probabilities(network, scene):
    session = ModelSession(network)
    found = session.predictions("a", scene(), 3)
    assert sum(each["probability"] for each in found) == pytest.approx(1)
    assert [each["logit"] for each in found] == sorted((each["logit"] for each in found), reverse=True)
    assert len(session.predictions("a", scene(), 2)) == 2


def test_the_cache_is_limited(network, scene, monkeypatch):
    runs = []
    monkeypatch.setattr(module, "activations", lambda *arguments: runs.append(1) or activations(*arguments))
    session = ModelSession(network, cache=ModelSession(network).activation_bytes)  # of one image
    for key in ("a", "b", "b", "a"):
        session.layer_maps(layer_id(session, "conv1"), key, scene())
    assert len(runs) == 3


def maps_of(values):
    values = np.asarray(values, "float32")
    return UnitMaps.of(LayerInfo("conv", "Conv2D", values.shape, values.shape[-1], "relu", None), values)


def test_a_sheet_holds_each_map_between_its_minimum_and_maximum():
    first, second = [[0, 1], [2, 4]], [[-1, -1], [-1, -1]]  # the second is constant
    encoded = encode_layer_maps(maps_of(np.stack([first, second], axis=-1)))
    assert np.frombuffer(encoded.sheet, "uint8").reshape(2, 2, 2).tolist() == [[[0, 64], [128, 255]], [[0, 0], [0, 0]]]
    assert encoded.values["minimum"] == [0, -1]
    assert encoded.values["maximum"] == [4, -1]
    assert encoded.values["mean"] == [1.75, -1]
    assert encoded.values["zero_fraction"] == [0.25, 0]
    assert (encoded.values["display"], encoded.values["full"]) == ("maps", [2, 2])


def test_values_that_are_not_finite_are_zero_on_the_sheet_and_null_in_json():
    planes = np.array([[[np.nan, 1], [3, np.inf]], [[np.nan, np.nan], [np.nan, np.nan]]], "float32")
    encoded = encode_layer_maps(maps_of(np.moveaxis(planes, 0, -1)))
    assert np.frombuffer(encoded.sheet, "uint8").reshape(2, 4)[0].tolist() == [0, 0, 255, 255]
    assert encoded.values["minimum"] == [1, None]
    assert encoded.values["maximum"] == [3, None]


def test_the_units_of_a_dense_layer_are_bars():
    encoded = encode_layer_maps(maps_of([0.5, -2]))
    assert (encoded.values["display"], encoded.values["maximum"], encoded.values["full"]) == ("bars", [0.5, -2], [1, 1])
    assert len(encoded.sheet) == 2


def test_a_large_map_keeps_the_maximum_of_each_block():
    planes = np.zeros((1, 130, 5), "float32")
    planes[0, 129, 2] = 7  # in the last block, of one row: 130 rows in blocks of 3 are 43 and one left over
    small = block_maxima(planes)
    assert small.shape == (1, 44, 5)
    assert small[0, 43, 2] == 7
    assert small.sum() == 7


def test_quantization_rounds_to_the_nearest():
    found = quantize(np.array([[[0.0, 0.499, 0.501, 1.0]]], "float32"), np.float32([0]), np.float32([255]))
    assert found.tolist() == [[[0, 0, 1, 1]]]


def test_the_map_of_a_unit_has_the_position_of_its_maximum():
    found = encode_unit_map(maps_of(np.array([[[1], [5]], [[np.nan], [0.123456789]]], "float32")))
    assert found["position"] == [0, 1]
    assert found["values"] == [[1, 5], [None, 0.1234568]]
    assert found["other_tokens"] == []


def test_patch_tokens_are_drawn_on_their_grid_and_the_class_token_is_separate():
    info = LayerInfo("mlp", "Dense", (5, 2), 2, "gelu", kind="tokens", grid=TokenGrid(2, 2, leading=1))
    values = np.array([[9, -9], [1, 0], [2, 0], [3, 0], [4, 0]], "float32")  # class token first
    encoded = encode_layer_maps(UnitMaps.of(info, values))
    assert (encoded.values["display"], encoded.values["full"]) == ("maps", [2, 2])
    assert encoded.values["other_tokens"] == [[9], [-9]]
    assert (encoded.values["minimum"], encoded.values["maximum"]) == ([1, -9], [9, 0])  # of all tokens
    first = np.frombuffer(encoded.sheet, "uint8").reshape(2, 2, 2)[0]
    assert first.tolist() == [[0, 32], [64, 96]]  # round(255 (v - 1) / 8)
    unit = encode_unit_map(UnitMaps.of(info, values, (0,)))
    assert (unit["values"], unit["position"], unit["other_tokens"]) == ([[1, 2], [3, 4]], [1, 1], [9])


def test_tokens_without_a_grid_are_drawn_as_one_row():
    info = LayerInfo("lstm", "LSTM", (3, 1), 1, "tanh", kind="tokens")
    encoded = encode_layer_maps(UnitMaps.of(info, np.array([[1], [2], [3]], "float32")))
    assert (encoded.values["full"], encoded.values["other_tokens"]) == ([1, 3], [])


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
    assert (layers["wide"]["display"], layers["class"]["display"]) == ("maps", "bars")
    assert layers["wide"]["receptive_field"] == {"size": [7, 7], "stride": [1, 1]}  # 3 + 5 - 1
    assert layers["average"]["receptive_field"] is None
    assert description.values["parameters"] == branches.count_params()
    assert description.values["class_layer"] == CLASS_LAYER
    assert description.values["class_output"] == "classes"  # which the layer of classes stands for
    assert "classes" not in layers
    assert (layers["class"]["type"], layers["class"]["activation"]) == ("Classes", "logits")
    assert ("average", "class") in edges


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
    free = replace(network, form=replace(network.form, size=(None, None)))
    with pytest.raises(ModelError, match="free: takes images of any size"):
        describe_network(free)


def test_a_network_is_opened_as_it_is_or_with_other_classes(network):
    assert open_network(network, {}).classes == network.classes
    changed = open_network(network, {"classes": ("a", "b", "c")})
    assert (changed.classes, changed.form) == (("a", "b", "c"), network.form)


def described(*last):
    model = keras.Sequential([layers.Input((8, 8, 3)), *last], name="net")
    return ModelSession(load(model))


def test_one_sigmoid_has_two_classes(scene):
    session = described(layers.GlobalAveragePooling2D(), layers.Dense(1, activation="sigmoid", name="out"))
    assert by_name(session.description)["class"]["units"] == 2
    found = session.predictions("a", scene(8, 8), 5)
    assert sum(each["probability"] for each in found) == pytest.approx(1)
    assert found[0]["logit"] == -found[1]["logit"]


def test_a_map_of_classes_is_a_layer_of_maps(scene):
    session = described(layers.Conv2D(2, 1, activation="softmax", name="seg"))
    assert by_name(session.description)["class"]["display"] == "maps"
    assert session.layer_maps(CLASS_LAYER, "a", scene(8, 8)).values["full"] == [8, 8]
    assert sum(each["share"] for each in session.predictions("a", scene(8, 8), 5)) == 1


def test_the_mask_of_a_map_of_classes_is_drawn_in_the_colors_of_its_predictions():
    session = described(layers.Conv2D(2, 1, activation="softmax", name="seg"))
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[0, 0, 0] = [-1, 1]  # class 1 where there is red, class 0 where there is less than a half
    session.network.model.layers[-1].set_weights([kernel, np.float32([0.5, -0.5])])
    image = np.zeros((8, 8, 3), np.float32)
    image[:, 4:, 0] = 1
    assert session.description.values["has_mask"]
    drawn = np.asarray(Image.open(io.BytesIO(session.class_mask_png("a", image))))
    height, width = drawn.shape[:2]
    colors = {each["index"]: each["color"] for each in session.predictions("a", image, 5)}
    for index, column, below in ((0, width // 4, (0, 0, 0)), (1, 3 * width // 4, (255, 0, 0))):
        assert colors[index] == "#{:02x}{:02x}{:02x}".format(*class_color(index))
        expected = [0.45 * under + 0.55 * over for under, over in zip(below, class_color(index), strict=True)]
        assert drawn[height // 2, column].tolist() == pytest.approx(expected, abs=1)


def test_other_outputs_have_no_mask(network, scene):
    session = ModelSession(network)
    assert not session.description.values["has_mask"]
    assert {each["color"] for each in session.predictions("a", scene(), 3)} == {None}
    with pytest.raises(TargetError, match="tiny: the output is not a map of classes"):
        session.class_mask_png("a", scene())


def test_a_regression_has_its_value_and_no_layer_of_classes(scene):
    session = described(layers.GlobalAveragePooling2D(), layers.Dense(1, name="age"))
    assert session.description.values["class_layer"] is None
    (found,) = session.predictions("a", scene(8, 8), 5)
    value = float(session.activation(by_name(session.description)["age"]["id"], "a", scene(8, 8))[0])
    assert found == {
        "index": 0, "name": "age:0", "probability": None, "logit": pytest.approx(value), "share": None,
        "predicted": False, "color": None,
    }  # fmt: skip
