"""Settings that would cost time or memory are refused before Keras sees them; those of real layers pass."""

import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.config.allowed_objects import admitted


def entry(class_name, module="keras.layers", **settings):
    return {"module": module, "class_name": class_name, "config": {"name": "one", **settings}, "registered_name": None}


def array(value, dtype="float32", class_name="__numpy__"):
    return {"class_name": class_name, "config": {"value": value, "dtype": dtype}}


CORE, NUMPY = "keras.src.ops.core", "keras.src.ops.numpy"
CONSTANT = entry("Constant", "keras.initializers", value=array([], "U9", "__tensor__"))
REFUSED = [
    (entry("Unstack", CORE, num=10**8, axis=1), "num=100000000, 100,000,000 outputs; at most 1,000"),
    (entry("Split", NUMPY, indices_or_sections=1001, axis=0), "indices_or_sections=1001, 1,001 outputs"),
    (entry("ArraySplit", NUMPY, indices_or_sections=[1] * 1000), "1,001 outputs; at most 1,000"),
    (entry("ExpandDims", NUMPY, axis=list(range(200_000))), "axis of 200,000 values; at most 1,000"),
    (entry("Diff", NUMPY, n=10**6, axis=-1), "n=1000000; at most 65,536"),
    (entry("Conv2D", filters=1, kernel_size=[1, 10**6]), "kernel_size=1000000; at most 65,536"),
    (entry("Conv2D", filters=1, kernel_size=1, dilation_rate=10**6), "dilation_rate=1000000; at most 65,536"),
    (entry("Conv2D", filters=10**9, kernel_size=1), "filters=1000000000; the largest is 100,000,000"),
    (entry("Conv2D", filters=True, kernel_size=1), "filters=True; it must be an integer"),
    (entry("AugMix", num_chains=10**6), "num_chains=1000000; at most 65,536"),
    (entry("Permute", dims={"class_name": "__tuple__", "config": [10**6]}), "dims=1000000; at most 65,536"),
    (entry("Einsum", NUMPY, subscripts="a" * 10**6), "subscripts of 1,000,000 characters; at most 10,000"),
    (entry("Normalization", mean=array(["a"] * 4, "S999999999")), "an array of the type 'S999999999', not a numeric"),
    (entry("Normalization", mean=array([1.0], "object")), "an array of the type 'object', not a numeric one"),
    (entry("Normalization", mean=array([1.0], ["float32"])), "not a numeric one"),
    (entry("Normalization", mean=array(["1"])), "an array with values that are not numbers"),
    (entry("Normalization", mean=array([[1.0], 2.0])), "an array whose rows have several lengths"),
    (entry("Normalization", mean={"class_name": "__numpy__", "config": 3}), "an array of the type None"),
    (entry("Dense", units=1, kernel_initializer=CONSTANT), "an array of the type 'U9', not a numeric one"),
]


@pytest.mark.parametrize(("config", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_setting_out_of_its_bounds_is_refused(config, words):
    with pytest.raises(ModelError) as caught:
        admitted(config)
    assert words in str(caught.value)
    assert "one" in str(caught.value)


def test_arrays_in_the_arguments_of_a_call_are_checked():
    node = {"args": [["in", 0, 0]], "kwargs": {"mask": array(["a"], "S999999999")}}
    with pytest.raises(ModelError, match="an array of the type 'S999999999'"):
        admitted({**entry("ReLU"), "inbound_nodes": [node]})


@pytest.mark.parametrize(
    "config",
    [
        entry("Reshape", target_shape=[150_528]),
        entry("Embedding", input_dim=250_000, output_dim=4),
        entry("Rescaling", scale=1_000_000),
        entry("Clip", NUMPY, x_min=-1_000_000, x_max=1_000_000),
        entry("MelSpectrogram", sampling_rate=96_000),
        entry("Discretization", bin_boundaries=list(range(5000))),
        entry("Normalization", mean=array([[[0.5] * 3] * 224] * 224)),
        entry("Unstack", CORE, num=1000),
        entry("RandomFlip", seed=2**63),
    ],
    ids=lambda config: config["class_name"],
)
def test_large_values_that_mean_no_steps_pass(config):
    admitted(config)


def cells(count):
    stack = entry("StackedRNNCells", cells=[entry("SimpleRNNCell", units=1)] * count)
    return entry("RNN", cell=stack)


def test_layers_inside_others_are_counted(monkeypatch):
    """The RNN, the stack and each cell; then twice, for two calls."""
    monkeypatch.setattr(limits, "MOST_CALLS", 20)
    admitted(cells(18))
    with pytest.raises(ModelError, match="calls layers 21 times, more than the 20 that are opened"):
        admitted(cells(19))
    node = {"args": [["in", 0, 0]], "kwargs": {}}
    with pytest.raises(ModelError, match="calls layers 22 times"):
        admitted({**cells(9), "inbound_nodes": [node, node]})


def test_initializers_are_not_counted_as_layers(monkeypatch):
    monkeypatch.setattr(limits, "MOST_CALLS", 20)
    zeros = entry("Zeros", "keras.initializers")
    dense = entry("Dense", units=1, kernel_initializer=zeros, bias_initializer=zeros)
    admitted({"class_name": "Sequential", "config": {"layers": [dense] * 20}})


def test_a_table_of_values_is_longer_than_a_list_of_axes(monkeypatch):
    monkeypatch.setattr(limits, "LONGEST_TABLE", 2_000)
    admitted(entry("Normalization", mean=[0.0] * 2_000))
    with pytest.raises(ModelError, match="mean of 2,001 values; at most 2,000"):
        admitted(entry("Normalization", mean=[0.0] * 2_001))
