"""Which classes the network predicts for a dream of a class."""

from __future__ import annotations

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import BarPart, Caption, Figure, Measure, ShareBar
from dreamfilters.dreams.ascent.prediction import DreamPrediction, dream_prediction
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.number_format import percent


def _compute(batch: Batch) -> list[DreamPrediction]:
    logits = activations(batch.network, batch.first_dreams, [LOGITS])[LOGITS]
    return [dream_prediction(batch.network, row, unit.number) for unit, row in zip(batch.units, logits, strict=True)]


def _caption(value: DreamPrediction) -> Caption:
    detail = "the predicted class" if value.is_predicted else f"predicted: {value.predictions[0].name}"
    return Caption(percent(value.own.probability), detail, not value.is_predicted)


def _figure(value: DreamPrediction) -> Figure:
    def bar(each: Prediction) -> ShareBar:
        kind = "target" if each.number == value.number else ""
        return ShareBar(each.name, percent(each.probability), each.probability or 0, kind)

    return Figure("Predicted for the dream", "", (BarPart(tuple(map(bar, value.predictions))),), "details")


DREAM_PREDICTION = Measure(
    name="dream_prediction",
    title="Prediction",
    meaning="Probability that the network assigns to the dream’s own class.",
    needs=frozenset({"dream", "class"}),
    compute=_compute,
    caption=_caption,
    columns={
        "probability": lambda value: value.own.probability,
        "predicted": lambda value: value.predictions[0].name,
    },
    figure=_figure,
)
