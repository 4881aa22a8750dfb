"""Which layers a scan covers by default, and that no finding of an audit is lost."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.evidence.scan.scanned_layers import default_layers, every_layer, layers_shown_by, scanned_layers
from dreamfilters.networks import LOGITS, load
from dreamfilters.verdicts.audit import audit, audited_layers


@pytest.fixture(scope="module")
def network():
    """conv -> norm -> act, then conv2 -> norm2 without an activation, then classes; filter 1 of conv is dead."""
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(3, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="act"),
            layers.Conv2D(2, 3, name="conv2"),
            layers.BatchNormalization(name="norm2"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(2, activation="softmax", name="classes"),
        ]
    )
    kernel, bias = (np.array(value) for value in model.get_layer("conv").get_weights())
    kernel[..., 1], bias[1] = -1, -1
    model.get_layer("conv").set_weights([kernel, bias])
    return load(model)


def images(count=6):
    return np.random.default_rng(0).random((count, 8, 8, 3), dtype=np.float32)


def test_of_each_chain_one_layer_is_scanned(network):
    assert every_layer(network) == ("conv", "norm", "act", "conv2", "norm2", "average", "classes", LOGITS)
    assert default_layers(network) == scanned_layers(network) == ("act", "conv2", "average", "classes", LOGITS)
    assert layers_shown_by(network) == {"conv": "act", "norm": "act", "norm2": "conv2"}


def test_names_and_a_star_choose_others(network):
    assert scanned_layers(network, ["norm"]) == ("norm",)
    assert scanned_layers(network, "*") == every_layer(network)
    assert default_layers(network, also=["norm2"]) == ("act", "conv2", "norm2", "average", "classes", LOGITS)


def test_the_scan_says_what_it_leaves_out(network):
    found = scan(network, images())
    assert found.left_out == (
        "left out, because another layer shows their units (--layers '*' scans them too): "
        "conv by act, norm by act, norm2 by conv2"
    )
    with pytest.raises(UnknownNameError, match=r"norm: not among the layers of this scan; .*act shows its units"):
        found.layer("norm")
    assert scan(network, images(), "*").left_out == ""


def test_an_audit_finds_as_much_in_the_default_scan_as_in_one_of_every_layer(network):
    some, every = (audit(network, scan(network, images(), chosen)) for chosen in (None, "*"))
    assert some.as_values() == every.as_values()
    assert some.unit("act", 1).verdict.kind == "dead"
    asked = scan(network, images(), default_layers(network, also=["conv"]))
    assert audit(network, asked, ["conv"]).unit("conv", 1).scanned.high < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50V2", "EfficientNetV2B0"])
def test_every_audited_layer_of_real_networks_is_scanned(name):
    make = getattr(keras.applications, name)
    network = load(make(weights=None, input_shape=(64, 64, 3), classes=10))
    kept = default_layers(network)
    assert set(audited_layers(network)) <= set(kept)
    if name == "MobileNetV2":
        assert (len(every_layer(network)) - 1, len(kept) - 1) == (151, 64)  # without the logits
