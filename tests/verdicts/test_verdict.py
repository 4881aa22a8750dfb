"""Verdicts: one unit of each kind, and the sentences."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import dreamfilters
from dreamfilters.evidence.bounds.unit_bounds import bound_units
from dreamfilters.verdicts.verdict import COLORS, WARNING, DreamEvidence, ScanEvidence, Verdict, judge

INACTIVE = ScanEvidence(images=12630, high=0.0, low=0.0, zeros=1.0)
ACTIVE = ScanEvidence(images=100, high=2.5, low=0.0, zeros=0.7, image="stop.png", position=(3, 4))
DREAM = DreamEvidence(0.8, activated=True, image="conv6-12.png", attempts=("recipe standard", "relaxed gradient"))
NO_DREAM = DreamEvidence(0.0, activated=False, attempts=("recipe standard", "relaxed gradient"))


def test_one_unit_of_each_kind(network_of):
    """Five units on one pixel x: 2x - 1, x + 1, x - 2, x - .9, and 6x + 7 at a ReLU6; images up to .8 are scanned."""
    image = keras.Input((1, 1, 1))
    plain = layers.Conv2D(4, 1, activation="relu", name="plain")(image)
    capped = layers.Conv2D(1, 1, activation="relu6", name="capped")(image)
    model = keras.Model(image, layers.Concatenate(name="both")([plain, capped]))
    model.get_layer("plain").set_weights([np.array([2.0, 1, 1, 1]).reshape(1, 1, 1, 4), np.array([-1.0, 1, -2, -0.9])])
    model.get_layer("capped").set_weights([np.full((1, 1, 1, 1), 6.0), np.array([7.0])])
    network = network_of(model)
    bounds = bound_units(network).layers
    images = np.linspace(0, 0.8, 9, dtype="float32").reshape(-1, 1, 1, 1)
    white = np.ones((1, 1, 1, 1), "float32")  # the input that maximizes each unit
    kinds = []
    for layer, units in (("plain", 4), ("capped", 1)):
        watch = network.watch(frozenset({layer}))
        activations, best = (np.asarray(watch(x)[layer]) for x in (images, white))
        for unit in range(units):
            values = activations[..., unit]
            scanned = ScanEvidence(len(images), float(values.max()), float(values.min()), float(np.mean(values == 0)))
            dream = DreamEvidence(float(best[0, 0, 0, unit]), activated=True)
            activation = network.layer(layer).activation
            verdict = judge(activation, scanned=scanned, dream=dream, before=bounds[layer].before(unit))
            kinds.append((verdict.kind, verdict.proved))
    assert kinds == [("alive", False), ("always on", True), ("dead", True), ("dormant", False), ("saturated", True)]


def test_alive_names_image_position_and_value():
    assert judge("relu", scanned=ACTIVE) == Verdict("alive", "image stop.png gives 2.5 at row 3, column 4")


def test_a_neuron_has_no_position():
    scanned = ScanEvidence(images=7, high=2.5, low=0.0)
    assert str(judge("relu", scanned=scanned)) == "alive: one of 7 images gives 2.5"


def test_one_image_does_not_show_what_a_unit_always_does():
    bright = ScanEvidence(images=1, high=2.0, low=1.0, zeros=0.0, image="a.png", position=(0, 0))
    assert judge("relu", scanned=bright).kind == "alive"
    assert judge("sigmoid", scanned=ScanEvidence(images=1, high=1.0, low=1.0, zeros=0.0)).sentence.startswith(
        "on the only image it is constant at 1;"
    )
    dark = ScanEvidence(images=1, high=0.0, low=0.0, zeros=1.0)
    assert judge("relu", scanned=dark, dream=DREAM).sentence.startswith("not activated by the only image; a dream")


def test_dormant_comes_with_the_warning():
    verdict = judge("relu", scanned=INACTIVE, dream=DREAM, before=(-3.0, 4.0))
    assert verdict.kind == "dormant"
    assert (
        verdict.sentence == f"not activated by any of 12630 images; a dream (conv6-12.png) raises it to 0.8; {WARNING}"
    )
    assert not verdict.proved


@pytest.mark.parametrize("high", [0.0, -0.1])
@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_dead_is_only_what_is_proved(activation, high):
    verdict = judge(activation, scanned=INACTIVE, dream=NO_DREAM, before=(-3.0, high))
    assert verdict.kind == "dead"
    assert verdict.proved
    assert str(verdict).startswith("dead, proved: no valid input raises it above")


def test_a_unit_that_nothing_activates_is_undecided_and_lists_the_attempts():
    verdict = judge("relu", scanned=INACTIVE, dream=NO_DREAM, before=(-3.0, 0.25))
    assert verdict == Verdict(
        "undecided",
        "not activated by any of 12630 images; not activated by a dream: recipe standard, relaxed gradient; "
        "not proved dead: its upper bound before the ReLU is 0.25",
    )


def test_the_reason_for_missing_bounds_is_named():
    verdict = judge("relu", scanned=INACTIVE, reason="no rule for norm")
    assert verdict.sentence == ("not activated by any of 12630 images; not dreamed; no bounds: no rule for norm")


def test_no_evidence_is_undecided():
    assert judge("relu") == Verdict("undecided", "no images were scanned; not dreamed; bounds were not computed")
    assert judge("linear") == Verdict("undecided", "no images were scanned")


def test_a_dream_without_images_makes_a_unit_alive():
    assert judge("relu", dream=DREAM).kind == "alive"


def test_a_dream_with_score_0_does_not_activate():
    assert judge("relu", scanned=INACTIVE, dream=DreamEvidence(0.0, activated=True)).kind == "undecided"


def test_always_on():
    scanned = ScanEvidence(images=5, high=9.0, low=0.5)
    assert str(judge("relu", scanned=scanned)) == "always on: on all 5 images it is above 0; its minimum is 0.5"
    proved = judge("relu", scanned=scanned, before=(0.2, 11.0))
    assert str(proved) == "always on, proved: no valid input lowers it below 0.2"


@pytest.mark.parametrize(
    ("activation", "low", "high", "end"),
    [
        ("relu6", 6.0, 6.0, "6"),
        ("sigmoid", 0.995, 1.0, "upper limit"),
        ("sigmoid", 0.0, 0.004, "lower limit"),
        ("tanh", 0.99, 1.0, "upper limit"),
        ("tanh", -1.0, -0.985, "lower limit"),
    ],
)
def test_saturated(activation, low, high, end):
    verdict = judge(activation, scanned=ScanEvidence(images=5, high=high, low=low))
    assert verdict.kind == "saturated"
    assert end in verdict.sentence


def test_a_unit_proved_at_its_ceiling():
    assert judge("relu6", before=(6.5, 8.0)) == Verdict(
        "saturated", "every valid input raises it to 6 or more", proved=True
    )


@pytest.mark.parametrize("activation", ["silu", "gelu", "tanh", "linear", "sigmoid", "leaky_relu", "elu", "softmax"])
@pytest.mark.parametrize("scanned", [None, INACTIVE, ScanEvidence(images=9, high=-0.1, low=-0.2)])
@pytest.mark.parametrize("dream", [None, NO_DREAM])
def test_without_a_relu_no_unit_is_dead_or_dormant(activation, scanned, dream):
    verdict = judge(activation, scanned=scanned, dream=dream, before=(-3.0, -1.0))
    assert verdict.kind not in ("dead", "dormant")


def test_a_constant_unit_without_a_relu_is_undecided():
    verdict = judge("silu", scanned=ScanEvidence(images=9, high=0.25, low=0.25))
    assert str(verdict) == "undecided: on all 9 images it is constant at 0.25; a unit with silu is never called dead"


def test_an_activating_image_outranks_a_proof_and_the_contradiction_is_named():
    verdict = judge("relu", scanned=ACTIVE, before=(-2.0, -1.0))
    assert verdict.kind == "alive"
    assert verdict.sentence.endswith("this contradicts its bounds: an image is not a valid input")


def test_nan_is_undecided():
    verdict = judge("relu", scanned=ScanEvidence(images=2, high=float("nan"), low=0.0))
    assert verdict.kind == "undecided"
    assert "0 to nan" in verdict.sentence


def test_pages_and_images_have_the_same_colors():
    css = (Path(dreamfilters.__file__).parent / "report" / "templates" / "atlas.css").read_text()
    named = re.findall(r"--([a-z-]+): #([0-9a-f]{6})", css.partition("}")[0])
    assert {name.replace("-", " "): tuple(bytes.fromhex(color)) for name, color in named} == COLORS
