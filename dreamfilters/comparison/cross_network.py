"""Another network that dreams are shown to, with what its units answer to the real images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dreamfilters.comparison.measures.class_transfer import ClassTransfer, as_seen_by, class_transfer
from dreamfilters.comparison.measures.response_rank import response_rank
from dreamfilters.comparison.measures.unit_matching import UnitMatch, UnitTransfer, best_match, searchable_layers
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats, mean_responses
from dreamfilters.networks import LOGITS, Network


@dataclass(frozen=True, eq=False)
class CrossNetwork:
    """Another network beside the real images of a comparison."""

    network: Network
    real: ReferenceSet

    def transfers(
        self, subjects: Sequence[ComparedUnit], images: Floats
    ) -> tuple[ClassTransfer | UnitTransfer | str, ...]:
        """Return what this network makes of one image a unit; all units are of one layer."""
        if subjects[0].layer == LOGITS:
            return tuple(self._class(subject, image) for subject, image in zip(subjects, images, strict=True))
        here = mean_responses(self.real.network, self.real.images, [subjects[0].layer])[subjects[0].layer]
        kin = [best_match(here[:, subject.unit], self.answers) for subject in subjects]
        layers = list(dict.fromkeys(one.layer for one in kin if one))
        shown = mean_responses(self.network, as_seen_by(self.network, images), layers) if layers else {}
        return tuple(self._unit(one, shown, row) for row, one in enumerate(kin))

    @cached_property
    def answers(self) -> dict[str, Floats]:
        """What every unit answers to the images that were drawn."""
        return mean_responses(self.network, as_seen_by(self.network, self.real.images), searchable_layers(self.network))

    def _class(self, subject: ComparedUnit, image: Floats) -> ClassTransfer | str:
        real = self.real
        try:
            return class_transfer(real.network, subject.unit, image[None], self.network, real=real.images)[0]
        except ImageError as error:
            return str(error)

    def _unit(self, kin: UnitMatch | None, shown: dict[str, Floats], row: int) -> UnitTransfer | str:
        if kin is None:
            return f"{len(self.real.drawn)} images: the unit answers them alike; give more that differ"
        response = float(shown[kin.layer][row, kin.unit])
        return UnitTransfer(kin, response_rank(response, self.answers[kin.layer][:, kin.unit]))
