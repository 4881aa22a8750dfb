import zipfile
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.io.weight_loading import Weight, place
from tests.networks.old_files import called, conv, convolved, layer, numbers, write_archive, write_h5
from tests.thorough import first

X = numbers(2, 6, 6, 3, seed=5)
SHAPE = [None, 6, 6, 3]
FIRST, SECOND = numbers(2, 2, 3, 3), numbers(2, 2, 3, 3, seed=9)


def entry(name, **settings):
    stored = conv(name, 3, 2, use_bias=False, **settings)
    return {**stored, "module": "keras.layers", "registered_name": None}


def archive_config():
    start = {**layer("InputLayer", "in", batch_input_shape=SHAPE, dtype="float32", sparse=False, ragged=False)}
    entries = [start, entry("one", batch_input_shape=SHAPE), layer("ReLU", "r", negative_slope=0.2), entry("two")]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": entries}}


WANTED = (lambda x: convolved(np.where(x > 0, x, 0.2 * x), SECOND))(convolved(X, FIRST))


@pytest.mark.parametrize(
    "names",
    [
        ("_layer_checkpoint_dependencies\\conv2d/vars/0", "_layer_checkpoint_dependencies\\conv2d_1/vars/0"),  # E5
        ("_layer_checkpoint_dependencies/conv2d/vars/0", "_layer_checkpoint_dependencies/conv2d_2/vars/0"),  # 2.12
        ("layers/conv2d/vars/0", "layers/conv2d_1/vars/0"),
        ("layers\\conv2d_2/vars/0", "layers\\conv2d_10/vars/0"),
    ],
)
def test_archives_of_keras_2(tmp_path, names):
    """E4, E5: groups have several naming schemes, and keep the order of the layers of a class."""
    arrays = dict(zip(names, (FIRST, SECOND), strict=True))
    path = write_archive(tmp_path / "net.keras", archive_config(), arrays)
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)), WANTED, atol=1e-5)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"layers/conv2d/vars/0": FIRST}, "it has no weights for two"),
        ({f"layers/conv2d_{n}/vars/0": FIRST for n in range(3)}, "it has weights for more layers than the network has"),
        ({"layers/conv2d/vars/0": FIRST, "layers/conv2d_1/vars/0": FIRST[:1]}, "two/kernel are (1, 2, 3, 3)"),
        ({"layers/conv2d/vars/0": FIRST, "layers/conv2d_1/vars/1": SECOND}, "'0'"),
    ],
)
def test_archives_whose_weights_do_not_fit(tmp_path, arrays, words):
    path = write_archive(tmp_path / "net.keras", archive_config(), arrays)
    with pytest.raises(ModelError) as caught:
        open_model(path)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def partly_frozen(flags):
    """A nested model whose stored flags say which of its two layers of equal shape are trained."""
    layers = [called(layer("InputLayer", "in", batch_input_shape=SHAPE, dtype="float32"))]
    for name, source, flag in zip(("one", "two"), ("in", "one"), flags, strict=True):
        stored = called(conv(name, 3, 2, use_bias=False), source)
        stored["config"]["trainable"] = flag
        layers.append(stored)
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["two", 0, 0]]}
    inner = {"class_name": "Functional", "config": {"name": "inner", "layers": layers, **ends}}
    return {"class_name": "Sequential", "config": {"name": "net", "layers": [inner]}}


@pytest.mark.parametrize("flags", [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_the_order_in_a_partly_frozen_model(tmp_path, flags, order):
    """Trainable weights come first, but stored flags can differ from those of that time; the names decide."""
    kernels = {"one": FIRST, "two": SECOND}
    arrays = {"inner": [(f"{name}/kernel:0", kernels[name]) for name in order]}
    path = write_h5(tmp_path / "net.h5", partly_frozen(flags), arrays, version="2.6.0")
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)), convolved(convolved(X, FIRST), SECOND), atol=1e-5)


def test_weights_of_different_kinds_are_refused(tmp_path):
    norm = layer("BatchNormalization", "norm", axis=-1, batch_input_shape=SHAPE)
    names = ("beta", "gamma", "moving_mean", "moving_variance")  # nobody wrote them in this order
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": [norm]}}
    arrays = {"norm": [(f"elsewhere/{name}:0", numbers(3)) for name in names]}
    path = write_h5(tmp_path / "net.h5", config, arrays, version="2.6.0")
    with pytest.raises(ModelError, match="its weights for norm are"):
        open_model(path)


def tokens():
    """A convolution, and layers that can be quantized, on the positions of its maps."""
    keras.utils.set_random_seed(3)
    image = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(image)
    x = layers.Dense(5, activation="relu", name="dense")(layers.Reshape((16, 8))(x))
    x = layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d", name="einsum")(x)
    return keras.Model(image, layers.Dense(3, use_bias=False, name="out")(layers.GlobalAveragePooling1D()(x)))


