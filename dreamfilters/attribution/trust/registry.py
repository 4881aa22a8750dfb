"""The registry of measures of trust: Python, command, JSON and page iterate over it."""

from __future__ import annotations

from dreamfilters.attribution.trust.deletion import DELETION
from dreamfilters.attribution.trust.insertion import INSERTION
from dreamfilters.attribution.trust.max_sensitivity import MAX_SENSITIVITY
from dreamfilters.attribution.trust.mu_fidelity import MU_FIDELITY
from dreamfilters.attribution.trust.trust_measure import TrustMeasure
from dreamfilters.attribution.trust.weight_dependence import ALL_LAYERS, UPPER_HALF
from dreamfilters.registry import Registry

TRUST_MEASURES: Registry[TrustMeasure] = Registry(
    "measure of trust", [DELETION, INSERTION, MU_FIDELITY, MAX_SENSITIVITY, UPPER_HALF, ALL_LAYERS]
)
