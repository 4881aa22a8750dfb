"""The measures of a comparison as a task of an executor: what a worker measures of a batch of units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.judges import Judgments
from dreamfilters.comparison.measures.measure import CONDITIONS, Missing
from dreamfilters.comparison.measures.registry import MEASURES
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.result import UnitComparison
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.sources import ImageSource
from dreamfilters.executors.executor import LOCAL, Executor, OnNote, Task
from dreamfilters.networks import Network

# Some units of one layer with their dreams, one a seed.
DreamedUnits: TypeAlias = tuple[tuple[ComparedUnit, ...], Mapping[str, tuple[Dream, ...]]]


@dataclass(frozen=True, eq=False)
class Measuring:
    """What measures read, besides the network, the units and their dreams; see `Batch`.

    Attributes:
        source: the real images.
        scan: of the units' layers, over all images.
        seed: random seed of the samples.
    """

    source: ImageSource
    scan: Scan
    seed: int
    against: Network | None
    user_image: tuple[str, Floats] | None
    top: int
    judgments: Judgments | None
    prior: LearnedPrior | None

    def measured(
        self,
        network: Network,
        batches: Iterable[DreamedUnits],
        executor: Executor,
        on_unit: Callable[[str], None],
    ) -> Iterator[list[UnitComparison]]:
        """Yield the measured units of each batch.

        Args:
            network: the network.
            batches: the units with their dreams; each is taken shortly before it is measured.
            executor: where they are measured; it never changes the result. In this process if the images would have to
                be sent: measures read any of them.
            on_unit: called with the name of each unit that is measured.
        """
        executor = LOCAL if executor.ships_images else executor
        return executor.map(Task(_batch_measurer, network, self), batches, on_unit)


def _batch_measurer(
    network: Network, measuring: Measuring, note: OnNote
) -> Callable[[DreamedUnits], list[UnitComparison]]:
    """Return the function that measures a batch, in any process."""
    one = measuring
    one.source.check_present()
    references = ReferenceSet.of(network, one.source, one.scan, seed=one.seed)

    def measured(batch: DreamedUnits) -> list[UnitComparison]:
        units, dreams = batch
        found = []
        for unit in compare_batch(
            Batch(references, units, dreams, one.against, one.user_image, one.top, one.judgments, one.prior)
        ):
            found.append(unit)
            note(unit.name)
        return found

    return measured


def compare_batch(batch: Batch) -> Iterator[UnitComparison]:
    """Yield each unit of a batch with the values of all measures whose conditions it fulfils."""
    measures = [one for one in MEASURES.values() if one.needs & CONDITIONS <= batch.conditions]
    columns = [iter(measure.compute(batch)) for measure in measures]
    for row, unit in enumerate(batch.units):
        values = {measure.name: next(column) for measure, column in zip(measures, columns, strict=True)}
        view, *others = batch.views[row][:1] + batch.views[row][len(batch.dream_rows[row]) :]
        real = len(others) - (batch.user_image is not None)
        yield UnitComparison(
            unit,
            batch.scans[row].layer,
            batch.dreams[unit.name],
            view,
            tuple(others[:real]),
            others[-1] if batch.user_image else None,
            {name: value for name, value in values.items() if not isinstance(value, Missing)},
            {name: value.reason for name, value in values.items() if isinstance(value, Missing)},
        )