def with_lora(model, *names):
    for name in names:
        found = model.get_layer(name)
        found.enable_lora(2, lora_alpha=3)
        found.lora_kernel_b.assign(numbers(*found.lora_kernel_b.shape, seed=8))


def every_output(model):
    return [np.asarray(output) for output in keras.Model(model.input, [layer.output for layer in model.layers[1:]])(X)]


STORED_OTHERWISE = {
    "int8": lambda model: model.quantize("int8"),
    "int4": lambda model: model.quantize("int4"),
    "int4 by channel": lambda model: model.quantize(config=keras.quantizers.Int4QuantizationConfig(block_size=None)),
    "float8": lambda model: model.quantize("float8"),
    "lora": lambda model: with_lora(model, "conv", "dense", "einsum"),
    "int8 of lora": lambda model: (with_lora(model, "dense"), model.quantize("int8")),
    "lora of int4": lambda model: (model.quantize("int4"), with_lora(model, "dense", "einsum")),
}


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method", "ignore:You are saving your model as")
@pytest.mark.parametrize("change", first(list(STORED_OTHERWISE.values())), ids=list(STORED_OTHERWISE))
def test_a_quantized_or_adapted_layer_computes_what_keras_computes(save, change):
    model = tokens()
    change(model)
    path = save(model, "model.keras")
    expected = keras.saving.load_model(path)
    opened = open_model(path).model
    for one, other in zip(every_output(opened), every_output(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    by_hdf5 = open_model(save(model, "model.h5")).model  # Keras itself does not open all of these
    np.testing.assert_allclose(np.asarray(by_hdf5(X)), np.asarray(model(X)), atol=1e-5)


def test_an_adapter_is_no_larger_than_the_file(tmp_path, save):
    """The file does not hold it, so its rank could claim any memory."""
    model = tokens()
    model.get_layer("dense").enable_lora(2)
    path = save(model, "model.keras")
    with_members(path, tmp_path / "large.keras", lambda text: text.replace('"lora_rank": 2', '"lora_rank": 99999'))
    with pytest.raises(ModelError, match=r"its layers have [\d,]+ weights, but the file holds"):
        open_model(tmp_path / "large.keras")


def with_members(path, out, change):
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, change(content.decode()) if name == "config.json" else content)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_attention_with_quantized_parts_is_refused_as_such(save):
    """Keras does not store that the parts of a layer are quantized, and does not open such a file either."""
    image = keras.Input((6, 6, 3))
    x = layers.MultiHeadAttention(2, 4)(*[layers.Reshape((36, 3))(image)] * 2)
    model = keras.Model(image, x)
    model.quantize("int8")
    with pytest.raises(ModelError, match="a layer inside another was quantized, which Keras does not restore"):
        open_model(save(model, "model.keras"))


def test_gptq_is_refused_with_what_works(save):
    """Keras 3.15 writes four of the five arrays of such a layer."""
    model = tokens()
    model.get_layer("dense").quantize("gptq", config=keras.quantizers.GPTQConfig(dataset=None, tokenizer=None))
    with pytest.raises(ModelError, match=r"its layer 'dense' is quantized by GPTQ, .* or quantize it to int8 or int4"):
        open_model(save(model, "model.keras"))


def test_weights_are_read_one_at_a_time(plain):
    """All shapes are compared before the first is read, and each is assigned before the next is read."""
    variables, read = plain.weights, []

    def reading(number):
        assert read == list(range(number))
        for done in read:
            np.testing.assert_array_equal(np.asarray(variables[done]), done)
        read.append(number)
        return np.full(variables[number].shape, number, "float32")

    pairs = [
        (variable, Weight(tuple(variable.shape), partial(reading, number))) for number, variable in enumerate(variables)
    ]
    other = (variables[-1], Weight((1,), partial(np.zeros, 1)))
    for wrong, words in (([*pairs[:-1], other], r"are \(1,\)"), (pairs[:-1], "it has no weights for")):
        with pytest.raises(ModelError, match=words):
            place(plain, wrong)
    assert read == []
    place(plain, pairs)
    assert read == list(range(len(variables)))


def test_a_variable_has_one_weight(plain):
    """A stored kernel may be there twice, as that of a layer in a SpectralNormalization; NaN equals NaN."""
    kernel = plain.weights[0]
    first, other = (np.full(kernel.shape, value, "float32") for value in (np.nan, 1.0))
    rest = [(variable, Weight(tuple(variable.shape), partial(np.asarray, variable))) for variable in plain.weights[1:]]
    once, same, different = (
        (kernel, Weight(tuple(kernel.shape), partial(np.copy, array))) for array in (first, first, other)
    )
    place(plain, [once, same, *rest])
    with pytest.raises(ModelError, match="it has two weights for plain/conv1/kernel"):
        place(plain, [once, different, *rest])
