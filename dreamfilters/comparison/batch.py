"""Units of one layer that are compared together: their dreams, views and real images, read once for all measures."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np

from dreamfilters.comparison.measures.measure import Missing
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.units import ComparedUnit, UnitView, ViewRequest, unit_views
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError, ModelError
from dreamfilters.evidence.activations import Floats, activation_size
from dreamfilters.evidence.features import layers_before
from dreamfilters.evidence.scan.result import UnitScan
from dreamfilters.networks import LOGITS, Network

if TYPE_CHECKING:
    from dreamfilters.comparison.judges import Judgments

Value = TypeVar("Value")
Plan = TypeVar("Plan", bound=NamedTuple)

REFERENCES = 9  # real images that path similarity compares a dream with
_LARGEST = 64  # units in a batch
_BYTES = 2**29  # of their images' activations
_IMAGES = 3 * REFERENCES + 3  # that a unit adds
_LABELED = 1024  # images of a class that are read


class ClassImages(NamedTuple):
    """Real images labeled with a class: how many there are, and a sample of them by number with their pixels."""

    labeled: int
    indices: tuple[int, ...]
    images: Floats


@dataclass(frozen=True, eq=False)
class Batch:
    """Some units of one layer and everything that measures read.

    Attributes:
        references: real images and their scan.
        units: units of one layer.
        dreams: target -> its dreams, one a seed; the first is compared.
        other: a second network, None for none.
        user_image: an image of the user's with its name, None for none.
        top: how many real images are shown beside each dream.
        judgments: other networks that are shown the dreams of all classes, None for none.
        prior: the learned prior that the dreams were made with, None for none.
    """

    references: ReferenceSet
    units: tuple[ComparedUnit, ...]
    dreams: Mapping[str, tuple[Dream, ...]]
    other: Network | None = None
    user_image: tuple[str, Floats] | None = None
    top: int = 4
    judgments: Judgments | None = None
    prior: LearnedPrior | None = None
    _images: dict[int, Floats] = field(default_factory=dict, repr=False)
    _results: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def network(self) -> Network:
        """The network."""
        return self.references.network

    @property
    def layer(self) -> str:
        """The layer of the units."""
        return self.units[0].layer

    @cached_property
    def rows(self) -> range:
        """The positions of the units in this batch."""
        return range(len(self.units))

    @cached_property
    def scans(self) -> tuple[UnitScan, ...]:
        """Each unit's scan of all real images."""
        return tuple(self.references.scan.unit(unit.layer, unit.number) for unit in self.units)

    @cached_property
    def conditions(self) -> frozenset[str]:
        """Which of the conditions of a measure these units fulfil; see `measure.CONDITIONS`."""
        fulfilled = {"class" if self.layer == LOGITS else "hidden unit"}
        if self.scans[0].layer.map_size != (1, 1):
            fulfilled.add("maps")
        if self.other is not None:
            fulfilled.add("other network")
        if self.judgments is not None:
            fulfilled.add("judges")
        if self.prior is not None:
            fulfilled.add("learned prior")
        return frozenset(fulfilled)

    # -----------------------------------------------------------------------------------------------------------------
    # Images

    @cached_property
    def dream_images(self) -> Floats:
        """All dreams in the scan's size."""
        return self.references.fitted(dream.image for unit in self.units for dream in self.dreams[unit.name])

    @cached_property
    def dream_rows(self) -> tuple[range, ...]:
        """The rows of each unit's dreams in `dream_images`."""
        ends = list(itertools.accumulate((len(self.dreams[unit.name]) for unit in self.units), initial=0))
        return tuple(range(start, end) for start, end in itertools.pairwise(ends))

    @cached_property
    def first_dreams(self) -> Floats:
        """Each unit's compared dream."""
        return self.dream_images[[rows[0] for rows in self.dream_rows]]

    def images(self, indices: Sequence[int]) -> Floats:
        """Return real images; each is read once."""
        new = [index for index in dict.fromkeys(indices) if index not in self._images]
        self._images.update(zip(new, self.references.read(new) if new else (), strict=True))
        return np.stack([self._images[index] for index in indices])

    def class_images(self, row: int) -> ClassImages:
        """Return the labeled images of a class; those of one class are held at a time."""
        if self._results.get("class") != row:
            indices = self.references.of_class(self.units[row].number)
            sample = self.references.sample(indices, _LABELED)
            if not sample:
                raise ImageError("no labeled images of the class: name the folders after the classes, or give labels")
            self._results["class"] = row
            self._results["class images"] = ClassImages(len(indices), sample, self.references.read(sample))
        return cast("ClassImages", self._results["class images"])

    @cached_property
    def views(self) -> tuple[tuple[UnitView, ...], ...]:
        """Each unit's views of its dreams, of its strongest real images, and of the user's image."""
        requests = [self._requests(row) for row in self.rows]
        views = iter(unit_views(self.network, self.scans[0].layer, list(itertools.chain(*requests))))
        return tuple(tuple(itertools.islice(views, len(each))) for each in requests)

    # -----------------------------------------------------------------------------------------------------------------
    # For measures

    def shared(self, compute: Callable[[Batch], Value]) -> Value:
        """Return `compute(self)`, computed once for all measures."""
        if compute not in self._results:
            self._results[compute] = compute(self)
        return cast("Value", self._results[compute])

    def each(self, compute: Callable[[int], Value]) -> Iterable[Value | Missing]:
        """Yield `compute(row)` for each unit, `Missing` where images are too few or the model does not allow it."""
        for row in self.rows:
            try:
                yield compute(row)
            except (ImageError, ModelError) as error:
                yield Missing(str(error))

    def with_images(
        self,
        plans: Iterable[Plan | Missing],
        fields: Sequence[str],
        compute: Callable[[Floats, list[Plan]], Sequence[Value]],
    ) -> list[Value | Missing]:
        """Return what `compute` returns for the plans of all units, each real image in one stack behind the dreams.

        Args:
            plans: one a unit; its `fields` name real images by number.
            fields: these become rows of the stack.
            compute: from the stack and the plans to one value a plan.
        """
        plans = list(plans)
        known = [plan for plan in plans if not isinstance(plan, Missing)]
        indices = sorted({index for plan in known for name in fields for index in getattr(plan, name)})
        rows = {index: len(self.dream_images) + row for row, index in enumerate(indices)}
        stack = np.concatenate([self.dream_images, self.images(indices)]) if indices else self.dream_images
        placed = [
            plan._replace(**{name: [rows[index] for index in getattr(plan, name)] for name in fields}) for plan in known
        ]
        values = iter(compute(stack, placed) if placed else ())
        return [plan if isinstance(plan, Missing) else next(values) for plan in plans]

    def _requests(self, row: int) -> list[ViewRequest]:
        unit, references = self.units[row], self.references
        strongest = self.scans[row].strongest[unit.by][: self.top]
        images = self.images([ranked.index for ranked in strongest])
        requests = [ViewRequest(unit, self.dream_images[dream], unit.name) for dream in self.dream_rows[row]]
        requests += [
            ViewRequest(unit, image, ranked.name, references.label(ranked.index))
            for image, ranked in zip(images, strongest, strict=True)
        ]
        if self.user_image is not None:
            requests.append(ViewRequest(unit, references.fitted([self.user_image[1]])[0], self.user_image[0]))
        return requests


def batches_of(references: ReferenceSet, units: Sequence[ComparedUnit]) -> tuple[tuple[ComparedUnit, ...], ...]:
    """Return the units layer by layer, as many together as can be measured at once.

    The batches follow from the network, the images' size and the units alone, so that a resumed run has the same ones
    and the same bytes.
    """
    batches = []
    for layer in dict.fromkeys(unit.layer for unit in units):
        members = [unit for unit in units if unit.layer == layer]
        watched = [*layers_before(references.network, layer), layer]
        numbers = max(activation_size(references.network, name, references.scan.size) for name in watched)
        size = max(1, min(_LARGEST, _BYTES // (4 * _IMAGES * numbers)))
        batches += [tuple(members[first : first + size]) for first in range(0, len(members), size)]
    return tuple(batches)
