"""The registry of measures: comparison, JSON, CSV, report, atlas, command line and viewer iterate over it."""

from __future__ import annotations

from typing import Any

from dreamfilters.comparison.measures.class_attribution import CLASS_ATTRIBUTION
from dreamfilters.comparison.measures.class_transfer import CLASS_TRANSFER
from dreamfilters.comparison.measures.confusions import CONFUSIONS
from dreamfilters.comparison.measures.dream_prediction import DREAM_PREDICTION
from dreamfilters.comparison.measures.map_similarity import MAP_SIMILARITY
from dreamfilters.comparison.measures.measure import Measure
from dreamfilters.comparison.measures.path_similarity import PATH_SIMILARITY
from dreamfilters.comparison.measures.plausibility import PLAUSIBILITY
from dreamfilters.comparison.measures.prior_check import PRIOR_CHECK
from dreamfilters.comparison.measures.recognition import RECOGNITION
from dreamfilters.comparison.measures.response_rank import RESPONSE_RANK, ROBUST_RESPONSE_RANK
from dreamfilters.comparison.measures.seed_variation import SEED_VARIATION
from dreamfilters.comparison.measures.two_afc import TWO_AFC
from dreamfilters.comparison.measures.unit_transfer import UNIT_TRANSFER
from dreamfilters.registry import Registry

MEASURES: Registry[Measure[Any]] = Registry(
    "measure",
    [
        RESPONSE_RANK,
        ROBUST_RESPONSE_RANK,
        PRIOR_CHECK,
        SEED_VARIATION,
        MAP_SIMILARITY,
        PATH_SIMILARITY,
        TWO_AFC,
        PLAUSIBILITY,
        DREAM_PREDICTION,
        CLASS_ATTRIBUTION,
        CONFUSIONS,
        CLASS_TRANSFER,
        RECOGNITION,
        UNIT_TRANSFER,
    ],
)
