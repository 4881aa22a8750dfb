"""The audit of a hand-made network with a unit of each kind."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.verdicts.audit import audit, audited_layers
from dreamfilters.verdicts.result import audit_from
from dreamfilters.verdicts.verdict import WARNING

RED, GREEN, BLUE = np.eye(3)


def _filled(layer, rows, bias):
    """Set the weights of a 1x1 convolution or a dense layer, one row per unit."""
    kernel = np.array(rows, "float32").T
    layer.set_weights([kernel.reshape(layer.weights[0].shape), np.array(bias, "float32")])


def hand_made():
    """Every unit's kind is known by arithmetic; images have red, green and blue in [0, 1]."""
    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(6, 1, activation="relu", name="first")
    second = layers.Conv2D(3, 1, activation="relu", name="second")
    sums = layers.Conv2D(2, 1, name="sums")
    swish = layers.Conv2D(2, 1, activation="silu", name="swish")
    bell = layers.Conv2D(2, 1, activation="gelu", name="bell")
    head = layers.Dense(3, activation="sigmoid", name="head")
    x = second(first(image))
    x = layers.ReLU(6.0, name="six")(sums(x))
    x = bell(swish(x))
    model = keras.Model(image, head(layers.GlobalAveragePooling2D(name="mean")(x)), name="by_hand")
    _filled(first, [RED, -RED, 0.1 * RED, RED, -RED, GREEN], [0, -0.1, 0.5, -0.5, 0.5, -0.9])
    # with r the red: |r - 0.5| - 0.6 <= -0.1, which relaxation proves and intervals do not (0.5 + 0.5 - 0.6); and
    # r - 2 max(r - 0.5, 0) - 0.75 <= -0.25, which neither proves: the relaxation of the ReLU leaves 1 - 0.75
    _filled(second, [[0, 0, 0, 1, 1, 0], [1, 0, 0, -2, 0, 0], [1, 0, 0, 0, 0, 0]], [-0.6, -0.75, 0])
    _filled(sums, [[0, 0, 1], [0, 0, 1]], [7, 0])
    _filled(swish, [[0, 0], [0, 1]], [-20, 0])
    _filled(bell, [[0, 0], [0, 1]], [-20, 0])
    _filled(head, [[0, 0], [0, 8], [0, 0]], [20, -2, -20])
    return model


@pytest.fixture(scope="module")
def by_hand(network_of):
    return network_of(hand_made())


@pytest.fixture(scope="module")
def images():
    """Twelve images whose green stays below 0.8, with some black."""
    images = (np.random.default_rng(0).random((12, 8, 8, 3)) * [1, 0.8, 1]).astype("float32")
    images[:, 3, 5] = 0
    return images


@pytest.fixture(scope="module")
def scanned(by_hand, images):
    return scan(by_hand, images, k=3)


@pytest.fixture(scope="module")
def found(by_hand, scanned):
    return audit(by_hand, scanned)


def test_every_unit_gets_the_verdict_that_arithmetic_gives_it(found):
    kinds = {layer.name: [finding.verdict.kind for finding in layer.findings] for layer in found.layers}
    assert kinds == {
        "first": ["alive", "dead", "always on", "alive", "alive", "dormant"],
        "second": ["dead", "undecided", "alive"],
        "six": ["saturated", "alive"],
        "swish": ["undecided", "alive"],
        "bell": ["undecided", "alive"],
        "head": ["saturated", "alive", "saturated"],
    }
    proved = [(layer.name, f.unit) for layer in found.layers for f in layer.findings if f.verdict.proved]
    assert proved == [("first", 1), ("first", 2), ("second", 0), ("six", 0)]
    assert found.counts == {"alive": 8, "dormant": 1, "dead": 2, "always on": 1, "saturated": 3, "undecided": 3}


def test_the_evidence_names_image_position_and_value(found, images):
    row, column = found.unit("first", 0).scanned.position
    image = images[int(found.unit("first", 0).scanned.image)]
    assert image[row, column, 0] == images[..., 0].max() == np.float32(found.unit("first", 0).scanned.high)
    assert f"at row {row}, column {column}" in found.unit("first", 0).verdict.sentence


def test_a_dormant_unit_is_activated_by_its_dream_and_has_the_warning(found):
    unit = found.unit("first", 5)
    assert 0 < unit.dream.score <= 0.1 + 1e-6  # green 1 - 0.9
    assert unit.verdict.sentence.startswith("not activated by any of 12 images; a dream raises it to 0.")
    assert unit.verdict.sentence.endswith(WARNING)


def test_a_dead_unit_has_its_bound_and_is_not_dreamed_if_intervals_prove_it(found):
    assert found.unit("first", 1).verdict.sentence == "no input in [0, 1] raises it above -0.1 before its ReLU"
    assert found.unit("first", 1).dream is None
    assert found.unit("second", 0).before[1] == pytest.approx(-0.1, abs=1e-3)
    assert found.unit("second", 0).dream is not None  # intervals alone did not prove it


def test_undecided_lists_the_attempts(found):
    assert found.unit("second", 1).verdict.sentence == (
        "not activated by any of 12 images; not activated by a dream: recipe standard, pre-activation, "
        "relaxed gradient, another seed, pixels, map maximum; "
        "not proved dead: its upper bound before the ReLU is 0.25"
    )


