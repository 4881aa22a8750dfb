"""Tests of ablations against networks worked out by hand, and against Keras with the filter's weights at zero."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.ablation.ablation_job import AblationJob, ablate
from dreamfilters.errors import ImageError, ModelError, RecipeError, TargetError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.scan.sources import source_of
from tests.batch_independence import any_batch_size


@pytest.fixture
def reader(network_of):
    """Two classes: unit 0 of `maps` is red, unit 1 green, unit 2 nothing. The logit of a class reads one unit alone."""
    inputs = layers.Input((2, 2, 3))
    maps = layers.Conv2D(3, 1, activation="relu", name="maps")(inputs)
    x = layers.GlobalAveragePooling2D(name="average")(maps)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(x), name="reader")
    kernel = np.zeros((1, 1, 3, 3))
    kernel[0, 0, 0, 0] = kernel[0, 0, 1, 1] = 4
    model.get_layer("maps").set_weights([kernel, np.array([0.0, 0.0, -1.0])])
    model.get_layer("classes").set_weights([np.array([[2.0, 0.0], [0.0, 2.0], [3.0, -3.0]]), np.array([0.0, 1.0])])
    return network_of(model, classes=("red", "green"))


RED, GREEN = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]


def colored(*colors):
    return np.stack([np.broadcast_to(np.float32(color), (2, 2, 3)) for color in colors])


IMAGES, LABELS = colored(RED, RED, RED, GREEN, GREEN), ["red", "red", "red", "green", "green"]


def test_without_the_unit_that_a_class_reads_no_image_of_it_is_right(reader):
    """A red image has the logits 8 and 1, a green one 0 and 9. Without unit 0 a red image has 0 and 1."""
    found = ablate(reader, "maps:0", IMAGES, labels=LABELS, controls=0)
    effect = found.unit("maps", 0)
    assert (found.images, found.accuracy) == (5, 1.0)
    assert (effect.lost.tolist(), effect.gained.tolist()) == ([3, 0], [0, 0])
    assert effect.accuracy.value == -0.6
    assert effect.accuracy_by_class.value.tolist() == [-1, 0]
    assert effect.margin_by_class.value.tolist() == [-8, 0]
    assert effect.logit.value == pytest.approx(-8 * 3 / 5)
    assert effect.p_value == 0.25  # three lost, none gained: 2 / 2**3


def test_a_dead_unit_changes_nothing(reader):
    """Unit 2 is zero on every image: the logits are equal to the byte, whatever weights it has later."""
    effect = ablate(reader, "maps:2", IMAGES, labels=LABELS, controls=0).unit("maps", 2)
    assert (effect.lost.sum(), effect.gained.sum()) == (0, 0)
    assert [effect.margin.value, effect.margin.low, effect.margin.high] == [0, 0, 0]
    assert [effect.logit.value, effect.logit.low, effect.logit.high] == [0, 0, 0]


def test_the_mean_replaces_a_unit(reader):
    """The mean of unit 0 is 4 * 3/5: a red image has the logits 4.8 and 1, a green one 4.8 and 9."""
    effect = ablate(reader, "maps:0", IMAGES, labels=LABELS, how="mean", controls=0).unit("maps", 0)
    assert effect.logit_by_class.value == pytest.approx([4.8 - 8, 0], abs=1e-6)
    assert effect.margin_by_class.value == pytest.approx([4.8 - 8, -4.8], abs=1e-6)
    assert effect.lost.sum() == 0


def test_the_most_similar_unit_replaces_a_unit(network_of):
    """Unit 1 is half of unit 0, unit 2 is green. Without unit 0, twice the map of unit 1 takes its place: no change."""
    inputs = layers.Input((2, 2, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 1, activation="relu", name="maps")(inputs))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(x), name="alike")
    kernel = np.zeros((1, 1, 3, 3))
    kernel[0, 0, 0, 0], kernel[0, 0, 0, 1], kernel[0, 0, 1, 2] = 4, 2, 4
    model.get_layer("maps").set_weights([kernel, np.zeros(3)])
    model.get_layer("classes").set_weights([np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 2.0]]), np.array([0.0, 1.0])])
    network = network_of(model, classes=("red", "green"))
    found = ablate(network, "maps:0", IMAGES, labels=LABELS, how="partner", controls=1)
    (partner, *_) = found.partners
    assert (partner.unit, partner.partner, partner.weights, partner.factor) == (0, 1, 1.0, 2.0)
    assert partner.responses == pytest.approx(1)
    assert found.unit("maps", 0).logit.value == pytest.approx(0, abs=1e-6)
    other = ablate(network, "maps:0-1", IMAGES, labels=LABELS, how="partner", controls=0)
    assert [one.partner for one in other.partners] == [2, 2]  # not one that is ablated too
    head = layers.Dense(2, activation="softmax")(layers.Flatten()(layers.Conv2D(1, 1, name="one")(inputs)))
    alone = network_of(keras.Model(inputs, head))
    with pytest.raises(RecipeError, match="how=partner: one has one unit"):
        ablate(alone, "one:0", IMAGES, labels=[0, 0, 0, 1, 1], how="partner")


def test_a_map_of_another_image_replaces_a_unit(reader):
    """Of two images, each gets the map of the other: the red one has the logits 0 and 1, the green one 8 and 9."""
    effect = ablate(reader, "maps:0", colored(RED, GREEN), labels=["red", "green"], how="resample", controls=0)
    assert effect.unit("maps", 0).margin_by_class.value.tolist() == [-8, -8]
    assert effect.unit("maps", 0).lost.tolist() == [1, 0]


def test_units_together_and_random_units(reader):
    found = ablate(reader, "maps:0-1", IMAGES, labels=LABELS, controls=5)
    together = found.of("maps", "together")[0]
    assert together.ablated.units == (0, 1)
    assert together.logit_by_class.value.tolist() == [-8, -8]
    random = found.of("maps", "random")
    # one other unit is there, and for two units the whole layer, of which at most three pairs are drawn
    assert [one.ablated.units for one in random if len(one.ablated.units) == 1] == [(2,)]
    assert {one.ablated.units for one in random if len(one.ablated.units) == 2} <= {(0, 1), (0, 2), (1, 2)}
    assert found.unit("maps", 0).references == 1
    assert found.unit("maps", 0).exceeded == 1


def test_the_units_of_a_whole_layer_are_compared_with_each_other(reader):
    found = ablate(reader, "maps", IMAGES, labels=LABELS)
    assert [one.kind for one in found.sets] == ["unit"] * 3
    assert [one.ablated.units[0] for one in found.of("maps", "unit")] == [0, 1, 2]  # 3, 2 and 0 predictions are lost
    assert [one.exceeded for one in found.of("maps", "unit")] == [2, 1, 0]
    assert found.unit("maps", 0).adjusted_p == 0.75  # .25 of three


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_it_equals_keras_with_the_weights_of_the_filter_at_zero(make_tiny, network_of, scene, layer):
    images = np.stack([scene(seed=seed) for seed in range(12)])
    labels = np.arange(12) % 3
    model = make_tiny()
    found = ablate(network_of(model), layer, images, labels=labels)
    before, weights = np.asarray(model(images)), model.get_layer(layer).get_weights()
    for unit in range(8):
        kernel, bias = (np.copy(one) for one in weights)
        kernel[..., unit], bias[unit] = 0, 0
        model.get_layer(layer).set_weights([kernel, bias])
        after = np.asarray(model(images))
        right = [values.argmax(axis=1) == labels for values in (before, after)]
        effect = found.unit(layer, unit)
        assert effect.lost.sum() == (right[0] & ~right[1]).sum()
        assert effect.gained.sum() == (right[1] & ~right[0]).sum()
        margins = [_log_margin(values, labels) for values in (before, after)]
        assert effect.margin.value == pytest.approx((margins[1] - margins[0]).mean(), abs=1e-4)


def _log_margin(probabilities, labels):
    """Return the margin of the logits: that of the logarithms of their softmax."""
    logs = np.log(probabilities.astype(np.float64))
    own = logs[np.arange(len(labels)), labels]
    logs[np.arange(len(labels)), labels] = -np.inf
    return own - logs.max(axis=1)


def test_a_skip_connection_keeps_what_bypasses_the_layer(branches, network_of, scene):
    """The mean of `sum` = stem + wide goes into the logits: without unit u, logit c loses mean(wide_u) * w_uc."""
    images, labels = np.stack([scene(seed=seed) for seed in range(6)]), [0, 1, 2, 0, 1, 2]
    network = network_of(branches)
    kernel = branches.get_layer("classes").get_weights()[0]
    means = activations(network, images, ["wide"])["wide"].mean(axis=(1, 2))
    found = ablate(network, "wide", images, labels=labels)
    for unit in range(4):
        lost = [-means[image, unit] * kernel[4 + unit, label] for image, label in enumerate(labels)]
        assert found.unit("wide", unit).logit.value == pytest.approx(np.mean(lost), abs=1e-6)


@any_batch_size
@pytest.mark.parametrize("how", ["zero", "mean", "resample"])
def test_the_result_does_not_depend_on_the_batch(branches, network_of, scene, how):
    images, labels = np.stack([scene(seed=seed) for seed in range(9)]), [0, 1, 2] * 3
    network = network_of(branches)
    first, *others = (
        ablate(network, ["stem:1", "wide"], images, labels=labels, how=how, controls=2, batch=batch)
        for batch in (None, 1, 4)
    )
    for other in others:
        for name, array in first.arrays.as_dict().items():
            assert array.tobytes() == other.arrays.as_dict()[name].tobytes(), name


def test_images_without_a_label_of_a_class_are_left_out(reader):
    found = ablate(reader, "maps:0", IMAGES, labels=["red", "", "blue", "green", ""], controls=0)
    assert found.images == 2
    assert found.remark == "images are left out whose labels no class has: blue"


def test_tokens_and_vectors_have_units_too(network_of, fill):
    inputs = layers.Input((8, 8, 3))
    x = layers.Reshape((16, 4), name="tokens")(layers.Conv2D(4, 2, strides=2, name="patches")(inputs))
    x = layers.Dense(6, activation="gelu", name="mlp")(x)
    x = layers.Dense(5, activation="relu", name="hidden")(layers.GlobalAveragePooling1D()(x))
    model = fill(keras.Model(inputs, layers.Dense(2, name="classes")(x), name="mixer"))
    images = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 3)).astype("float32")
    network = network_of(model)
    found = ablate(network, ["mlp:1", "hidden:2"], images, labels=[0, 1, 0, 1], controls=0)
    kernel = model.get_layer("classes").get_weights()[0]
    hidden = activations(network, images, ["hidden"])["hidden"][:, 2]
    expected = -(hidden * kernel[2, [0, 1, 0, 1]]).mean()
    assert found.unit("hidden", 2).logit.value == pytest.approx(expected, abs=1e-6)
    assert found.unit("mlp", 1).logit.value != 0


@pytest.mark.parametrize(
    ("units", "settings", "error", "text"),
    [
        ("maps:3", {}, TargetError, "maps:3: maps has 3 units, 0 to 2"),
        ("maps:0@1,1", {}, TargetError, "maps:0@1,1: is not a target of whole units"),
        ("class:red", {}, TargetError, "class:red: is not a target of whole units"),
        ("mops", {}, UnknownNameError, "mops"),
        ([], {}, TargetError, "no units"),
        ("classes", {}, ModelError, "classes: is the output layer"),
        ("maps", {"how": "noise"}, RecipeError, "how='noise': must be one of zero, mean, resample"),
        ("maps", {"controls": -1}, RecipeError, "controls=-1: must be 0 or more"),
        ("maps", {"batch": 0}, RecipeError, "batch=0: must be at least 1"),
        ("maps", {"labels": [""] * 5}, ImageError, "none has a label of a class"),
        ("maps", {"labels": ["red", *[""] * 4], "how": "resample"}, ImageError, "two labeled images or more"),
    ],
)
def test_bad_input_is_refused(reader, units, settings, error, text):
    with pytest.raises(error, match=text):
        ablate(reader, units, IMAGES, **{"labels": LABELS, **settings})


def test_a_network_without_classes_is_refused(network_of):
    model = keras.Sequential([layers.Input((2, 2, 3)), layers.Conv2D(2, 1, name="maps")])
    with pytest.raises(ModelError, match="has no classes"):
        ablate(network_of(model), "maps:0", IMAGES, labels=LABELS)


def test_each_image_gets_the_map_of_another_one(reader):
    job = AblationJob(reader, ("maps:0",), source_of(IMAGES, LABELS), "resample")
    assert sorted(job.partners) == sorted(job.partners.values()) == [0, 1, 2, 3, 4]
    assert all(image != other for image, other in job.partners.items())
