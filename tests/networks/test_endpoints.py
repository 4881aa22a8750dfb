import keras
import pytest
from keras import layers

from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.networks import load
from dreamfilters.networks.endpoints import class_output, image_input

LEFT, RIGHT = keras.Input((4, 4, 3), name="left"), keras.Input((8, 8, 3), name="right")
AGE = keras.Input((5,), name="age")


@pytest.mark.parametrize(
    ("inputs", "wanted", "number"),
    [((LEFT,), None, 0), ((AGE, LEFT), None, 1), ((LEFT, RIGHT), "right", 1), ((AGE, LEFT), "left", 1)],
)
def test_the_input_that_takes_the_image(inputs, wanted, number):
    assert image_input("net", inputs, wanted) == number


@pytest.mark.parametrize(
    ("inputs", "wanted", "kind", "words"),
    [
        ((AGE,), None, ModelError, r"net: has no image input: its input is \(5,\)"),
        ((AGE, LEFT), "age", ModelError, r"its input age is \(5,\), an image is"),
        ((LEFT, RIGHT), None, ModelError, r"2 inputs for an image \(left, right\); choose one with --input NAME"),
        ((LEFT, RIGHT), "rigth", UnknownNameError, "net: has no input 'rigth'. Close names: right"),
    ],
)
def test_what_cannot_be_chosen_is_said(inputs, wanted, kind, words):
    with pytest.raises(kind, match=words):
        image_input("net", inputs, wanted)


def test_the_output_that_holds_the_classes():
    assert class_output("net", ("kind", "box"), None) == 0
    assert class_output("net", ("kind", "box"), "box") == 1
    with pytest.raises(UnknownNameError, match=r"net: has no output 'bax'\. Close names: box"):
        class_output("net", ("kind", "box"), "bax")


def test_a_network_of_two_inputs_and_two_outputs():
    seen = layers.Concatenate()([layers.GlobalMaxPooling2D()(LEFT), layers.Flatten(name="flat")(RIGHT), AGE])
    ends = [layers.Dense(2, name="kind")(seen), layers.Dense(4, name="box")(seen)]
    model = keras.Model([LEFT, AGE, RIGHT], ends, name="net")
    network = load(model, input="right", output="box")
    assert (network.form.size, len(network.classes)) == ((8, 8), 4)
    assert network.remark == "held at zeros: left, age"
    reasons = {info.name: info.reason for info in network.layers}
    assert (reasons["left"], reasons["age"], reasons["flat"], reasons["kind"]) == ("it is held at zeros",) * 2 + (
        "",
    ) * 2
    assert load(model, input="left").remark == (
        "held at zeros: age, right; of its outputs kind, box, the first holds the classes (--output NAME chooses)"
    )
    with pytest.raises(ModelError, match=r"^net: has 2 inputs for an image"):
        load(model)
