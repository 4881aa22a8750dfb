import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.watching import LOGITS, before, watch


def one_conv(kernel, *, activation, then=None):
    """A 1x1 convolution of given weights on a gray image."""
    x = keras.Input((2, 2, 1))
    y = layers.Conv2D(1, 1, activation=activation, use_bias=False, name="conv")(x)
    model = keras.Model(x, then(y) if then else y)
    model.get_layer("conv").set_weights([np.full((1, 1, 1, 1), kernel, "float32")])
    return flatten(model)


def test_only_what_is_needed_runs(plain):
    graph = flatten(plain)
    assert [step.name for step in graph.needed(set(graph.by_name["conv2"].outputs))] == ["conv1", "conv2"]
    seen = watch(graph, frozenset({"conv1"}))(np.zeros((1, 99, 70, 3)))  # a size that the dense layer would refuse
    assert set(seen) == {"conv1"}


def test_before_returns_the_value_before_the_activation_and_changes_no_later_layer():
    then = layers.ReLU(name="second")
    graph = one_conv(-2.0, activation="relu", then=then)
    ones = np.ones((1, 2, 2, 1), "float32")
    seen = watch(graph, frozenset({"conv", before("conv"), "second"}))(ones)
    assert np.all(np.asarray(seen[before("conv")]) == -2.0)
    assert np.all(np.asarray(seen["conv"]) == 0.0)
    assert np.all(np.asarray(seen["second"]) == 0.0)
    seen = watch(graph, frozenset({before("second")}))(ones)
    assert np.all(np.asarray(seen[before("second")]) == 0.0)  # what it was given: the first one's output


@pytest.mark.parametrize(
    "ending", [layers.Activation("softmax"), layers.Softmax(), keras.ops.softmax, keras.ops.sigmoid]
)
def test_logits_are_the_input_of_a_separate_softmax(ending):
    x = keras.Input((1, 1, 2))
    graph = flatten(keras.Model(x, ending(layers.Flatten()(x))))
    seen = watch(graph, frozenset({LOGITS}))(np.array([[[[3.0, -1.0]]]], "float32"))
    np.testing.assert_array_equal(seen[LOGITS], [[3.0, -1.0]])


def test_logits_of_a_linear_output_are_the_output():
    x = keras.Input((1, 1, 2))
    graph = flatten(keras.Model(x, layers.Flatten()(x)))
    np.testing.assert_array_equal(watch(graph, frozenset({LOGITS}))(np.ones((1, 1, 1, 2)))[LOGITS], [[1.0, 1.0]])


def test_unknown_and_unsuitable_layers_are_refused(plain):
    graph = flatten(plain)
    with pytest.raises(UnknownNameError, match=r"conv9: no such layer\. Close names: conv2, conv1"):
        watch(graph, frozenset({"conv9"}))
    with pytest.raises(ModelError, match="flat: a Flatten has no value before its activation"):
        watch(graph, frozenset({before("flat")}))


def gradient(graph, x, *, rule=None):
    """d sum(output) / d input."""
    run = watch(graph, frozenset({graph.steps[-1].name}), rule=rule)
    name = graph.steps[-1].name
    both = backend.value_and_gradient(lambda x: (keras.ops.sum(run(x)[name]), 0))
    return np.asarray(both(backend.tensor(np.asarray(x, "float32").reshape(-1, 2, 2, 1)))[1]).reshape(-1, 4)


@pytest.mark.parametrize(
    ("activation", "then"),
    [
        ("relu", None),
        (None, layers.ReLU),
        (None, lambda: layers.Activation("relu")),
        (None, lambda: keras.ops.relu),
        (None, lambda: keras.activations.relu),
        (layers.ReLU(), None),
    ],
)
def test_every_kind_of_relu_is_relaxed(activation, then):
    graph = one_conv(1.0, activation=activation, then=then and then())
    silent, mixed = [-1.0, -2.0, -3.0, -4.0], [-1.0, 2.0, -3.0, 4.0]
    np.testing.assert_array_equal(gradient(graph, [silent, mixed]), [[0] * 4, [0, 1, 0, 1]])
    # per image: the silent one is let through, for the other the true gradient counts
    np.testing.assert_array_equal(gradient(graph, [silent, mixed], rule=RELAXED), [[1] * 4, [0, 1, 0, 1]])


def test_a_relaxed_relu_blocks_what_pushes_a_silent_input_lower():
    graph = one_conv(1.0, activation="relu", then=layers.Rescaling(-1.0))  # the ascent would lower the unit
    np.testing.assert_array_equal(gradient(graph, [[-1.0, -2.0, -3.0, -4.0]], rule=RELAXED), [[0] * 4])


@pytest.mark.parametrize("kind", ["relu6", layers.ReLU(6.0), layers.Activation("relu6")])
def test_a_relaxed_relu6_also_blocks_what_pushes_higher_above_six(kind):
    x = [[-1.0, 7.0, -2.0, 8.0]]
    up = one_conv(1.0, activation=kind)
    np.testing.assert_array_equal(gradient(up, x), [[0] * 4])
    np.testing.assert_array_equal(gradient(up, x, rule=RELAXED), [[1, 0, 1, 0]])
    down = one_conv(1.0, activation=kind, then=layers.Rescaling(-1.0))
    np.testing.assert_array_equal(gradient(down, x, rule=RELAXED), [[0, -1, 0, -1]])


