import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.migrate.weight_layouts import LayoutSource, upgraded
from tests.networks.old_files import convolved, layer, numbers, write_h5

X = numbers(2, 3, 8, 8)  # channels first
KERNEL, BIAS = numbers(4, 3, 3, 3), numbers(4)  # (filters, channels, rows, columns)


def keras_1(**settings):
    stored = {
        "nb_filter": 4, "nb_row": 3, "nb_col": 3, "border_mode": "valid", "subsample": [2, 2], "dim_ordering": "th",
        "init": "glorot_uniform", "activation": "linear", "bias": True, "batch_input_shape": [None, 3, 8, 8],
        "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}, "b_regularizer": None,
        "activity_regularizer": None, "W_constraint": None, "b_constraint": None, "input_dtype": "float32",
    }  # fmt: skip
    return {"class_name": "Sequential", "config": [layer("Convolution2D", "conv", **{**stored, **settings})]}


@pytest.mark.parametrize(
    ("names", "backend", "turned"),
    [
        (("conv_W:0", "conv_b:0"), None, False),  # TensorFlow's names end in ':0'
        (("conv_W", "conv_b"), None, True),  # Theano's do not
        (("conv_W", "conv_b"), "tensorflow", False),
        (("conv_W:0", "conv_b:0"), "theano", True),
    ],
)
def test_kernels_of_keras_1(tmp_path, names, backend, turned):
    """Theano computes a convolution, TensorFlow a correlation: the kernel is flipped."""
    arrays = {"conv": list(zip(names, (KERNEL, BIAS), strict=True))}
    path = write_h5(tmp_path / "net.h5", keras_1(), arrays, version="1.2.2", backend=backend)
    kernel = KERNEL.transpose(2, 3, 1, 0)
    wanted = convolved(X.transpose(0, 2, 3, 1), kernel[::-1, ::-1] if turned else kernel, BIAS, stride=2)
    seen = np.asarray(open_model(path).model(X))
    np.testing.assert_allclose(seen.transpose(0, 2, 3, 1), wanted, atol=1e-5)


@pytest.mark.parametrize(("size", "alike"), [(8, False), (7, True)])
def test_padding_of_strided_layers_in_theano(tmp_path, size, alike):
    """TensorFlow pads half a kernel before a row of 7, but not before a row of 8."""
    config = keras_1(border_mode="same", batch_input_shape=[None, 3, size, size])
    path = write_h5(
        tmp_path / "net.h5", config, {"conv": [("conv_W", KERNEL), ("conv_b", BIAS)]}, version="1.2.2", backend=None
    )
    if alike:
        assert open_model(path).model.output_shape == (None, 4, 4, 4)
        return
    with pytest.raises(ModelError, match="its layer conv was padded by Theano in another way"):
        open_model(path)


@pytest.mark.parametrize(("shape", "right"), [([None, 9, 9, 4], True), ([None, 10, 10, 4], False)])
def test_transposed_convolutions_of_keras_1(tmp_path, shape, right):
    """Their output shape was stored too: 4 positions with stride 2 give 9 positions or 10."""
    kernel = numbers(3, 3, 3, 4)  # rows, columns, channels in, filters
    old = layer("Deconvolution2D", "up", nb_filter=4, nb_row=3, nb_col=3, subsample=[2, 2], border_mode="valid",
                dim_ordering="tf", output_shape=shape, bias=False, batch_input_shape=[None, 4, 4, 3])  # fmt: skip
    config = {"class_name": "Sequential", "config": [old]}
    path = write_h5(tmp_path / "net.h5", config, {"up": [("up_W:0", kernel)]}, version="1.2.2", backend=None)
    if not right:
        with pytest.raises(ModelError, match=r"its layer up gave maps of \(10, 10, 4\)"):
            open_model(path)
        return
    x, wanted = numbers(2, 4, 4, 3, seed=3), np.zeros((2, 9, 9, 4))
    for row, column in np.ndindex(4, 4):
        patch = np.einsum("nc,rkcf->nrkf", x[:, row, column], kernel)
        wanted[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += patch
    np.testing.assert_allclose(np.asarray(open_model(path).model(x)), wanted, atol=1e-5)


def test_keras_2_on_theano(tmp_path):
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": [
        layer("Conv2D", "conv", filters=4, kernel_size=[3, 3], strides=[2, 2], data_format="channels_first",
              batch_input_shape=[None, 3, 8, 8])]}}  # fmt: skip
    kernel = KERNEL.transpose(2, 3, 1, 0)
    arrays = {"conv": [("conv/kernel", kernel), ("conv/bias", BIAS)]}
    path = write_h5(tmp_path / "net.h5", config, arrays, version="2.1.2", backend="theano")
    wanted = convolved(X.transpose(0, 2, 3, 1), kernel[::-1, ::-1], BIAS, stride=2)
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)).transpose(0, 2, 3, 1), wanted, atol=1e-5)


def built(made, shape):
    made.build(shape)
    return made


def test_layouts_of_keras_1():
    source = LayoutSource(keras_1=True)
    old = numbers(5, 1, 3, 4)
    (kernel,) = upgraded(built(layers.Conv1D(4, 5), (None, 9, 3)), [old], source)
    np.testing.assert_array_equal(kernel, old[:, 0])
    (kernel,) = upgraded(built(layers.Conv1D(4, 5), (None, 9, 3)), [old.transpose(3, 2, 0, 1)], source)
    np.testing.assert_array_equal(kernel, old[:, 0])
    back = numbers(3, 3, 2, 4)  # rows, columns, channels in, filters
    (kernel,) = upgraded(built(layers.Conv2DTranspose(4, 3), (None, 9, 9, 2)), [back], source)
    np.testing.assert_array_equal(kernel, back.transpose(0, 1, 3, 2))
    gates = [np.full((1, 2), number, "float32") for number in range(12)]
    kernel, recurrent, bias = upgraded(built(layers.LSTM(2), (None, 3, 1)), gates, source)
    assert kernel[0].tolist() == [0, 0, 6, 6, 3, 3, 9, 9]
    assert recurrent[0].tolist() == [1, 1, 7, 7, 4, 4, 10, 10]
    assert bias[0].tolist() == [2, 2, 8, 8, 5, 5, 11, 11]
    (kernel, recurrent, bias) = upgraded(built(layers.GRU(2), (None, 3, 1)), gates[:9], source)
    assert kernel[0].tolist() == [0, 0, 3, 3, 6, 6]
    with pytest.raises(ModelError, match="SeparableConv2D of Keras 1"):
        upgraded(layers.SeparableConv2D(2, 3, data_format="channels_first"), [back], source)


def test_inner_layers_are_converted_too():
    inner = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(1, 2, name="c")])
    wrapped = built(layers.TimeDistributed(inner), (None, 2, 4, 4, 1))
    kernel = np.arange(4, dtype="float32").reshape(2, 2, 1, 1)
    turned, _bias = upgraded(wrapped, [kernel, np.zeros(1, "float32")], LayoutSource(theano=True))
    assert turned.ravel().tolist() == [3, 2, 1, 0]
    assert upgraded(wrapped, [kernel], LayoutSource()) == [kernel]
