"""The page of an ablation: for each layer the changes as charts, and a table of its units, the largest loss first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dreamfilters.attribution.ablation.paired_statistics import Change
from dreamfilters.attribution.ablation.result import AblatedFrom, Ablation, Effect
from dreamfilters.number_format import grouped, number, percent
from dreamfilters.report.charts import ChangeChart, change_chart
from dreamfilters.report.html_frame import anchors, rendered

PAGE = "index.html"
_BARS, _ROWS, _CLASSES = 64, 200, 3  # of a layer, of a layer, and of a row
_REPLACED = {
    "zero": "0",
    "mean": "its mean over all images and positions",
    "resample": "its map of another image",
    "partner": "the map of a similar unit",
}
_PARTNER = (
    "The unit of the layer, not ablated itself, whose weights (cosine) or mean responses (correlation) are the most "
    "similar. Its map is multiplied by the factor with which its responses come nearest. At 0.95 and more a unit is "
    "redundant."
)
_WITNESS = (
    "Confirmed: the image with the largest response loses at least half of it if the receptive field of this response "
    "is masked, and less if the same mask lies elsewhere. The numbers are in units.csv."
)


@dataclass(frozen=True)
class Chart:
    """A chart with its title."""

    title: str
    chart: ChangeChart


@dataclass(frozen=True)
class AblationRow:
    """A line of the table: texts, and whether the interval of the accuracy excludes 0."""

    name: str
    accuracy: str
    interval: str
    lost: int
    gained: int
    p_value: str
    margin: str
    margin_interval: str
    exceeds: str
    classes: str
    is_certain: bool
    kind: str
    partner: str = ""
    witness: str = ""
    tooltip: str = ""


@dataclass(frozen=True)
class LayerSection:
    """A layer: a sentence on it, charts, and the rows of its table."""

    name: str
    detail: str
    charts: tuple[Chart, ...]
    rows: tuple[AblationRow, ...]
    more: int


def ablation_page(found: Ablation, files: Mapping[str, str]) -> bytes:
    """Return the page; `files` names what the files beside it hold."""
    sections = tuple(_section(found, layer) for layer in found.layers)
    count = sum(one.ablated.kind == "unit" for one in found.effects)
    facts = {
        "Images": f"{grouped(found.images)} labeled images of {len(found.classes)} classes; "
        f"{percent(found.accuracy)} are predicted correctly without an ablation"
        + (f"; {found.remark}" if found.remark else ""),
        "Ablation": f"The output of a unit is replaced by {_REPLACED[found.how]}, everywhere in its map.",
        "Intervals": "95 %. Accuracy: score interval for paired proportions (Newcombe 1998, method 10). Margin: "
        "Student’s t of the paired differences. p: McNemar’s exact test; adjusted p: Holm, for all units of this page.",
        "Margin": "The logit of the image’s class minus the largest other one.",
        **({"Replaced by": _PARTNER} if found.partners else {}),
        **({"Witness": _WITNESS} if found.witnesses else {}),
        "Random units": f"Drawn from the other units of the layer with the seed {found.seed}.",
    }
    page = rendered(
        "summary/ablation.html", ("atlas.css", "unit/unit.css", "summary/summary.css", "summary/ablation.css"),
        title=f"{found.network}: ablation of {grouped(count)} unit{'s' * (count != 1)}",
        lead=f"How the predictions change when the output of a unit is replaced by {_REPLACED[found.how]}.",
        sections=list(zip(anchors([one.name for one in sections]), sections, strict=True)), facts=facts, files=files,
        has_witnesses=bool(found.witnesses), has_partners=bool(found.partners),
        failures=found.failures,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def _section(found: Ablation, layer: AblatedFrom) -> LayerSection:
    units, together = found.of(layer.name, "unit"), found.of(layer.name, "together")
    random = found.of(layer.name, "random")
    single = [one for one in random if len(one.ablated.units) == 1]
    several = [one for one in random if len(one.ablated.units) > 1]
    summaries = [_random_row(group) for group in (single, several) if group]
    rows = (*map(_row, together), *summaries, *(_unit_row(found, one) for one in units[:_ROWS]))
    return LayerSection(layer.name, _detail(layer, units), _charts(units, single), rows, max(0, len(units) - _ROWS))


def _detail(layer: AblatedFrom, units: Sequence[Effect]) -> str:
    none = sum(not (one.margin.value or one.lost.sum() or one.gained.sum()) for one in units)
    sure = sum(bool(one.accuracy.value < 0 and one.accuracy.excludes_zero) for one in units)
    which = "all" if len(units) == layer.units else f"{len(units)} of {layer.units}"
    return (
        f"{layer.type}, {which} units. Units whose ablation lowers the accuracy, with an interval below 0: {sure}; "
        f"units whose ablation changes no logit: {none}."
    )


def _charts(units: Sequence[Effect], single: Sequence[Effect]) -> tuple[Chart, ...]:
    shown = f" The {_BARS} largest losses of {len(units)} units." if len(units) > _BARS else ""
    reference = " The band spans the random units." if single else ""

    def points(one: Effect) -> Change:
        return Change(100 * one.accuracy.value, 100 * one.accuracy.low, 100 * one.accuracy.high)

    def chart(title: str, change: Callable[[Effect], Change]) -> Chart:
        changes = sorted(((one.ablated.name, change(one)) for one in units), key=lambda pair: float(pair[1].value))
        bars = [(name, float(one.value), float(one.low), float(one.high)) for name, one in changes[:_BARS]]
        return Chart(f"{title}{shown}{reference}", change_chart(bars, [float(change(one).value) for one in single]))

    return (
        chart("Change of the accuracy, in percentage points.", points),
        chart("Change of the mean margin.", lambda one: one.margin),
    )


def _unit_row(found: Ablation, one: Effect) -> AblationRow:
    witness, partner = found.witness(one.ablated), found.partner(one.ablated)
    row = _row(one) if partner is None else replace(_row(one), partner=partner.describe())
    return row if witness is None else replace(row, witness=witness.verdict, tooltip=witness.describe())


def _row(one: Effect) -> AblationRow:
    units = one.ablated.units
    shown = f"{one.ablated.layer}:{units[0]}" if len(units) == 1 else f"all {len(units)} together"
    classes = [
        f"{one.classes[index]} {100 * one.accuracy_by_class.value[index]:+.3g}" for index in one.most_changed[:_CLASSES]
    ]
    more = len(one.most_changed) - _CLASSES
    return AblationRow(
        name=shown,
        accuracy=_signed(100 * one.accuracy.value),
        interval=f"{_signed(100 * one.accuracy.low)} to {_signed(100 * one.accuracy.high)}",
        lost=int(one.lost.sum()),
        gained=int(one.gained.sum()),
        p_value=f"{number(one.p_value)} / {number(one.adjusted_p)}",
        margin=_signed(one.margin.value),
        margin_interval=f"{_signed(one.margin.low)} to {_signed(one.margin.high)}",
        exceeds=f"{one.exceeded} of {one.references}" if one.references else "–",
        classes=", ".join(classes) + (f" and {more} more" if more > 0 else ""),
        is_certain=bool(one.accuracy.excludes_zero),
        kind=one.ablated.kind,
    )


def _random_row(group: Sequence[Effect]) -> AblationRow:
    """Return the line that sums up random ablations of one size: means, with the range of the single ones."""
    size = len(group[0].ablated.units)
    accuracy = 100 * np.array([float(one.accuracy.value) for one in group])
    margin = np.array([float(one.margin.value) for one in group])
    return AblationRow(
        name=f"random: {len(group)} × {size} unit{'s' * (size != 1)}",
        accuracy=_signed(accuracy.mean()),
        interval=f"{_signed(accuracy.min())} to {_signed(accuracy.max())}",
        lost=round(float(np.mean([one.lost.sum() for one in group]))),
        gained=round(float(np.mean([one.gained.sum() for one in group]))),
        p_value="–",
        margin=_signed(margin.mean()),
        margin_interval=f"{_signed(margin.min())} to {_signed(margin.max())}",
        exceeds="–",
        classes="mean and range of the random ablations",
        is_certain=False,
        kind="random",
    )


def _signed(value: float) -> str:
    """Return a change with its sign; 0 only where it is exact.

    >>> _signed(-0.0213), _signed(0.5), _signed(0)
    ('−0.0213', '+0.500', '0')
    """
    return f"{'+' if value > 0 else ''}{number(value)}"
