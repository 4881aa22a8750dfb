import keras
import pytest
from keras import layers

from dreamfilters.errors import InputFormError, ModelError, UnknownNameError
from dreamfilters.networks import load
from dreamfilters.networks.endpoints import flat_shape, input_index, output_index

LEFT, RIGHT = keras.Input((4, 4, 3), name="left"), keras.Input((8, 8, 3), name="right")
AGE, VIDEO = keras.Input((5,), name="age"), keras.Input((9, 4, 4, 3), name="video")


@pytest.mark.parametrize(
    ("inputs", "wanted", "number"),
    [
        ((LEFT,), None, 0),
        ((AGE, LEFT), None, 1),
        ((LEFT, RIGHT), "right", 1),
        ((AGE, LEFT), "left", 1),
        ((AGE, LEFT), "age", 0),
        ((AGE,), None, 0),
    ],
)
def test_the_input_that_takes_the_image(inputs, wanted, number):
    assert input_index("net", inputs, wanted) == number


@pytest.mark.parametrize(
    ("inputs", "wanted", "kind", "words"),
    [
        (
            (VIDEO,),
            None,
            ModelError,
            r"net: has no image input: its input is \(9, 4, 4, 3\), a volume or a video; .*; a model of one slice",
        ),
        ((AGE, VIDEO), "video", ModelError, "a volume or a video"),
        ((LEFT, RIGHT), None, ModelError, r"2 inputs for an image \(left, right\); choose one with --input NAME"),
        ((LEFT, RIGHT), "rigth", UnknownNameError, "net: has no input 'rigth'. Close names: right"),
    ],
)
def test_an_impossible_choice_is_refused(inputs, wanted, kind, words):
    with pytest.raises(kind, match=words):
        input_index("net", inputs, wanted)


@pytest.mark.parametrize(
    ("shape", "size", "readers", "found"),
    [
        ((784,), (28, 28), [("Dense", (16,))], ((28, 28, 1), True)),
        ((3072,), (32, 32), [("Dense", (16,))], ((32, 32, 3), True)),
        ((28, 28), (28, 28), [("LSTM", (16,))], ((28, 28, 1), True)),
        ((784,), (None, None), [("Rescaling", (784,)), ("Reshape", (28, 28, 1))], ((28, 28, 1), False)),
        ((28, 28), (None, None), [("Flatten", (784,)), ("Dense", (10,))], ((28, 28, 1), True)),
        ((28, 28), (None, None), [("ExpandDims", (28, 28, 1)), ("Conv2D", (26, 26, 4))], ((28, 28, 1), False)),
    ],
)
def test_the_image_in_a_flat_input(shape, size, readers, found):
    assert flat_shape("net", shape, size, readers) == found


@pytest.mark.parametrize(
    ("shape", "size", "readers", "kind", "words"),
    [
        ((784,), (30, 30), [], InputFormError, r"size=\[30, 30\]: net takes \(784,\), which is not 30 \* 30"),
        ((784,), (None, None), [("Dense", (784,))], ModelError, "a list of numbers; .* give their height and width"),
        ((128, 9), (None, None), [("Conv1D", (126, 4))], ModelError, "a one-dimensional signal; .* --input-size HxW"),
    ],
)
def test_flat_inputs_without_an_image_are_refused(shape, size, readers, kind, words):
    with pytest.raises(kind, match=words):
        flat_shape("net", shape, size, readers)


def test_a_network_that_is_applied_to_each_frame_is_opened_by_name():
    frame = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3, name="conv"), layers.GlobalMaxPooling2D()])
    video = keras.Input((5, 8, 8, 3))
    model = keras.Model(video, layers.LSTM(3)(layers.TimeDistributed(frame, name="frames")(video)), name="net")
    with pytest.raises(ModelError, match=r"a video; .*; --input frames opens the network that frames applies to each"):
        load(model)
    network = load(model, input="frames")
    assert (network.form.size, network.layers[0].name) == ((8, 8), "conv")
    assert network.choices == {"input": "frames"}


def test_the_input_without_a_value_takes_the_image():
    assert input_index("net", (LEFT, RIGHT), None, {"left"}) == 1
    assert input_index("net", (LEFT, RIGHT), "left", {"left"}) == 0
    ends = layers.Concatenate()([layers.Flatten(name="flat")(LEFT), layers.GlobalMaxPooling2D()(RIGHT)])
    model = keras.Model([LEFT, RIGHT], [layers.Dense(2, name="kind")(ends), layers.Dense(4, name="box")(ends)])
    network = load(model, inputs={"right": 0.5})
    assert network.choices["input"] == "left"
    assert network.remark.startswith("right is held at 0.5")


def test_the_output_that_holds_the_classes():
    assert output_index("net", ("kind", "box"), ("a", "b"), None) == 0
    assert output_index("net", ("kind", "box"), ("a", "b"), "box") == 1
    assert output_index("net", ("kind", "box"), ("a", "b"), "b") == 1
    with pytest.raises(UnknownNameError, match=r"net: has no output 'bax'\. Close names: box"):
        output_index("net", ("kind", "box"), (), "bax")


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
        "held at zeros: age, right; classes: kind of its outputs kind, box (--output NAME chooses)"
    )
    with pytest.raises(ModelError, match=r"^net: has 2 inputs for an image"):
        load(model)


def test_the_softmax_is_preferred_to_alphabetical_order():
    """Keras sorts the keys of a dictionary: age, boxes, species, tags."""
    image = keras.Input((8, 8, 3))
    seen = layers.GlobalMaxPooling2D()(image)
    ends = {
        "species": layers.Dense(4, activation="softmax", name="dense_2")(seen),
        "age": layers.Dense(1, name="dense")(seen),
        "tags": layers.Dense(5, activation="sigmoid", name="dense_1")(seen),
        "boxes": layers.Reshape((6, 4), name="reshape")(layers.Dense(24, name="dense_3")(seen)),
    }
    model = keras.Model(image, ends, name="net")
    network = load(model)
    assert (network.output, network.head.kind, len(network.classes)) == ("dense_2", "softmax", 4)
    assert network.remark == "classes: dense_2 of its outputs dense, reshape, dense_2, dense_1 (--output NAME chooses)"
    assert [load(model, output=key).class_count for key in ("age", "boxes", "species", "dense_1")] == [0, 0, 4, 5]
    del ends["species"]
    assert load(keras.Model(image, ends)).output == "dense_1"
    assert load(keras.Model(image, [ends["age"], ends["boxes"]])).output is None
