"""The page of a film: a slider over the looks, curves, the verdicts over time, and what changed between two looks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dreamfilters.comparison.measures.measure import LinePart
from dreamfilters.display import image_uri
from dreamfilters.number_format import grouped, number, percent
from dreamfilters.report.charts import LineChart, line_chart
from dreamfilters.report.html_frame import anchors, rendered, script_json
from dreamfilters.training.film_images import spread, verdict_image
from dreamfilters.training.findings import TrainingEvent, training_events
from dreamfilters.training.history import Look, Training
from dreamfilters.verdicts.verdict import KINDS

PAGE = "index.html"
_STOPS = 60  # looks on the slider; each holds the dreams of all targets
_SIDE = 160  # pixels of a dream
_CHANGED, _ROWS, _EVENTS = 6, 24, 200  # units of a stop of the slider and of the table, and events
_TICKS = 8  # names below a chart
_ACCURACIES, _LOSSES = ("accuracy", "val_accuracy", "images/accuracy"), ("loss", "val_loss")
_STYLESHEETS = ("atlas.css", "unit/unit.css", "summary/summary.css", "summary/ablation.css", "summary/film.css")
_STYLES = ("same", "other", "dream")  # of the lines of a chart, in this order


@dataclass(frozen=True)
class CurveChart:
    """A chart with its title and legend."""

    title: str
    chart: LineChart
    legend: Mapping[str, str]


@dataclass(frozen=True)
class Frame:
    """A dream at a stop of the slider: its image as a data URI, and its score."""

    source: str
    score: str


@dataclass(frozen=True)
class TargetFrames:
    """A target and its dream at each stop."""

    name: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class LayerFilm:
    """A layer: how many units respond, the chart of their share, and the verdicts of its units as an image."""

    name: str
    detail: str
    image: str
    chart: LineChart


@dataclass(frozen=True)
class ChangedUnit:
    """A unit whose responses changed between two looks."""

    name: str
    correlation: str
    first: str
    second: str
    verdicts: str


def film_page(training: Training, between: tuple[int, int], files: Mapping[str, str]) -> bytes:
    """Return the page; it compares the two looks at the positions `between`, and links the `files` beside it."""
    events = training_events(training)
    stops = spread(len(training.looks), _STOPS)
    first, second = (training.looks[place] for place in between)
    layers = [_layer(training, layer.name) for layer in training.layers]
    page = rendered(
        "summary/film.html", _STYLESHEETS, ("summary/film.js",),
        title=f"{training.network}: a training in {len(training.looks)} looks",
        lead=_lead(training),
        kinds=KINDS,
        events=[(_stop_of(event, stops), event) for event in events[:_EVENTS]], more=max(0, len(events) - _EVENTS),
        targets=[_frames(training, number, stops) for number in range(len(training.targets))],
        stops=[_stop(training, place) for place in stops],
        data=script_json([_stop(training, place) for place in stops]),
        charts=_charts(training),
        layers=list(zip(anchors([layer.name for layer in layers]), layers, strict=True)),
        pair=(first.name, second.name), changed=_changed(training, first, second),
        classes=_classes(training), facts=_facts(training), files=files,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def _lead(training: Training) -> str:
    last, count = training.looks[-1], len(training.units)
    accuracy = training.accuracy(last)
    known = "" if accuracy is None else f", and {percent(accuracy)} of the labeled images are predicted correctly"
    return (
        f"From {training.looks[0].name} to {last.name}, on {grouped(len(training.names))} images. At the end "
        f"{grouped(int(last.responding.sum()))} of {grouped(count)} units respond{known}."
    )


def _stop_of(event: TrainingEvent, stops: Sequence[int]) -> int:
    """Return the stop of the slider at or after an event."""
    return next((number for number, place in enumerate(stops) if place >= event.look), len(stops) - 1)


def _stop(training: Training, place: int) -> dict[str, object]:
    """Return the texts of a stop of the slider."""
    look = training.looks[place]
    logs = [f"{name} {number(value)}" for name, value in look.logs.items()]
    accuracy = training.accuracy(look)
    logs += [] if accuracy is None else [f"{percent(accuracy)} of the images correct"]
    changed = ""
    if place:
        before = training.looks[place - 1]
        named = [
            f"{layer}:{unit} ({number(found)})"
            for layer, unit, found in training.most_changed(before, look, _CHANGED)
            if found < 1
        ]
        changed = f"Responses that changed most since {before.name} (correlation over the images): {', '.join(named)}"
        changed = changed if named else f"No responses changed since {before.name}."
    return {"name": look.name, "numbers": ", ".join(logs), "changed": changed}


def _frames(training: Training, target: int, stops: Sequence[int]) -> TargetFrames:
    looks = [training.looks[place] for place in stops]
    made = [
        Frame(image_uri(look.dreams[target] / np.float32(255), _SIDE), number(float(look.scores[target])))
        for look in looks
    ]
    return TargetFrames(training.targets[target], tuple(made))


def _charts(training: Training) -> list[CurveChart]:
    """Return the charts of loss, accuracy, other metrics, and the dreams' scores."""
    rows, names = training.rows(), _names(training)
    known = dict.fromkeys(key for look in training.looks for key in look.logs)
    groups = {"Loss": _LOSSES, "Accuracy": _ACCURACIES}
    others = [key for key in known if key not in (*_LOSSES, *_ACCURACIES)]
    groups |= {name: (name, f"val_{name}") for name in others if not name.startswith("val_")}
    titles = {"images/accuracy": "of the images of this page", "loss": "training", "accuracy": "training"}
    charts = []
    for title, keys in groups.items():
        lines = {key: tuple(row.get(key) for row in rows) for key in keys}
        lines = {key: line for key, line in lines.items() if any(value is not None for value in line)}
        if lines:
            styles = dict(zip(lines, _STYLES, strict=False))
            part = LinePart(names, {styles[key]: line for key, line in lines.items()}, {})
            legend = {styles[key]: titles.get(key, key.replace("val_", "validation ")) for key in lines}
            charts.append(CurveChart(title, line_chart(part), legend))
    weights = np.array([look.changes for look in training.looks])
    if len(weights) > 1 and weights.size and len(training.looks) > 1:
        line = tuple(_known(float(value)) for value in _median(weights))
        charts.append(
            CurveChart(
                "Weight change since the look before, relative to the norm",
                line_chart(LinePart(names, {"same": line}, {})), {"same": "median of the layers"},
            )
        )  # fmt: skip
    return charts