def test_relaxing_changes_no_value(awkward, images):
    graph = flatten(awkward)
    names = frozenset(step.name for step in graph.steps)
    usual, relaxed = watch(graph, names)(images), watch(graph, names, rule=RELAXED)(images)
    for name in names:
        np.testing.assert_array_equal(usual[name], relaxed[name])


def test_it_compiles(awkward, images):
    run = watch(flatten(awkward), frozenset({"out"}), rule=RELAXED)
    np.testing.assert_allclose(backend.compile(run)(backend.tensor(images))["out"], run(images)["out"], atol=1e-6)


@pytest.mark.parametrize("name", ["tiny", "gray", "nested", "shared", "normed", "branches"])
def test_every_layer_of_the_small_networks_equals_the_model(name, request):
    """Against Keras' own extractor, built on a copy, for every step that is the only call of its layer."""
    model = request.getfixturevalue(name)
    images = np.random.default_rng(0).random((2, *model.input_shape[1:]), "float32")
    graph = flatten(model)
    seen = watch(graph, frozenset(step.name for step in graph.steps))(images)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for step in graph.steps:
        if "#" in step.name or "/" in step.name:
            continue
        symbolic = copy.inputs[0]
        expected = keras.Model(symbolic, copy.get_layer(step.name).output)(images, training=False)
        np.testing.assert_allclose(seen[step.name], expected, atol=1e-5)
    np.testing.assert_allclose(seen[graph.steps[-1].name], model(images, training=False), atol=1e-6)


def test_the_calls_of_a_shared_layer_are_separate(shared):
    images = np.random.default_rng(0).random((1, 16, 16, 4), "float32")
    seen = watch(flatten(shared), frozenset({"shared#0", "pool", "shared#1"}))(images)
    conv = shared.get_layer("shared")
    np.testing.assert_allclose(seen["shared#0"], conv(images), atol=1e-6)
    np.testing.assert_allclose(seen["shared#1"], conv(seen["pool"]), atol=1e-6)


def test_what_is_added_to_a_layer_passes_on_to_all_that_reads_it(branches):
    """`both` joins `narrow` and `sum`, and `sum` reads the stem and `wide`, which reads the stem too."""
    graph, names = flatten(branches), frozenset({"stem", "wide", "sum", "both", "average"})
    rng = np.random.default_rng(1)
    images, change = (rng.normal(size=(2, 16, 16, channels)).astype("float32") for channels in (3, 4))
    usual = watch(graph, names)(images)
    seen = watch(graph, names)(images, added={"wide": change})
    np.testing.assert_array_equal(seen["stem"], usual["stem"])
    for name, expected in {"wide": change, "sum": change, "both": np.pad(change, [(0, 0)] * 3 + [(4, 0)])}.items():
        np.testing.assert_allclose(seen[name], usual[name] + expected, atol=1e-5)
    np.testing.assert_allclose(seen["average"][:, 4:], usual["average"][:, 4:] + change.mean(axis=(1, 2)), atol=1e-5)


def test_what_is_added_has_the_channels_last_whatever_the_layer_has():
    x = keras.Input((2, 3, 4))
    maps = layers.ZeroPadding2D(1, data_format="channels_first", name="padded")(x)
    graph = flatten(keras.Model(x, layers.GlobalAveragePooling2D(data_format="channels_first", name="average")(maps)))
    change = np.zeros((1, 5, 6, 2), "float32")
    change[0, 4, 5, 1] = 30
    seen = watch(graph, frozenset({"padded", "average"}))(np.zeros((1, 3, 4, 2), "float32"), added={"padded": change})
    np.testing.assert_array_equal(seen["padded"], change)
    np.testing.assert_allclose(seen["average"], [[0, 1]], atol=1e-6)


@pytest.mark.thorough
def test_a_real_architecture_at_a_size_it_was_not_built_for(fill):
    model = fill(keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35, include_top=False))
    larger = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), alpha=0.35, include_top=False)
    larger.set_weights(model.get_weights())
    images = np.random.default_rng(0).random((1, 96, 96, 3), "float32")
    seen = watch(flatten(model), frozenset({"out_relu"}))(images)["out_relu"]
    assert tuple(seen.shape) == (1, 3, 3, 1280)
    np.testing.assert_allclose(seen, larger(images, training=False), atol=1e-5)


def test_a_layer_that_cannot_be_computed_is_named(network_of):
    """Keras builds an LSTM whose first state has another length than its units, and fails when it computes."""
    inputs = layers.Input((8, 8, 3))
    rows, state = layers.Reshape((8, 24))(inputs), layers.Flatten()(inputs)
    answers = layers.LSTM(2, name="reader")(rows, initial_state=[state, state])
    network = network_of(keras.Model(inputs, layers.Dense(2)(answers)))
    with pytest.raises(ModelError, match=r"^reader: LSTM cannot be computed: [^{]*[\[(](1,)?192[^{]*$"):
        network.watch(frozenset({"reader"}))(np.zeros((1, 8, 8, 3), "float32"))
