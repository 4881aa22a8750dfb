"""Tests of the table of trust and its flags."""

import json

import numpy as np
import pytest

from dreamfilters.attribution.attribute import attribute
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.trust.measure_trust import measure_trust
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import NO_BETTER, NOT_UPPER, NOT_WEIGHTS, trust_of


@pytest.fixture
def registered(truth, gradient, edges):
    """The toy methods, registered."""
    for each in (truth, gradient, edges):
        ATTRIBUTIONS.register(each)
    yield ["truth", "gradient-toy", "edges"]
    for each in (truth, gradient, edges):
        ATTRIBUTIONS.remove(each.name)


def test_the_control_fails_and_the_decisive_pixels_do_not(patch_network, patch_images, registered):
    before = patch_network.fingerprint
    found = attribute(patch_network, "class:0", patch_images, methods=registered)
    trust = measure_trust(patch_network, found)
    flags = {row.method: set(row.flags) for row in trust.rows}
    assert flags["random"] == {NO_BETTER, NOT_WEIGHTS}
    assert NO_BETTER not in flags["gradient-toy"] | flags["truth"]
    assert NOT_WEIGHTS in flags["edges"]
    assert flags["gradient-toy"] == set()
    assert list(trust.measures) == list(TRUST_MEASURES)
    assert trust.row("gradient-toy").values["mu-fidelity"].mean == pytest.approx(1, abs=1e-3)
    assert trust.row("random").values["deletion"].mean == pytest.approx(0.5, abs=0.1)
    assert json.loads(json.dumps(trust.as_values(), allow_nan=False))[-1]["method"] == "random"
    assert "mu-fidelity" in trust._repr_html_()
    for name in ("deletion", "insertion"):
        curve = trust.curves["truth"][name]
        assert np.trapezoid(curve, TRUST_MEASURES[name].points) == pytest.approx(
            trust.row("truth").values[name].mean, abs=1e-5
        )
    assert [set(row) >= {"method", "deletion", "sanity-all", "seconds"} for row in trust.cells()] == [True] * 4
    assert patch_network.fingerprint == before


def test_an_undefined_value_does_not_count():
    nan = float("nan")
    rows = [{"a": {"deletion": (nan, 0.5)}}, {"a": {"deletion": (0.25, 0.5)}}, {"a": {"deletion": (0.75, 0.25)}}]
    value = trust_of(rows).row("a").values["deletion"]
    assert (value.mean, value.by_chance, value.count) == (0.5, 0.375, 2)
    assert trust_of(rows).cells()[0]["deletion"] == "0.50 (0.38)"


@pytest.mark.parametrize(
    ("gains", "flagged"), [([0.04], True), ([0.2], False), ([0.5, -0.3], True), ([0.3, 0.4], False)]
)
def test_a_gain_within_two_standard_errors_is_chance(gains, flagged):
    rows = [{"a": {"deletion": (0.5 - gain, 0.5), "insertion": (0.5 + gain, 0.5)}} for gain in gains]
    assert (NO_BETTER in trust_of(rows).row("a").flags) is flagged


@pytest.mark.parametrize(
    ("half", "every", "flags"),
    [(0.9, 0.9, (NOT_WEIGHTS,)), (0.9, 0.1, (NOT_UPPER,)), (0.9, float("nan"), (NOT_UPPER,)), (0.6, 0.6, ())],
)
def test_heatmaps_that_ignore_weights_are_flagged(half, every, flags):
    nan = float("nan")
    assert trust_of([{"a": {"sanity-half": (half, nan), "sanity-all": (every, nan)}}]).row("a").flags == flags


def test_a_method_that_does_not_fit_a_copy_has_no_value(patch_network, patch_images, method, truth):
    from dreamfilters.attribution.trust.measure_trust import measured_values
    from dreamfilters.attribution.trust.trust_measure import TrustCase
    from dreamfilters.dreams.objectives.classes import logit
    from dreamfilters.errors import ModelError

    def refuses(network, objective, images):
        if network is not patch_network:
            raise ModelError("a copy")
        return truth(network, objective, images)

    case = TrustCase(patch_network, logit(0), patch_images[:1])
    found = measured_values(case, [method(refuses)], {"toy": truth(None, None, patch_images[:1])})
    assert np.isnan(found["toy"]["sanity-all"].values).all()
    assert np.isfinite(found["toy"]["deletion"].values).all()