def _median(weights: np.ndarray) -> np.ndarray:
    """Return the median of each row, NaN for a row without a number."""
    return np.array([np.nan if np.isnan(row).all() else np.nanmedian(row) for row in weights])


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _names(training: Training) -> tuple[str, ...]:
    """Return the names of the looks, of which a chart has room for some."""
    shown = set(spread(len(training.looks), _TICKS))
    return tuple(
        look.name.removeprefix("epoch ") if place in shown else "" for place, look in enumerate(training.looks)
    )


def _layer(training: Training, layer: str) -> LayerFilm:
    units = training.slices[layer]
    count = units.stop - units.start
    shares = [float(look.responding[units].mean()) for look in training.looks]
    means = np.array([_magnitude(look, units) for look in training.looks])
    top = np.nanmax(means, initial=0.0)
    scaled = tuple(_known(float(value / top)) if top > 0 else 0.0 for value in means)
    chart = line_chart(LinePart(_names(training), {"same": tuple(shares), "other": scaled}, {}))
    first, last = (int(training.looks[place].responding[units].sum()) for place in (0, -1))
    kind = next(one for one in training.layers if one.name == layer)
    ever = np.any([look.responding[units] for look in training.looks], axis=0)
    detail = (
        f"{kind.type}, {kind.activation}, {grouped(count)} units: {grouped(first)} respond at "
        f"{training.looks[0].name}, {grouped(last)} at {training.looks[-1].name}; {grouped(int((~ever).sum()))} never "
        "do."
    )
    return LayerFilm(layer, detail, image_uri(verdict_image(training, layer) / np.float32(255)), chart)


def _magnitude(look: Look, units: slice) -> float:
    """Return the mean over the units of the root mean square of their maps."""
    power = look.statistics.std[units].astype(np.float64) ** 2 + look.statistics.mean[units].astype(np.float64) ** 2
    return float(np.sqrt(power).mean())


def _changed(training: Training, first: Look, second: Look) -> list[ChangedUnit]:
    rows = []
    for layer, unit, found in training.most_changed(first, second, _ROWS):
        index = training.slices[layer].start + unit
        kinds = [KINDS[look.verdicts[index]] for look in (first, second)]
        before, after = (number(float(look.statistics.mean[index])) for look in (first, second))
        verdicts = kinds[0] if kinds[0] == kinds[1] else " → ".join(kinds)
        rows.append(ChangedUnit(f"{layer}:{unit}", number(found), before, after, verdicts))
    return rows


def _classes(training: Training) -> list[tuple[str, str, str, str]]:
    """Return each class with its accuracy at the first and the last look, and what is predicted instead at the last."""
    first, last = training.looks[0], training.looks[-1]
    before, after, confusion = training.class_accuracy(first), training.class_accuracy(last), training.confusion(last)
    rows = []
    for name, share in sorted(after.items(), key=lambda item: item[1]):
        row = confusion[training.classes.index(name)].copy()
        row[training.classes.index(name)] = 0
        wrong = f"{training.classes[int(row.argmax())]} ({row.max()})" if row.any() else ""
        rows.append((name, percent(before[name]), percent(share), wrong))
    return rows


def _facts(training: Training) -> dict[str, str]:
    seconds = sum(look.seconds for look in training.looks)
    return {
        "Looks": f"{len(training.looks)}" + (f"; they took {seconds:.1f} s together" if seconds else ""),
        "Responses": "A unit responds if an image activates it: its verdict is alive, always on or saturated. Dead "
        "units are proved dead by bounds over all valid inputs; units that no image activates and no bound decides "
        "are undecided.",
        "Dreams": "They go on from look to look: each one takes a few steps on the weights of its look, from the "
        "image of the look before.",
        "Events": "The loss rose: it exceeds the lowest one so far by half. The accuracy fell: McNemar’s exact test "
        "on the same images, p < .001.",
    }
