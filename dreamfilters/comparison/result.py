"""A comparison as values: each unit's dream beside real images, with every measure of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from dreamfilters.attribution.logit_attribution import LogitAttribution
from dreamfilters.comparison.measures.class_transfer import ClassTransfer
from dreamfilters.comparison.measures.confusions import Confusion, UnitSeparation
from dreamfilters.comparison.measures.map_similarity import MapSimilarity
from dreamfilters.comparison.measures.path_similarity import PathSimilarity as Way
from dreamfilters.comparison.measures.path_similarity import PathStep
from dreamfilters.comparison.measures.plausibility import Plausibility
from dreamfilters.comparison.measures.response_rank import ResponseRank, ResponseRanks
from dreamfilters.comparison.measures.seed_variation import SeedVariation
from dreamfilters.comparison.measures.two_afc import TwoAFC
from dreamfilters.comparison.measures.unit_matching import UnitTransfer
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.patches import Patch
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.serialization import plain, table


@dataclass(frozen=True, eq=False)
class UnitView:
    """One image, and what the unit makes of it.

    Attributes:
        image: (h, w, c) in [0, 1], in the network's size.
        name: its file, or whose dream it is.
        label: its class, "" for none.
        response: the mean or the maximum of the map, as the unit is judged.
        place: (row, column) of the map's maximum.
        map: (h, w), (1, 1) for a unit that answers an image as a whole.
        crop: what `place` sees; None where that is the whole image.
        likeness: of its map and the dream's; None for the dream itself.
    """

    image: Floats
    name: str
    label: str
    response: float
    place: tuple[int, int]
    map: Floats
    crop: Patch | None
    likeness: MapSimilarity | None = None

    def as_values(self) -> dict[str, Any]:
        """Return everything but pixels as plain values."""
        box = None if self.crop is None else self.crop.box
        told = {"name": self.name, "label": self.label, "response": self.response, "place": self.place, "box": box}
        digits = [[float(f"{value:.6g}") for value in row] for row in self.map.tolist()]
        values: dict[str, Any] = plain({**told, "map": digits, "likeness": self.likeness})
        return values


@dataclass(frozen=True, eq=False)
class ConfusedClass:
    """A class that the images of another one are taken for, or nearly.

    Attributes:
        name: of the class they are taken for.
        confusion: the numbers.
        images: those that show it, the surest mistake first; the closest where there is no mistake.
        separation: the units that tell the two classes apart best; empty where there are too few images.
    """

    name: str
    confusion: Confusion
    images: tuple[UnitView, ...]
    separation: tuple[UnitSeparation, ...]


@dataclass(frozen=True, eq=False)
class ClassFacts:
    """What only a class has.

    Attributes:
        number: of the class.
        title: its name, with its other names.
        guesses: what the network takes the dream for, the surest first.
        carriers: which units carry its logit on real images; None without labeled images.
        mistakes: what its images are taken for; empty without labeled images.
        count: of labeled images of the class.
        drawn: how many of them were looked at closely.
    """

    number: int
    title: str
    guesses: tuple[Prediction, ...]
    carriers: LogitAttribution | None
    mistakes: tuple[ConfusedClass, ...]
    count: int
    drawn: int


@dataclass(frozen=True, eq=False)
class UnitComparison:
    """One unit.

    Attributes:
        subject: which.
        facts: of its layer.
        dreams: one a seed; the first is the one that is compared.
        own: the dream as the unit sees it.
        real: the strongest real images, the strongest first.
        user_image: the user's own image, None if none was named.
        histogram: of the responses of all real images, by `subject.by`.
        contest: the dream against the real images, plain and under small motions.
        moved: how many images stand beside the dream under small motions.
        spread, path, duel, plausibility: None where they could not be taken; then `missing` says why.
        transfer: to another network; None where none was given.
        class_facts: None for a filter.
        missing: measure -> why there is none.
    """

    subject: ComparedUnit
    facts: LayerInfo
    dreams: tuple[Dream, ...]
    own: UnitView
    real: tuple[UnitView, ...]
    user_image: UnitView | None
    histogram: Histogram
    contest: ResponseRanks
    moved: int
    spread: SeedVariation | None
    path: Way | None
    duel: TwoAFC | None
    plausibility: Plausibility | None
    transfer: ClassTransfer | UnitTransfer | None
    class_facts: ClassFacts | None
    missing: Mapping[str, str]

    @property
    def name(self) -> str:
        """The unit's target."""
        return self.subject.name

    @property
    def dream(self) -> Dream:
        """The dream that is compared."""
        return self.dreams[0]

    @property
    def response_rank(self) -> ResponseRank:
        """The dream against the real images as the unit is judged, unmoved."""
        return self.contest.maximum if self.subject.by == "max" else self.contest.mean

    @property
    def moved_response_rank(self) -> ResponseRank | None:
        """The same under small motions."""
        return self.contest.moved_maximum if self.subject.by == "max" else self.contest.moved_mean

    @property
    def is_silent(self) -> bool:
        """Whether all real images excite the unit alike, as one that is silent on all of them."""
        return not self.histogram.high > self.histogram.low

    @property
    def loses(self) -> bool:
        """Whether a real image excites the unit more than its dream does."""
        return self.response_rank.loses

    @property
    def loses_moved(self) -> bool:
        """Whether one does under small motions."""
        return self.moved_response_rank is not None and self.moved_response_rank.loses

    @property
    def path_step(self) -> PathStep | None:
        """The deepest layer in which path similarity is defined."""
        steps = self.path.steps if self.path else ()
        return next((step for step in reversed(steps) if step.similarity is not None), None)

    @property
    def sights(self) -> tuple[UnitView, ...]:
        """All whose maps are shown, the dream first."""
        return (self.own, *self.real, *([self.user_image] if self.user_image else []))

    def as_values(self) -> dict[str, Any]:
        """Return everything but pixels as plain values."""
        facts = self.class_facts
        values: dict[str, Any] = plain(
            {
                "target": self.name,
                "layer": self.facts.name,
                "unit": self.subject.unit,
                "by": self.subject.by,
                "loses": self.loses,
                "loses_moved": self.loses_moved,
                "dreams": [one.as_values() for one in self.dreams],
                "own": self.own.as_values(),
                "real": [one.as_values() for one in self.real],
                "user_image": self.user_image and self.user_image.as_values(),
                "contest": self.contest.as_values(),
                "moved_images": self.moved,
                "spread": self.spread,
                "path": self.path,
                "duel": self.duel,
                "plausibility": self.plausibility,
                "transfer": self.transfer,
                "class": None if facts is None else _class_values(facts),
                "missing": self.missing,
                "histogram": {"counts": self.histogram.counts, "edges": self.histogram.edges},
            }
        )
        return values

    def _repr_html_(self) -> str:
        return table(self.name, [{"measure": key, "value": value} for key, value in row_of(self).items()])

    def __repr__(self) -> str:
        return (
            f"UnitComparison({self.name!r}, {self.response_rank.response:.4g} against {self.response_rank.largest:.4g})"
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` returns: dreams of a network's units held against real images.

    Attributes:
        network: its name.
        units: one for each unit that was asked for.
        facts: how it was made: label -> words.
        failures: name and reason of each image that could not be read.

    Example:
        >>> compare(load("signs"), "conv6:12", image_folder("signs/")).report("outputs/conv6-12")
        PosixPath('outputs/conv6-12/index.html')
    """

    network: str
    units: tuple[UnitComparison, ...]
    facts: Mapping[str, str]
    failures: tuple[tuple[str, str], ...] = ()

    def as_values(self) -> dict[str, Any]:
        """Return everything but pixels as plain values."""
        return {
            "network": self.network,
            "facts": dict(self.facts),
            "failures": [list(failure) for failure in self.failures],
            "units": [unit.as_values() for unit in self.units],
        }

    def report(self, folder: Path | str) -> Path:
        """Write the report into a folder, which is made if need be, and return its page.

        Raises:
            OutputError: the folder or a file in it cannot be written.
        """
        from dreamfilters.report.report import write  # the page is only laid out where one is wanted

        return write(self, Path(folder))

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.network)}</p>" + table(
            "Dreams beside real images", [row_of(one) for one in self.units]
        )

    def __repr__(self) -> str:
        losing = sum(unit.loses for unit in self.units)
        return f"Comparison({self.network!r}, {len(self.units)} units, {losing} lose to a real image)"


def row_of(unit: UnitComparison) -> dict[str, Any]:
    """Return the numbers of one unit as one flat row, the same keys for every unit."""
    moved, step = unit.moved_response_rank, unit.path_step
    likeness = unit.real[0].likeness if unit.real else None
    standing = unit.transfer.response_rank if unit.transfer else None
    return {
        "target": unit.name,
        "layer": unit.facts.name,
        "unit": unit.subject.unit,
        "by": unit.subject.by,
        "response": unit.response_rank.response,
        "strongest_real": unit.response_rank.largest,
        "ratio": unit.response_rank.ratio,
        "percentile": unit.response_rank.percentile,
        "loses": unit.loses,
        "moved_response": moved and moved.response,
        "moved_ratio": moved and moved.ratio,
        "loses_moved": unit.loses_moved,
        "activated": unit.dream.activated,
        "seeds_std": unit.spread and unit.spread.std,
        "seeds_distance": unit.spread and unit.spread.distance,
        "path_similarity": step and step.similarity,
        "path_layer": step.layer if step else "",
        "duel_dreams": unit.duel and unit.duel.dreams.accuracy,
        "duel_natural": unit.duel and unit.duel.natural and unit.duel.natural.accuracy,
        "plausibility_percentile": unit.plausibility and unit.plausibility.percentile,
        "map_ssim": likeness and likeness.ssim,
        "map_cosine": likeness and likeness.cosine,
        "transfer_percentile": standing and standing.percentile,
        "transfer_rank": unit.transfer.rank if isinstance(unit.transfer, ClassTransfer) else None,
        "strongest_image": unit.real[0].name if unit.real else "",
    }


def _class_values(facts: ClassFacts) -> dict[str, Any]:
    mistakes = [
        {**plain(one.confusion), "name": one.name, "shown": [image.name for image in one.images],
         "separating_units": plain(one.separation)}
        for one in facts.mistakes
    ]  # fmt: skip
    kept = {key: getattr(facts, key) for key in ("number", "title", "guesses", "carriers", "count", "drawn")}
    return {**kept, "mistakes": mistakes}
