"""Tests of unit bounds: no response to any image leaves them, in networks of many kinds of layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.errors import InputFormError, TargetError, UnknownNameError
from dreamfilters.evidence.bounds.unit_bounds import bound_units, input_box
from dreamfilters.networks import InputForm, Network, load
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.watching import before


def _plain(x):
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="a")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="b")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="c")(x)
    x = layers.Dense(5, activation="relu", name="d")(layers.Flatten(name="flat")(layers.Dropout(0.5)(x)))
    return layers.Dense(3, activation="softmax", name="e")(x)


def _normed(x):
    x = layers.Rescaling(2.0, offset=-1.0, name="rescale")(x)
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name="a")(x)
    x = layers.ReLU(name="ra")(layers.BatchNormalization(name="na")(x))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="b")(x)
    x = layers.ReLU(max_value=6.0, name="rb")(layers.BatchNormalization(name="nb")(x))
    x = layers.SeparableConv2D(8, 3, padding="same", activation="relu6", name="c")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return layers.Dense(3, activation="sigmoid", name="e")(x)


def _branched(x):
    stem = layers.Conv2D(6, 3, padding="same", activation="relu", name="stem")(x)
    left = layers.Conv2D(6, 3, padding="same", dilation_rate=2, name="left")(stem)
    total = layers.ReLU(name="sum")(layers.Add(name="add")([stem, left]))
    less = layers.Subtract(name="less")([total, stem])
    right = layers.Conv2D(4, 1, activation="relu", name="right")(less)
    x = layers.Concatenate(name="both")([total, right])
    x = layers.AveragePooling2D(3, 2, padding="same", name="pool")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="last")(layers.Average(name="av")([x, x]))
    x = layers.MaxPooling2D(3, 2, padding="same", name="top")(x)
    return layers.Conv2D(4, 2, padding="same", activation="relu", name="head")(x)


def _smooth(x):
    x = layers.Conv2D(4, 3, activation="silu", name="a")(x)
    x = layers.Conv2D(4, 3, activation="gelu", name="b")(layers.ZeroPadding2D(((1, 0), (0, 2)), name="zeros")(x))
    x = layers.PReLU(name="p", alpha_initializer=keras.initializers.RandomNormal(0, 1, seed=1))(x)
    x = layers.Conv2D(4, 3, activation="tanh", name="c")(layers.LeakyReLU(negative_slope=0.1, name="l")(x))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="t")(x)
    x = layers.Conv2D(4, 3, groups=2, activation="elu", name="g")(layers.UpSampling2D(name="up")(x))
    x = layers.Multiply(name="times")([x, layers.Activation("sigmoid", name="gate")(x)])
    x = layers.Maximum(name="max")([x, layers.Conv2D(4, 1, activation="mish", name="m")(x)])
    return layers.Dense(4, activation="relu", name="d")(layers.GlobalMaxPooling2D(name="gmp")(x))


def _operations(x):
    x = keras.ops.relu(layers.Conv2D(5, 3, name="a")(x) * 2.0 - 0.25)
    x = layers.Cropping2D(1, name="crop")(x / 3.0)
    x = layers.Conv2D(4, 3, activation="relu", name="b")(x)
    x = layers.Permute((2, 1, 3), name="turned")(x)
    return layers.Dense(4, activation="relu", name="d")(layers.Reshape((-1,), name="flat")(x))


def _prepared(x):
    """The operations of `preprocess_input` of Caffe, then of PyTorch: they add and divide by constants (1, 1, 1, 3)."""
    x = keras.applications.imagenet_utils.preprocess_input(x * 255.0, mode="caffe")
    x = keras.applications.imagenet_utils.preprocess_input(x, mode="torch")
    x = layers.Conv2D(5, 3, activation="relu", name="a")(x)
    return layers.Dense(4, activation="relu", name="d")(layers.Flatten(name="flat")(x))


def _tokens(x):
    """Patches of 3x3 as tokens of 6 channels, two dense layers on tokens with a residual, then a head."""
    x = layers.Conv2D(6, 3, strides=3, activation="relu", name="patches")(x)
    x = layers.Reshape((-1, 6), name="tokens")(x)
    y = layers.Dense(5, activation="relu", name="mlp")(x)
    y = layers.Dense(6, activation="relu", name="out")(y)
    x = layers.Add(name="add")([x, y])
    return layers.Dense(4, activation="relu", name="d")(layers.Flatten(name="flat")(x))


ARCHITECTURES = (_plain, _normed, _branched, _smooth, _operations, _prepared, _tokens)


def _network(build, fill, seed=3, form=None):
    image = keras.Input((12, 13, 3))
    model = fill(keras.Model(image, build(image), name=build.__name__.strip("_")), seed)
    return Network(model, form or InputForm.from_range(0, 1, size=(12, 13)), name=model.name)


def _addresses(network, bounds):
    """Return (low, high) of every address with bounds, (units,) each."""
    found = {}
    for name, layer in bounds.layers.items():
        if layer.high is not None:
            found[name] = layer.low, layer.high
        if layer.high_before is not None:
            found[before(name)] = layer.low_before, layer.high_before
    return found


def _images(rng, network):
    """Return 1,000 images: noise, corners of the box, corners in large patches, flat colors."""
    height, width = network.form.size
    noise = rng.random((300, height, width, 3))
    corners = rng.integers(0, 2, (300, height, width, 3))
    patches = np.repeat(np.repeat(rng.integers(0, 2, (300, 4, 5, 3)), 3, axis=1), 3, axis=2)[:, :height, :width]
    flat = np.broadcast_to(rng.integers(0, 2, (100, 1, 1, 3)), (100, height, width, 3))
    return np.concatenate([noise, corners, patches, flat]).astype("float32")


def _ascended(network, address, units, rng, steps=7):
    """Return for each unit the corner images that gradient ascent finds for the maximum and the minimum of its map."""
    watch = network.watch(frozenset({address}), rule=RELAXED)
    height, width = network.form.size
    sign = np.repeat([1.0, -1.0], units).astype("float32")[:, None]
    chosen = np.tile(np.eye(units, dtype="float32"), (2, 1)) * sign

    def score(image):
        seen = watch(network.to_input(image))[address]
        maps = keras.ops.reshape(seen, (2 * units, -1, units))
        return keras.ops.sum(keras.ops.max(keras.ops.sum(maps * chosen[:, None], axis=-1), axis=1)), ()

    gradient = backend.compile(backend.value_and_gradient(score))
    image = rng.random((2 * units, height, width, 3)).astype("float32")
    for step in range(steps):
        _, slope = gradient(backend.tensor(image))
        image = np.clip(image + (1.0 if step == steps - 1 else 0.3) * np.sign(slope), 0, 1).astype("float32")
    return image


@pytest.mark.parametrize("build", ARCHITECTURES)
@pytest.mark.parametrize("form", ["0..1", "mean"])
def test_no_image_leaves_the_bounds(build, form, fill):
    forms = {
        "0..1": InputForm.from_range(0, 1, size=(12, 13)),
        "mean": InputForm((12, 13), 3, 255.0, (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)),
    }
    network = _network(build, fill, form=forms[form])
    bounds = bound_units(network)
    known = _addresses(network, bounds)
    assert not bounds.untried
    assert set(bounds.layers) == {info.name for info in network.layers}
    assert all(not layer.reason for layer in bounds.layers.values())
    rng = np.random.default_rng(5)
    watch = backend.compile(lambda images: network.watch(frozenset(known))(network.to_input(images)))
    stacks = [_images(rng, network)]
    if form == "0..1":
        deep = [name for name in known if name.startswith("//")][-2:]
        stacks += [_ascended(network, name, len(known[name][0]), rng) for name in deep]
    for images in stacks:
        for name, seen in watch(backend.tensor(images)).items():
            low, high = known[name]
            values = np.asarray(seen, np.float64)
            axes = tuple(range(values.ndim - 1))
            assert np.all(values.max(axis=axes) <= high), name
            assert np.all(values.min(axis=axes) >= low), name


@pytest.mark.parametrize("build", ARCHITECTURES)
def test_the_linear_relaxation_is_never_looser_and_somewhere_tighter(build, fill):
    network = _network(build, fill)
    plain, tight = bound_units(network, budget=0), bound_units(network)
    assert plain.work == 0
    gains = 0
    for name, layer in plain.layers.items():
        other = tight.layers[name]
        for ours, theirs in ((layer.low, other.low), (layer.low_before, other.low_before)):
            assert ours is None or np.all(theirs >= ours)
        for ours, theirs in ((layer.high, other.high), (layer.high_before, other.high_before)):
            assert ours is None or np.all(theirs <= ours)
        if other.linear is not None:
            assert not layer.linear.any()
            gains += int(other.linear.sum())
    assert gains > 0 or build is _smooth  # SiLU and GELU have no lines


def test_tokens_are_bounded_by_intervals_and_traced_through(fill):
    network = _network(_tokens, fill)
    bounds = bound_units(network).layers
    assert network.layer("mlp").kind == "tokens"
    assert bounds["mlp"].high.shape == (5,)
    assert not bounds["out"].linear.any()  # a token layer keeps the bounds of intervals
    assert bounds["d"].linear.any()  # a layer behind tokens is tightened


def test_an_attention_has_no_bounds_and_says_so(network_of, fill):
    image = keras.Input((8, 8, 3))
    x = layers.Reshape((4, 48), name="tokens")(image)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    bounds = bound_units(network_of(fill(keras.Model(image, layers.Dense(2, name="head")(x))))).layers
    assert bounds["tokens"].high is not None
    assert bounds["head"].high is None
    assert "no bounds are known for attention, a MultiHeadAttention" in bounds["head"].reason


def test_the_built_in_network_stays_within_its_bounds_on_rendered_images(rendered):
    network = load("signs")
    bounds = bound_units(network, only={"conv4": range(4)})
    assert bounds.layers["conv2"].linear.all()
    known = _addresses(network, bounds)
    images = np.stack([image for _, image in rendered[::4]])
    for name, seen in network.watch(frozenset(known))(network.to_input(images)).items():
        values = np.asarray(seen, np.float64)
        axes = tuple(range(values.ndim - 1))
        low, high = known[name]
        assert np.all(values.max(axis=axes) <= high), name
        assert np.all(values.min(axis=axes) >= low), name


def test_the_relaxation_cancels_equal_terms(network_of):
    # b = relu(x) and c = relu(x) of one pixel, d = b - c: 0 for every image. Intervals give -1 to 1.
    image = keras.Input((1, 1, 1))
    x = layers.Conv2D(2, 1, activation="relu", name="twice")(image)
    model = keras.Model(image, layers.Conv2D(1, 1, activation="relu", name="less")(x))
    model.set_weights(
        [np.ones((1, 1, 1, 2)), np.zeros(2), np.array([1.0, -1.0]).reshape(1, 1, 2, 1), np.array([-0.001])]
    )
    network = network_of(model)
    plain, tight = (bound_units(network, budget=budget).layers["less"] for budget in (0, 10**6))
    assert plain.high_before == pytest.approx([0.999], abs=1e-5)
    assert plain.low_before == pytest.approx([-1.001], abs=1e-5)
    assert tight.high_before == pytest.approx([-0.001], abs=1e-5)
    assert tight.high_before[0] < 0  # dead, proved by the relaxation only
    assert tight.low_before == pytest.approx([-0.001], abs=1e-5)
    assert tight.linear.tolist() == [True]
    assert tight.before(0) == (tight.low_before[0], tight.high_before[0])


@pytest.mark.parametrize("kind", ["tensor", "variable", "array"])
def test_a_constant_operand_counts(network_of, kind):
    """relu(x) + 5 is between 5 and 6, whatever holds the 5: the relaxation must not drop it."""
    five = np.full(1, 5, "float32")
    constant = {"tensor": keras.ops.convert_to_tensor, "variable": keras.Variable, "array": np.asarray}[kind](five)
    image = keras.Input((1, 1, 1))
    x = keras.ops.add(layers.Conv2D(1, 1, activation="relu", name="a")(image), constant)
    model = keras.Model(image, layers.Conv2D(1, 1, activation="relu", name="b")(x))
    for name in ("a", "b"):
        model.get_layer(name).set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    layer = bound_units(network_of(model)).layers["b"]
    assert layer.low_before == pytest.approx([5], abs=1e-4)
    assert layer.high_before == pytest.approx([6], abs=1e-4)


def test_the_triangle_relaxation_by_hand(network_of):
    # z = 2x - 1 from -1 to 1. relu(z) is at most (z + 1) / 2 = x and at least 0.
    # a = relu(z) - x: intervals give -1 to 1; lines give at most x - x = 0 and at least 0 - x = -1.
    image = keras.Input((1, 1, 1))
    x = layers.Conv2D(2, 1, activation="relu", name="bent")(image)
    model = keras.Model(image, layers.Conv2D(1, 1, activation="relu", name="a")(x))
    kernel, bias = np.array([2.0, 1.0]).reshape(1, 1, 1, 2), np.array([-1.0, 0.0])
    model.set_weights([kernel, bias, np.array([1.0, -1.0]).reshape(1, 1, 2, 1), np.zeros(1)])
    plain, tight = (bound_units(network_of(model), budget=budget).layers["a"] for budget in (0, 10**6))
    assert plain.high_before == pytest.approx([1], abs=1e-5)
    assert tight.high_before == pytest.approx([0], abs=1e-5)
    assert tight.low_before == pytest.approx([-1], abs=1e-5)


def test_intervals_by_hand(network_of):
    # Each position sums 4 pixels in [0, 1] with weights 1, -2, 3, 0 and bias -1: from -3 to 3. At the right edge
    # of 'same' padding only the left column (1 and 3) counts: -1 to 3; at the bottom only the upper row: -3 to 0.
    image = keras.Input((4, 4, 1))
    x = layers.Conv2D(1, 2, padding="same", activation="relu", name="conv")(image)
    x = layers.AveragePooling2D(4, name="mean")(x)
    model = keras.Model(image, layers.Flatten(name="flat")(x))
    model.set_weights([np.array([[1.0, -2.0], [3.0, 0.0]]).reshape(2, 2, 1, 1), np.array([-1.0])])
    bounds = bound_units(network_of(model)).layers
    assert bounds["conv"].low_before == pytest.approx([-3], abs=1e-5)
    assert bounds["conv"].high_before == pytest.approx([3], abs=1e-5)
    assert bounds["conv"].low == pytest.approx([0])
    # 12 positions of at most 3, 4 at the bottom of at most 0
    assert bounds["flat"].high == pytest.approx([36 / 16], abs=1e-5)


def test_a_dominant_input_of_a_pooling_window_is_traced(network_of):
    # The left pixel goes by 1 + x, the right by x: their maximum is the left one's, and it cancels.
    image = keras.Input((1, 2, 1))
    left = layers.Cropping2D(((0, 0), (0, 1)), name="left")(image)
    x = layers.MaxPooling2D((1, 2), name="pool")(layers.Rescaling(0.5, name="half")(image))
    x = layers.Concatenate(name="both")([x, left])
    model = keras.Model(image, layers.Conv2D(1, 1, activation="relu", name="conv")(x))
    model.set_weights([np.array([1.0, -1.0]).reshape(1, 1, 2, 1), np.zeros(1)])
    layer = bound_units(network_of(model)).layers["conv"]
    assert layer.high_before == pytest.approx([0.5], abs=1e-5)


def test_the_budget_is_kept_and_untried_layers_are_listed(network_of, tiny):
    network = network_of(tiny)
    bounds = bound_units(network, budget=1)
    assert bounds.untried == ("classes",)
    assert bound_units(network).untried == ()
    assert np.all(bounds.layers["classes"].high_before >= bound_units(network).layers["classes"].high_before)


def test_only_stops_at_the_last_wanted_layer(network_of, fill):
    network = _network(_plain, fill)
    full = bound_units(network)
    partial = bound_units(network, only={"b": [1, 5]})
    assert 0 < partial.work < full.work
    assert partial.layers["b"].high_before[[1, 5]] == pytest.approx(full.layers["b"].high_before[[1, 5]])
    assert not partial.layers["b"].linear[[0, 2, 3, 4, 6, 7]].any()
    assert not partial.layers["d"].linear.any()
    assert bound_units(network, only={}).work == 0


def test_only_costs_nothing_if_intervals_decide(network_of):
    image = keras.Input((4, 4, 1))
    x = layers.Conv2D(2, 1, activation="relu", name="a")(image)
    model = keras.Model(image, layers.Conv2D(1, 1, activation="relu", name="b")(x))
    model.set_weights([np.ones((1, 1, 1, 2)), np.zeros(2), -np.ones((1, 1, 2, 1)), np.full(1, -0.01)])
    bounds = bound_units(network_of(model), only={"b": [0]})
    assert bounds.work == 0
    assert bounds.layers["b"].before(0) == pytest.approx((-2.01, -0.01), abs=1e-5)


def test_only_refuses_unknown_layers_and_units(network):
    with pytest.raises(UnknownNameError, match="conv9: tiny has no such layer"):
        bound_units(network, only={"conv9": [0]})
    with pytest.raises(TargetError, match="conv1 8: tiny has 8 there, 0 to 7"):
        bound_units(network, only={"conv1": [8]})


def test_a_layer_without_bounds_is_the_reason_for_all_layers_after_it(network_of, fill):
    @keras.saving.register_keras_serializable("test_bounds")
    class Conv2D(layers.Conv2D):
        """Has a name of Keras and computes something else."""

        def call(self, inputs):
            return 100 * super().call(inputs)

    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(image)
    x = Conv2D(4, 3, name="own")(x)
    model = fill(keras.Model(image, layers.ReLU(name="behind")(x)))
    bounds = bound_units(network_of(model)).layers
    assert bounds["first"].high is not None
    assert bounds["own"].high is None
    assert bounds["behind"].reason == "no bounds are known for own, a Conv2D"
    assert bounds["behind"].before(0) is None


@pytest.mark.parametrize("inputs", [{}, {"right": np.random.default_rng(1).random((6, 6, 2)), "age": -3.0}])
def test_other_inputs_are_bounded_by_their_values(inputs, fill):
    left, right = keras.Input((6, 6, 2), name="left"), keras.Input((6, 6, 2), name="right")
    age = keras.Input((3,), name="age")
    conv = layers.Conv2D(4, 3, activation="relu", name="conv")
    less = layers.ReLU(name="less")(layers.Subtract()([conv(left), conv(right)]))
    both = layers.Concatenate(name="both")([layers.Flatten()(less), age])
    model = fill(keras.Model([left, right, age], layers.Dense(5, activation="relu", name="end")(both)))
    network = load(model, input="left", inputs=inputs, form={"range": [0, 1]})
    bounds = bound_units(network).layers
    images = np.random.default_rng(0).random((50, 6, 6, 2)).astype("float32")
    for name in ("conv#0", "less", "end"):
        values = np.asarray(network.watch(frozenset({name}))(network.to_input(images))[name])
        units = values.reshape(-1, values.shape[-1])
        assert (units.min(axis=0) >= bounds[name].low).all()
        assert (units.max(axis=0) <= bounds[name].high).all()
    if "age" in inputs:
        assert bounds["age"].high.tolist() == [-3.0] * 3


def test_a_function_with_a_known_name_is_not_bounded(network_of):
    def relu(x):
        return x + 10

    image = keras.Input((4, 4, 3))
    model = keras.Model(image, layers.Conv2D(2, 3, activation=relu, name="conv")(image))
    layer = bound_units(network_of(model)).layers["conv"]
    assert layer.reason == "no bounds are known for conv, whose activation is relu"
    assert layer.before(0) is None


def test_half_precision_is_not_bounded(network_of):
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, layers.Conv2D(2, 3, dtype="mixed_float16", name="conv")(image))
    assert bound_units(network_of(model)).layers["conv"].reason == "conv computes in float16"


def test_overflow_is_not_bounded(network_of):
    image = keras.Input((1, 1, 1))
    model = keras.Model(image, layers.Conv2D(1, 1, name="conv")(image))
    model.set_weights([np.full((1, 1, 1, 1), 3e38), np.full(1, 3e38)])
    assert bound_units(network_of(model)).layers["conv"].reason == "conv may exceed what float32 can hold"


def test_a_network_of_any_size_needs_a_size(fill):
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    model = fill(keras.Model(image, layers.GlobalMaxPooling2D(name="pool")(x), name="any"))
    network = Network(model, InputForm.from_range(0, 1), name="any")
    with pytest.raises(InputFormError, match=r"size: any takes images of any size; bounds need one"):
        bound_units(network)
    bounds = bound_units(network, size=(9, 7))
    assert bounds.size == (9, 7)
    assert bounds.layers["pool"].high == pytest.approx(bounds.layers["conv"].high)


def test_a_size_other_than_the_networks_is_refused(network):
    with pytest.raises(InputFormError, match=r"size=\[9, 9\]: tiny takes 16x16 RGB"):
        bound_units(network, size=(9, 9))


def test_channels_first_is_bounded_by_intervals(fill):
    image = keras.Input((3, 8, 8))
    x = layers.GlobalMaxPooling2D(data_format="channels_first", name="pool")(image)
    model = fill(keras.Model(image, layers.Dense(2, activation="relu", name="dense")(x)))
    network = Network(model, InputForm.from_range(0, 1, size=(8, 8)), name="first")
    layer = bound_units(network).layers["dense"]
    kernel, bias = model.get_layer("dense").get_weights()
    assert layer.high_before == pytest.approx(np.maximum(kernel, 0).sum(axis=0) + bias, abs=1e-5)


def test_a_convolution_with_channels_first_is_not_bounded(fill):
    image = keras.Input((3, 8, 8))
    conv = layers.Conv2D(2, 3, data_format="channels_first", name="conv")
    model = fill(keras.Model(image, conv(image)))
    network = Network(model, InputForm.from_range(0, 1, size=(8, 8)), name="first")
    reason = bound_units(network).layers["conv"].reason
    assert reason == "no bounds are known for conv, a Conv2D with its channels first"


def test_the_box_includes_the_rounding_of_the_input_form():
    form = InputForm((4, 4), 3, 255.0, (123.68, 116.779, 103.939), (58.4, 57.1, 57.4))
    low, high = input_box(form)
    for color in np.linspace(0, 1, 101, dtype="float32"):
        seen = np.asarray(form.to_input(np.full((1, 4, 4, 3), color)), np.float64)
        assert np.all((low <= seen) & (seen <= high))
    plain = input_box(InputForm.from_range(0, 1, size=(4, 4)))
    assert [side.tolist() for side in plain] == [[0, 0, 0], [1, 1, 1]]
