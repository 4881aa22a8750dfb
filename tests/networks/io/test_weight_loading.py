import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.model_file import open_model
from tests.networks.old_files import called, conv, convolved, layer, numbers, write_archive, write_h5

X = numbers(2, 6, 6, 3, seed=5)
SHAPE = [None, 6, 6, 3]
FIRST, SECOND = numbers(2, 2, 3, 3), numbers(2, 2, 3, 3, seed=9)


def entry(name, **settings):
    stored = conv(name, 3, 2, use_bias=False, **settings)
    return {**stored, "module": "keras.layers", "registered_name": None}


def archive_config():
    start = {**layer("InputLayer", "in", batch_input_shape=SHAPE, dtype="float32", sparse=False, ragged=False)}
    layers = [start, entry("one", batch_input_shape=SHAPE), layer("ReLU", "r", negative_slope=0.2), entry("two")]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": layers}}


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
    """E4, E5: whatever the groups are called, the layers of a class lie in order."""
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
    """Those in training come first, but a file does not always tell the flags of that moment; its names tell."""
    kernels = {"one": FIRST, "two": SECOND}
    arrays = {"inner": [(f"{name}/kernel:0", kernels[name]) for name in order]}
    path = write_h5(tmp_path / "net.h5", partly_frozen(flags), arrays, version="2.6.0")
    np.testing.assert_allclose(np.asarray(open_model(path).model(X)), convolved(convolved(X, FIRST), SECOND), atol=1e-5)


def test_kinds_that_do_not_go_together_are_refused(tmp_path):
    norm = layer("BatchNormalization", "norm", axis=-1, batch_input_shape=SHAPE)
    names = ("beta", "gamma", "moving_mean", "moving_variance")  # nobody wrote them in this order
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": [norm]}}
    arrays = {"norm": [(f"elsewhere/{name}:0", numbers(3)) for name in names]}
    path = write_h5(tmp_path / "net.h5", config, arrays, version="2.6.0")
    with pytest.raises(ModelError, match="its weights for norm are"):
        open_model(path)
