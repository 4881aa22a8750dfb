"""The head of a network and its probabilities, worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.measures.class_transfer import class_transfer
from dreamfilters.comparison.measures.confusions import confusions_of
from dreamfilters.errors import ModelError
from dreamfilters.networks import LOGITS, InputForm, Network, load
from dreamfilters.networks.classes.class_head import ClassHead
from dreamfilters.networks.classes.predictions import Prediction, predicted_from, predictions


def ending(*last, classes=("a", "b", "c")):
    model = keras.Sequential([layers.Input((4, 4, 3)), layers.GlobalAveragePooling2D(), *last])
    return Network(model, InputForm.from_range(0, 1, size=(4, 4)), classes)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ([layers.Dense(3, activation="softmax")], "softmax"),
        ([layers.Dense(3), layers.Softmax()], "softmax"),
        ([layers.Dense(3)], "softmax"),
        ([layers.Dense(3, activation="sigmoid")], "sigmoid"),
        ([layers.Dense(3), layers.Activation("sigmoid"), layers.Identity()], "sigmoid"),
        ([layers.Dense(1, activation="sigmoid")], "binary"),
        ([layers.Dense(1)], "regression"),
        ([layers.Dense(3, activation="relu")], "regression"),
        ([layers.Dense(3, activation="softmax"), layers.Activation("linear", dtype="float32")], "softmax"),
    ],
)
def test_the_head_is_read_off_the_end(last, kind):
    assert ending(*last).head.kind == kind


def test_probabilities_by_hand():
    logits = np.log([[1.0, 3.0, 4.0], [6.0, 1.0, 1.0]])
    np.testing.assert_allclose(
        ClassHead("softmax").probabilities(logits), [[1 / 8, 3 / 8, 1 / 2], [3 / 4, 1 / 8, 1 / 8]]
    )
    np.testing.assert_allclose(
        ClassHead("sigmoid").probabilities(logits), [[1 / 2, 3 / 4, 4 / 5], [6 / 7, 1 / 2, 1 / 2]]
    )
    np.testing.assert_allclose(ClassHead("binary").probabilities([[-np.log(3), np.log(3)]]), [[1 / 4, 3 / 4]])
    assert ClassHead("regression").probabilities(logits) is None


def test_far_logits_do_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        assert ClassHead("softmax").probabilities([1e5, 0]).tolist() == [1, 0]
        assert ClassHead("sigmoid").probabilities([1e5, -1e5]).tolist() == pytest.approx([1, 0])


def test_the_predicted_class():
    logits = [[1, 3, 2], [np.nan, -3, -2]]
    assert ClassHead("softmax").predicted(logits).tolist() == [1, 2]
    assert ClassHead("sigmoid").predicted(logits).tolist() == [1, -1]  # all of the second are below a half
    assert ClassHead("regression").predicted(logits).tolist() == [-1, -1]
    assert ClassHead("binary").predicted([[-0.5, 0.5], [0.5, -0.5]]).tolist() == [1, 0]


def test_several_sigmoids_predict_several_classes():
    assert ClassHead("sigmoid").are_predicted([0.1, -3, 2]).tolist() == [True, False, True]
    assert ClassHead("softmax").are_predicted([0.1, -3, 2]).tolist() == [False, False, True]
    assert ClassHead("regression").are_predicted([0.1, -3, 2]).tolist() == [False, False, False]


def test_layers_that_forward_the_softmax_do_not_hide_the_logits():
    dense = layers.Dense(3, activation="softmax", name="dense", kernel_initializer="ones")
    network = ending(dense, layers.Identity(), layers.Dropout(0.5))
    logits = np.asarray(network.watch(frozenset({LOGITS}))(np.full((1, 4, 4, 3), 0.5, "float32"))[LOGITS])
    assert logits.tolist() == [[1.5, 1.5, 1.5]]


def test_predictions_confusions_and_transfer_agree_on_a_sigmoid_head():
    """Independent probabilities: a softmax would give 0.9 and 0.1 where the sigmoids give 0.9 and 0.5."""
    bias = np.log([9.0, 1.0])
    network = ending(
        layers.Dense(2, activation="sigmoid", kernel_initializer="zeros", bias_initializer=lambda *_, **__: bias),
        classes=("a", "b"),
    )
    images = np.full((2, 4, 4, 3), 0.5, "float32")
    logits = np.asarray(network.watch(frozenset({LOGITS}))(images)[LOGITS])
    predicted = {one.name: one.probability for one in predictions(network, logits[0], 2)}
    assert predicted == pytest.approx({"a": 0.9, "b": 0.5})
    transfers = [class_transfer(network, number, logits[0]) for number in (0, 1)]
    assert [one.probability for one in transfers] == pytest.approx([0.9, 0.5])
    assert [one.rank for one in transfers] == [1, 2]
    (confusion,) = confusions_of(logits, [0, 0], 0, head=network.head)
    assert (confusion.predicted, confusion.probability) == (1, pytest.approx(0.5))


def test_a_regression_has_no_probabilities_anywhere():
    network = ending(layers.Dense(2, activation="relu"), classes=("a", "b"))
    images = np.full((2, 4, 4, 3), 0.5, "float32")
    logits = np.asarray(network.watch(frozenset({LOGITS}))(images)[LOGITS])
    assert {one.probability for one in predictions(network, logits[0], 2)} == {None}
    assert class_transfer(network, 0, logits[0]).probability is None
    (confusion,) = confusions_of(logits, [0, 0], 0, head=network.head)
    assert confusion.probability is None


def test_the_most_probable_class_comes_first(network):
    top = predictions(network, np.float32([0, np.log(6), np.log(3)]), 2)
    assert [(one.number, one.name) for one in top] == [(1, "Vorfahrt achten"), (2, "20")]
    assert [one.probability for one in top] == pytest.approx([0.6, 0.3])
    assert top[0].logit == pytest.approx(np.log(6))


def test_probabilities_of_a_sigmoid_are_independent():
    top = predictions(ending(layers.Dense(3, activation="sigmoid")), np.float32([0, 800, -800]), 3)
    assert [one.probability for one in top] == pytest.approx([1, 0.5, 0])


def test_a_regression_has_its_value_and_no_class():
    network = load(ending(layers.Dense(1, name="age"), classes=()).model)
    assert (network.classes, network.head.kind, predicted_from(network)) == ((), "regression", "age")
    (one,) = predictions(network, np.float32([3.5]), 5)
    assert one == Prediction(0, "age:0", 3.5, None, predicted=False)
    assert one.size == "3.5"


def test_nan_is_the_lowest_logit(network):
    assert [one.number for one in predictions(network, np.float32([np.nan, -5, -4]), 2)] == [2, 1]


def of_brightness(bias, classes=None, **dense):
    """A network of one output whose logit is `bias` plus the mean of the image's three channels."""
    last = layers.Dense(1, kernel_initializer="ones", bias_initializer=keras.initializers.Constant(bias), **dense)
    return load(ending(last, classes=()).model, classes=classes)