def test_units_with_silu_or_gelu_are_neither_dead_nor_dormant(found):
    for layer in ("swish", "bell"):
        assert "is never called dead" in found.unit(layer, 0).verdict.sentence
        assert found.unit(layer, 0).dream is None


def test_no_image_activates_a_dead_unit(found, by_hand):
    rng = np.random.default_rng(1)
    inputs = rng.choice([0.0, 0.5, 1.0], (2000, 8, 8, 3)).astype("float32")
    first = np.asarray(by_hand.watch(frozenset({"first"}))(inputs)["first"])
    second = np.asarray(by_hand.watch(frozenset({"second"}))(inputs)["second"])
    seen = {"first": first, "second": second}
    dead = found.of("dead")
    assert len(dead) == 2
    for layer, finding in dead:
        assert seen[layer][..., finding.unit].max() == 0


def test_without_images_a_dream_makes_a_unit_alive(by_hand):
    found = audit(by_hand, layers=["first", "swish", "head"])
    assert found.images == 0
    assert [finding.verdict.kind for finding in found.layer("first").findings] == [
        "alive", "dead", "always on", "alive", "alive", "alive",
    ]  # fmt: skip
    assert found.unit("first", 5).verdict.sentence.endswith("no images were scanned")
    assert [finding.verdict.kind for finding in found.layer("swish").findings] == ["undecided", "alive"]
    assert "raises it to" in found.unit("swish", 1).verdict.sentence
    assert found.counts["dormant"] == 0


def test_the_same_seed_gives_the_same_audit(found, by_hand, scanned):
    assert audit(by_hand, scanned) == found


def test_an_audit_is_restored_from_its_values(found):
    assert audit_from(found.as_values()) == found


def test_a_scan_of_other_weights_is_refused(by_hand, scanned, network_of):
    other = hand_made()
    other.get_layer("first").bias.assign([0, 0, 0, 0, 0, 0])
    with pytest.raises(ModelError, match=r"scan of by_hand: made with other weights .* scan the images again"):
        audit(network_of(other), scanned)
    wider = dataclasses.replace(by_hand, form=dataclasses.replace(by_hand.form, scale=2.0))
    with pytest.raises(ModelError, match="another input form"):
        audit(wider, scanned)


@pytest.mark.parametrize(
    ("layers", "message"),
    [(["frist"], "Close names: first"), (["mean"], "GlobalAveragePooling2D has no units of its own")],
)
def test_a_layer_that_cannot_be_audited_is_refused(by_hand, scanned, layers, message):
    with pytest.raises(UnknownNameError, match=message):
        audit(by_hand, scanned, layers)


def test_a_layer_that_was_not_scanned_is_refused(by_hand, images):
    partly = scan(by_hand, images, ["first"], k=3)
    with pytest.raises(UnknownNameError, match="second: not among the layers of this scan"):
        audit(by_hand, partly, ["second"])


def test_a_convolution_is_audited_after_its_activation(normed, by_hand, network_of):
    assert audited_layers(network_of(normed)) == ("relu", "classes")
    assert audited_layers(by_hand) == ("first", "second", "six", "swish", "bell", "head")


def test_near_duplicates_are_found_before_normalization(normed, network_of):
    model = keras.models.clone_model(normed)
    model.set_weights(normed.get_weights())
    kernel = np.array(model.get_layer("conv").kernel)
    kernel[..., 5] = 1.5 * kernel[..., 2]
    model.get_layer("conv").kernel.assign(kernel)
    norm = model.get_layer("norm")
    for variable in norm.weights:
        values = np.array(variable)
        values[5] = values[2]
        variable.assign(values)
    norm.beta.assign(np.zeros(8))
    norm.moving_mean.assign(np.zeros(8))
    network = network_of(model)
    found = audit(network, scan(network, np.random.default_rng(0).random((4, 16, 16, 3)), k=2), ["relu"])
    assert [(pair.first, pair.second) for pair in found.layer("relu").duplicates] == [(2, 5)]


def test_a_leaky_layer_is_not_a_relu(network_of):
    image = keras.Input((4, 4, 3))
    conv = layers.Conv2D(1, 1, name="conv")
    model = keras.Model(image, layers.ReLU(negative_slope=0.1, name="leak")(conv(image)))
    _filled(conv, [-RED], [-0.1])
    network = network_of(model)
    found = audit(network, scan(network, np.random.default_rng(0).random((3, 4, 4, 3)), k=1))
    assert found.unit("leak", 0).verdict.kind == "alive"


def test_nan_maps_are_named(by_hand, scanned):
    arrays = {name: values.copy() for name, values in scanned.arrays.items()}
    arrays["sums/nonfinite"][0] = 2
    found = audit(by_hand, dataclasses.replace(scanned, arrays=arrays), ["first"])
    assert found.unit("first", 0).verdict.sentence.endswith("its map held NaN or infinity on 2 further images")


def test_a_network_without_units_is_refused_in_one_line(network_of):
    pools = keras.Sequential([layers.Input((4, 4, 3)), layers.MaxPooling2D()], name="pools")
    with pytest.raises(UnknownNameError, match="pools: no layer has units that get a verdict"):
        audit(network_of(pools))
