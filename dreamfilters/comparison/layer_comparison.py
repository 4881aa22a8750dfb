"""Dreams of a layer's units held against real images by every measure; each image is read and shown once for all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np

from dreamfilters.comparison.class_facts import class_facts
from dreamfilters.comparison.cross_network import CrossNetwork
from dreamfilters.comparison.measures.class_transfer import ClassTransfer
from dreamfilters.comparison.measures.map_similarity import MapSimilarity, map_similarity
from dreamfilters.comparison.measures.path_similarity import Company, PathSimilarity, paths_of
from dreamfilters.comparison.measures.plausibility import Plausibility, neighborhood
from dreamfilters.comparison.measures.response_rank import ResponseRank, ResponseRanks, response_rank
from dreamfilters.comparison.measures.seed_variation import SeedVariation, spread_of
from dreamfilters.comparison.measures.two_afc import TwoAFC, TwoAFCTrials, two_afc_of
from dreamfilters.comparison.measures.unit_matching import UnitTransfer
from dreamfilters.comparison.reference_sampling import REFERENCES, company, match
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.responses import Responses, responses_to
from dreamfilters.comparison.result import UnitComparison, UnitView
from dreamfilters.comparison.unit_views import ViewRequest, unit_views
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.dreams.ascent.compiled_step import ROBUST_VIEWS
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats, activation_size
from dreamfilters.evidence.features import feature_vectors, layers_before
from dreamfilters.evidence.scan.result import UnitScan
from dreamfilters.networks import Network

Value = TypeVar("Value")
Transfer: TypeAlias = ClassTransfer | UnitTransfer
Taken: TypeAlias = Value | str  # a measure, or why there is none

MOVED = 96  # images drawn by chance that are moved about, besides each unit's strongest
_TOGETHER = 64  # units that are measured at once, if their images' activations fit
_ROOM = 2**29  # bytes of them
_EACH = 3 * REFERENCES + 3  # images that a unit brings


@dataclass(frozen=True, eq=False)
class LayerComparison:
    """Some units of one layer, and what their dreams are held against.

    Attributes:
        real: the images, scanned.
        subjects: the units.
        dreams: each one's dreams, one a seed.
        elsewhere: the network to show the dreams to, if any.
        user_image: the user's own image with its name, if any.
        top: how many real images are shown.
    """

    real: ReferenceSet
    subjects: tuple[ComparedUnit, ...]
    dreams: Mapping[str, tuple[Dream, ...]]
    elsewhere: CrossNetwork | None = None
    user_image: tuple[str, Floats] | None = None
    top: int = 4
    _read: dict[int, Floats] = field(default_factory=dict, repr=False)

    def compared(self) -> Iterator[UnitComparison]:
        """Yield each unit with all its measures."""
        for place, subject in enumerate(self.subjects):
            yield self._compared(place, subject)

    @property
    def network(self) -> Network:
        """On what."""
        return self.real.network

    @property
    def layer(self) -> str:
        """Where the units are."""
        return self.subjects[0].layer

    @cached_property
    def scanned(self) -> tuple[UnitScan, ...]:
        """What all images do to each unit."""
        return tuple(self.real.scan.unit(subject.layer, subject.unit) for subject in self.subjects)

    @cached_property
    def units(self) -> tuple[int, ...]:
        """The numbers of the units, each once."""
        return tuple(dict.fromkeys(subject.unit for subject in self.subjects))

    # -----------------------------------------------------------------------------------------------------------------
    # Images

    @cached_property
    def made(self) -> Floats:
        """Every dream in the size that was scanned."""
        return self.real.fitted(dream.image for subject in self.subjects for dream in self.dreams[subject.name])

    @cached_property
    def own(self) -> tuple[range, ...]:
        """Where each unit's dreams are among `made`."""
        ends = list(itertools.accumulate((len(self.dreams[one.name]) for one in self.subjects), initial=0))
        return tuple(range(start, end) for start, end in itertools.pairwise(ends))

    @cached_property
    def firsts(self) -> Floats:
        """The dream of each unit that is compared."""
        return self.made[[places[0] for places in self.own]]

    def images(self, indices: Sequence[int]) -> Floats:
        """Return real images; each is read once."""
        new = [index for index in dict.fromkeys(indices) if index not in self._read]
        self._read.update(zip(new, self.real.read(new) if new else (), strict=True))
        return np.stack([self._read[index] for index in indices])

    def beside_dreams(self, indices: Sequence[int]) -> tuple[Floats, dict[int, int]]:
        """Return all dreams with real images behind them, and where each image is."""
        chosen = sorted(set(indices))
        places = {index: len(self.made) + place for place, index in enumerate(chosen)}
        return np.concatenate([self.made, self.images(chosen)]) if chosen else self.made, places

    # -----------------------------------------------------------------------------------------------------------------
    # Measures, one a unit

    @cached_property
    def seen(self) -> tuple[tuple[UnitView, ...], ...]:
        """Each unit's dreams, strongest images and the user's image, as the unit sees them."""
        views = [self._views(place) for place in range(len(self.subjects))]
        found = iter(unit_views(self.network, self.scanned[0].layer, list(itertools.chain(*views))))
        return tuple(tuple(itertools.islice(found, len(each))) for each in views)

    @cached_property
    def beside_moved(self) -> tuple[tuple[int, ...], ...]:
        """The images that each dream stands beside under small motions: some drawn by chance, and its strongest."""
        few = self.real.draw(self.real.drawn, MOVED)
        strong = (
            [example.index for example in scanned.strongest[subject.by]]
            for subject, scanned in zip(self.subjects, self.scanned, strict=True)
        )
        return tuple(tuple(dict.fromkeys((*few, *own))) for own in strong)

    @cached_property
    def contests(self) -> tuple[ResponseRanks, ...]:
        """Each dream against all images, plain, and against some of them under small motions."""
        indices = list(dict.fromkeys(itertools.chain(*self.beside_moved)))
        stack = np.concatenate([self.images(indices), self.firsts])
        moved = responses_to(self.network, stack, {self.layer: self.units}, looks=ROBUST_VIEWS, seed=self.real.seed)
        places = {index: row for row, index in enumerate(indices)}
        return tuple(self._contest(place, places, moved[self.layer]) for place in range(len(self.subjects)))

    @cached_property
    def spreads(self) -> tuple[Taken[SeedVariation], ...]:
        """How much each unit's dreams differ."""
        answers = feature_vectors(self.network, self.made, self.layer, pooled=True)

        def spread(place: int) -> SeedVariation:
            those = list(self.own[place])
            scores = [one.response for one in self.seen[place][: len(those)]]
            return spread_of(answers[those], self.made[those], scores)

        return tuple(_tried(spread, place) for place in range(len(self.subjects)))

    @cached_property
    def paths(self) -> tuple[Taken[PathSimilarity], ...]:
        """How each unit's dreams travel beside its strongest images; for a class, beside images of it."""
        plans = [_tried(lambda at: company(self.real, *self._unit(at)), place) for place in range(len(self.subjects))]
        able = [plan for plan in plans if not isinstance(plan, str)]
        stack, places = self.beside_dreams([index for plan in able for index in (*plan.references, *plan.others)])
        companies = [
            Company(plan.dreams, [places[index] for index in plan.references], [places[index] for index in plan.others])
            for plan in able
        ]
        layers = list(dict.fromkeys([*layers_before(self.network, self.layer), self.layer]))
        found = iter(paths_of(self.network, stack, companies, layers) if able else ())
        return tuple(plan if isinstance(plan, str) else next(found) for plan in plans)

    @cached_property
    def duels(self) -> tuple[Taken[TwoAFC], ...]:
        """Whether each unit's dreams tell its strong images from its weak ones."""
        plans = [_tried(lambda at: match(*self._unit(at)), place) for place in range(len(self.subjects))]
        able = [plan for plan in plans if not isinstance(plan, str)]
        stack, places = self.beside_dreams([index for plan in able for index in (*plan.strong, *plan.weak)])
        matches = [
            TwoAFCTrials([places[index] for index in plan.strong], [places[index] for index in plan.weak], plan.dreams)
            for plan in able
        ]
        found = iter(two_afc_of(self.network, stack, matches, layers_before(self.network, self.layer)) if able else ())
        return tuple(plan if isinstance(plan, str) else next(found) for plan in plans)

    @cached_property
    def plausible(self) -> tuple[Taken[Plausibility], ...]:
        """How plausible each unit's dream is."""
        found = _tried(lambda _: neighborhood(self.network, self.firsts, self.real.crowd), 0)
        return (found,) * len(self.subjects) if isinstance(found, str) else found

    @cached_property
    def transfers(self) -> tuple[Taken[Transfer], ...]:
        """What another network makes of each unit's dream."""
        assert self.elsewhere is not None
        return self.elsewhere.transfers(self.subjects, self.firsts)

    # -----------------------------------------------------------------------------------------------------------------

    def _compared(self, place: int, subject: ComparedUnit) -> UnitComparison:
        scanned, count, missing = self.scanned[place], len(self.own[place]), dict[str, str]()
        own, *beside = self.seen[place][:1] + self.seen[place][count:]
        likened = [replace(one, likeness=_likeness(own.map, one.map)) for one in beside]

        def known(what: str, taken: Sequence[Any]) -> Any:  # a measure of its kind, or None
            if isinstance(found := taken[place], str):
                missing[what] = found
                return None
            return found

        return UnitComparison(
            subject, scanned.layer, self.dreams[subject.name], own,
            tuple(likened[: len(likened) - (self.user_image is not None)]), likened[-1] if self.user_image else None,
            scanned.histogram[subject.by], self.contests[place], len(self.beside_moved[place]),
            spread=known("spread", self.spreads),
            path=known("path", self.paths),
            duel=known("duel", self.duels),
            plausibility=known("plausibility", self.plausible),
            transfer=known("transfer", self.transfers) if self.elsewhere else None,
            class_facts=class_facts(self.real, subject, self.firsts[place]) if subject.is_class else None,
            missing=missing,
        )  # fmt: skip

    def _unit(self, place: int) -> tuple[ComparedUnit, UnitScan, range]:
        return self.subjects[place], self.scanned[place], self.own[place]

    def _views(self, place: int) -> list[ViewRequest]:
        subject, real = self.subjects[place], self.real
        found = self.scanned[place].strongest[subject.by][: self.top]
        strongest = self.images([one.index for one in found])
        views = [ViewRequest(subject, self.made[row], subject.name) for row in self.own[place]]
        views += [
            ViewRequest(subject, image, one.name, real.labeled(one.index))
            for image, one in zip(strongest, found, strict=True)
        ]
        if self.user_image is not None:
            views.append(ViewRequest(subject, real.fitted([self.user_image[1]])[0], self.user_image[0]))
        return views

    def _contest(self, place: int, rows_of: Mapping[int, int], moved: Responses) -> ResponseRanks:
        scanned, map_ = self.scanned[place], self.seen[place][0].map
        column, indices = self.units.index(self.subjects[place].unit), self.beside_moved[place]

        def beside(values: Floats) -> ResponseRank:
            own, theirs = values[len(rows_of) + place, column], values[[rows_of[one] for one in indices], column]
            found = response_rank(float(own), theirs)
            return replace(found, index=indices[found.index])

        return ResponseRanks(
            mean=self.real.response_rank(scanned, "mean", float(map_.mean(dtype=np.float64))),
            maximum=self.real.response_rank(scanned, "max", float(map_.max())),
            moved_mean=beside(moved.mean),
            moved_maximum=beside(moved.maximum),
        )


def portions(real: ReferenceSet, subjects: Sequence[ComparedUnit]) -> tuple[tuple[ComparedUnit, ...], ...]:
    """Return the subjects of one layer after the other, so many at a time as can be measured together.

    They follow from the network, the images' size and the subjects alone: what is measured in the same portion comes
    out the same, to the last bit.
    """
    found = []
    for layer in dict.fromkeys(subject.layer for subject in subjects):
        those = [subject for subject in subjects if subject.layer == layer]
        watched = [*layers_before(real.network, layer), layer]
        room = _ROOM // (4 * _EACH * max(activation_size(real.network, name, real.scan.size) for name in watched))
        step = max(1, min(_TOGETHER, room))
        found += [tuple(those[first : first + step]) for first in range(0, len(those), step)]
    return tuple(found)


def _tried(measure: Callable[[int], Value], place: int) -> Taken[Value]:
    """Return a measure, or why it cannot be taken."""
    try:
        return measure(place)
    except ImageError as error:
        return str(error)


def _likeness(dream: Floats, real: Floats) -> MapSimilarity | None:
    """Return how alike two maps are; None where they are single numbers."""
    return map_similarity(dream, real) if dream.size > 1 else None