@pytest.mark.parametrize("dense", [{"activation": "sigmoid"}, {}])
def test_one_output_for_two_classes(dense):
    """Of a black image the logit is -3: 'cat' has the probability 1 / (1 + e**-3) = 0.953."""
    network = of_brightness(-3, ("cat", "dog"), **dense)
    assert (network.head.kind, network.layer(LOGITS).units) == ("binary", 2)
    assert (network.class_number("cat"), network.class_number("dog")) == (0, 1)
    black = np.zeros((1, 4, 4, 3), "float32")
    logits = np.asarray(network.watch(frozenset({LOGITS}))(black)[LOGITS])
    assert logits.tolist() == [[3, -3]]
    cat, dog = predictions(network, logits[0], 5)
    assert (cat.name, cat.predicted, dog.name, dog.predicted) == ("cat", True, "dog", False)
    assert (cat.probability, dog.probability) == pytest.approx((0.9526, 0.0474), abs=1e-4)


def test_the_two_classes_of_one_sigmoid_are_numbered_where_they_have_no_names():
    assert of_brightness(0, activation="sigmoid").classes == ("0", "1")
    with pytest.raises(ModelError, match="1 class names, the network has one output for two classes"):
        of_brightness(0, ("dog",), activation="sigmoid")


def convolved(*last, channels=3, classes=None):
    return load(keras.Sequential([layers.Input((4, 4, channels)), *last]), classes=classes)


