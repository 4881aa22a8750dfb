"""Tests of the distributions of weights."""

import json

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.attribution.circuits.weights.layer_weights import layer_weights
from dreamfilters.errors import ModelError, OutputError
from dreamfilters.images import read_image


def test_statistics_worked_by_hand(make_tiny, network_of):
    model = make_tiny()
    kernel = np.zeros((3, 3, 3, 8), "float32")
    kernel[0, 0, 0, :4] = 1.0, 3.0, -4.0, np.nan
    model.get_layer("conv1").set_weights([kernel, np.full(8, 2.0)])
    (found,) = layer_weights(network_of(model), "conv1")
    weights, bias = found.distributions
    assert (weights.name, weights.shape, bias.name, bias.shape) == ("kernel", (3, 3, 3, 8), "bias", (8,))
    assert (weights.low, weights.high, weights.not_finite) == (-4, 3, 1)
    assert weights.mean == 0  # (1 + 3 - 4) / 215
    assert weights.std == pytest.approx(np.sqrt((1 + 9 + 16) / 215))
    assert weights.zeros == 212 / 215
    assert weights.histogram.counts.sum() == 215
    assert (bias.mean, bias.std, bias.zeros) == (2, 0, 0)


def test_a_normalization_that_follows_counts_to_the_layer(normed, network_of):
    network = network_of(normed)
    found = {one.layer: one for one in layer_weights(network)}
    assert list(found) == ["conv", "classes"]
    names = [one.name for one in found["conv"].distributions]
    assert names == ["kernel", "norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"]
    gamma = normed.get_layer("norm").get_weights()[0]
    assert found["conv"].distributions[1].mean == pytest.approx(gamma.mean())
    assert (len(found["conv"].kernels), len(found["classes"].kernels)) == (8, 0)
    assert [len(one.kernels) for one in layer_weights(network, kernels=False)] == [0, 0]
    (alone,) = layer_weights(network, "norm")
    assert alone.distributions[0].name == "gamma"


def test_the_page_the_drawing_and_the_notebook(network, tmp_path):
    every = layer_weights(network)
    page = df.save(every, tmp_path / "weights")
    assert page.read_text("utf-8").count('class="chart"') == 6  # kernel and bias of three layers
    values = json.loads((tmp_path / "weights" / "weights.json").read_bytes())
    assert [layer["layer"] for layer in values["layers"]] == ["conv1", "conv2", "classes"]
    assert (tmp_path / "weights" / "kernels-conv1.png").is_file()
    assert not (tmp_path / "weights" / "kernels-conv2.png").exists()
    (conv2,) = layer_weights(network, ["conv2"])
    assert min(read_image(df.save(conv2, tmp_path / "conv2.png")).shape[:2]) > 100
    assert conv2._repr_html_().count("<img") == 8
    with pytest.raises(OutputError, match="nothing to draw; give a folder"):
        df.save(layer_weights(network, "classes"), tmp_path / "classes.png")
    with pytest.raises(ModelError, match="pool1: a MaxPooling2D has no weights"):
        layer_weights(network, "pool1")
