"""One unit of each kind, and the words for it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.evidence.bounds.unit_bounds import bound_units
from dreamfilters.verdicts.verdict import KINDS, WARNING, DreamEvidence, ScanEvidence, Verdict, judge, shares

SILENT = ScanEvidence(images=12630, high=0.0, low=0.0, zeros=1.0)
SEEN = ScanEvidence(images=100, high=2.5, low=0.0, zeros=0.7, image="stop.png", place=(3, 4))
WOKEN = DreamEvidence(0.8, activated=True, image="conv6-12.png", attempts=("plain ascent", "relaxed ReLU"))
ASLEEP = DreamEvidence(0.0, activated=False, attempts=("plain ascent", "relaxed ReLU"))


def test_one_unit_of_each_kind(network_of):
    """Five units on one pixel x: 2x - 1, x + 1, x - 2, x - .9, and 6x + 7 at a ReLU6; images up to .8 are shown."""
    image = keras.Input((1, 1, 1))
    plain = layers.Conv2D(4, 1, activation="relu", name="plain")(image)
    capped = layers.Conv2D(1, 1, activation="relu6", name="capped")(image)
    model = keras.Model(image, layers.Concatenate(name="both")([plain, capped]))
    model.get_layer("plain").set_weights([np.array([2.0, 1, 1, 1]).reshape(1, 1, 1, 4), np.array([-1.0, 1, -2, -0.9])])
    model.get_layer("capped").set_weights([np.full((1, 1, 1, 1), 6.0), np.array([7.0])])
    network = network_of(model)
    bounds = bound_units(network).layers
    shown = np.linspace(0, 0.8, 9, dtype="float32").reshape(-1, 1, 1, 1)
    white = np.ones((1, 1, 1, 1), "float32")  # what a dream would find
    kinds = []
    for layer, units in (("plain", 4), ("capped", 1)):
        watch = network.watch(frozenset({layer}))
        seen, best = (np.asarray(watch(images)[layer]) for images in (shown, white))
        for unit in range(units):
            here = seen[..., unit]
            scanned = ScanEvidence(len(shown), float(here.max()), float(here.min()), float(np.mean(here == 0)))
            dreamt = DreamEvidence(float(best[0, 0, 0, unit]), activated=True)
            activation = network.layer(layer).activation
            verdict = judge(activation, scanned=scanned, dreamt=dreamt, before=bounds[layer].before(unit))
            kinds.append((verdict.kind, verdict.proved))
    assert kinds == [("alive", False), ("always on", True), ("dead", True), ("dormant", False), ("saturated", True)]


def test_alive_names_image_place_and_value():
    assert judge("relu", scanned=SEEN) == Verdict("alive", "image stop.png gives 2.5 at row 3, column 4")


def test_a_neuron_has_no_place():
    scanned = ScanEvidence(images=7, high=2.5, low=0.0)
    assert str(judge("relu", scanned=scanned)) == "alive: one of 7 images gives 2.5"


def test_dormant_comes_with_the_warning():
    verdict = judge("relu", scanned=SILENT, dreamt=WOKEN, before=(-3.0, 4.0))
    assert verdict.kind == "dormant"
    assert verdict.sentence == f"silent on all 12630 images; a dream (conv6-12.png) wakes it to 0.8; {WARNING}"
    assert not verdict.proved


@pytest.mark.parametrize("high", [0.0, -0.1])
@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_dead_is_only_what_is_proved(activation, high):
    verdict = judge(activation, scanned=SILENT, dreamt=ASLEEP, before=(-3.0, high))
    assert verdict.kind == "dead"
    assert verdict.proved
    assert str(verdict).startswith("dead, proved: no valid input lifts it above")


def test_silent_and_not_woken_is_undecided_and_lists_what_was_tried():
    verdict = judge("relu", scanned=SILENT, dreamt=ASLEEP, before=(-3.0, 0.25))
    assert verdict == Verdict(
        "undecided",
        "silent on all 12630 images; not activated by plain ascent, relaxed ReLU; "
        "not proved dead: its bound before the ReLU is 0.25",
    )


def test_why_there_are_no_bounds_is_said():
    verdict = judge("relu", scanned=SILENT, reason="no bounds are known for norm, a LayerNormalization")
    assert verdict.sentence == (
        "silent on all 12630 images; not dreamt; no bounds: no bounds are known for norm, a LayerNormalization"
    )


def test_nothing_known_is_undecided():
    assert judge("relu") == Verdict("undecided", "no image was shown; not dreamt; no bounds were asked for")
    assert judge("linear") == Verdict("undecided", "no image was shown")


def test_a_dream_alone_shows_life():
    assert judge("relu", dreamt=WOKEN).kind == "alive"


def test_a_dream_that_rose_to_nothing_does_not_wake():
    assert judge("relu", scanned=SILENT, dreamt=DreamEvidence(0.0, activated=True)).kind == "undecided"


def test_always_on():
    scanned = ScanEvidence(images=5, high=9.0, low=0.5)
    assert str(judge("relu", scanned=scanned)) == "always on: on all 5 images it was never at 0; its least value is 0.5"
    proved = judge("relu", scanned=scanned, before=(0.2, 11.0))
    assert str(proved) == "always on, proved: no valid input brings it below 0.2"


@pytest.mark.parametrize(
    ("activation", "low", "high", "end"),
    [
        ("relu6", 6.0, 6.0, "6"),
        ("sigmoid", 0.995, 1.0, "ceiling"),
        ("sigmoid", 0.0, 0.004, "floor"),
        ("tanh", 0.99, 1.0, "ceiling"),
        ("tanh", -1.0, -0.985, "floor"),
    ],
)
def test_saturated(activation, low, high, end):
    verdict = judge(activation, scanned=ScanEvidence(images=5, high=high, low=low))
    assert verdict.kind == "saturated"
    assert end in verdict.sentence


def test_a_unit_proved_at_its_ceiling():
    assert judge("relu6", before=(6.5, 8.0)) == Verdict(
        "saturated", "every valid input lifts it to 6 or beyond", proved=True
    )


@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh", "linear", "sigmoid", "leaky_relu", "elu", "softmax"])
@pytest.mark.parametrize("scanned", [None, SILENT, ScanEvidence(images=9, high=-0.1, low=-0.2)])
@pytest.mark.parametrize("dreamt", [None, ASLEEP])
def test_without_a_state_of_rest_nothing_is_dead_or_dormant(activation, scanned, dreamt):
    verdict = judge(activation, scanned=scanned, dreamt=dreamt, before=(-3.0, -1.0))
    assert verdict.kind not in ("dead", "dormant")


def test_a_unit_that_never_moves_is_undecided_whatever_its_activation():
    verdict = judge("silu", scanned=ScanEvidence(images=9, high=0.25, low=0.25))
    assert str(verdict) == "undecided: on all 9 images it gave 0.25 everywhere; a unit behind silu is never called dead"


def test_what_was_seen_outranks_a_proof_and_the_contradiction_is_said():
    verdict = judge("relu", scanned=SEEN, before=(-2.0, -1.0))
    assert verdict.kind == "alive"
    assert verdict.sentence.endswith("bounds say it cannot: some image is no valid input")


def test_a_number_that_is_none_is_undecided():
    verdict = judge("relu", scanned=ScanEvidence(images=2, high=float("nan"), low=0.0))
    assert verdict.kind == "undecided"
    assert "0 to nan" in verdict.sentence


def test_shares_add_up_to_one_by_layer():
    dead, alive = Verdict("dead", "", proved=True), Verdict("alive", "")
    table = shares({"a": [dead, alive, alive, alive], "b": [alive], "none": []})
    assert list(table["a"]) == list(KINDS)
    assert table["a"]["dead"] == 0.25
    assert table["a"]["alive"] == 0.75
    assert table["b"]["dead"] == 0
    assert sum(table["a"].values()) == pytest.approx(1)
    assert sum(table["none"].values()) == 0