@pytest.mark.parametrize(
    ("last", "classes", "kind", "count"),
    [
        (layers.Conv2D(2, 1, activation="softmax"), None, "softmax", 2),
        (layers.Conv2D(1, 1, activation="sigmoid"), None, "binary", 2),
        (layers.Conv2D(2, 1, activation="sigmoid"), None, "sigmoid", 2),
        (layers.Conv2D(3, 1, activation="sigmoid"), None, "regression", 0),  # as the image: an autoencoder
        (layers.Conv2D(3, 1, activation="sigmoid"), ("a", "b", "c"), "sigmoid", 3),
        (layers.Conv2D(2, 1), None, "regression", 0),
        (layers.Conv2D(2, 1), ("road", "sky"), "softmax", 2),
    ],
)
def test_maps_that_are_classes(last, classes, kind, count):
    network = convolved(last, classes=classes)
    assert (network.head.kind, network.class_count, len(network.classes)) == (kind, count, count)


def test_a_map_of_classes_is_predicted_by_its_shares(network_of):
    network = convolved(layers.Conv2D(3, 1, activation="softmax"), classes=("road", "sky", "car"))
    logits = np.zeros((2, 2, 3), "float32")
    logits[0, :, 1] = logits[1, 0, 1] = np.log(2)
    logits[1, 1, 0] = np.log(6)
    sky, road, car = predictions(network, logits, 5)
    assert [(one.name, one.share, one.predicted) for one in (sky, road, car)] == [
        ("sky", 0.75, True), ("road", 0.25, True), ("car", 0.0, False)
    ]  # fmt: skip
    assert sky.probability == pytest.approx((3 * 2 / 4 + 1 / 8) / 4)
    assert sky.size == "75 % of the image"


@pytest.mark.parametrize("end", [layers.Flatten(), layers.Reshape((3,)), layers.Reshape((1, 3))])
def test_a_softmax_over_a_map_of_one_position_is_that_of_the_image(end):
    network = load(ending(layers.Reshape((1, 1, 3)), layers.Conv2D(3, 1, activation="softmax"), end).model)
    logits = network.layer(LOGITS)
    assert (network.head.kind, network.class_count, logits.kind, logits.shape) == ("softmax", 3, "vector", (3,))
    image = np.random.default_rng(0).random((2, 4, 4, 3), "float32")
    seen = network.watch(frozenset({LOGITS}))(image)[LOGITS]
    shares = network.head.probabilities(seen)
    np.testing.assert_allclose(shares, np.reshape(network.model(image), (2, 3)), rtol=1e-5)


def test_a_mask_that_is_laid_out_as_a_list_is_a_map():
    network = convolved(layers.Conv2D(1, 1, activation="sigmoid", name="mask"), layers.Flatten())
    assert (network.head.kind, network.output_layer.name, network.layer(LOGITS).shape) == ("binary", "mask", (4, 4, 2))
    softmax = convolved(layers.Conv2D(5, 1, activation="softmax", name="seg"), layers.Reshape((16, 5)))
    assert (softmax.class_count, softmax.layer(LOGITS).shape) == (5, (4, 4, 5))
