"""Everything that is known of units: by the images, by bounds, by dreams, by comparisons."""

from __future__ import annotations

from dreamfilters.errors import ImageError, TargetError, UnknownNameError
from dreamfilters.evidence.patches import extract_patch
from dreamfilters.images import png_bytes
from dreamfilters.viewer.messages import CLASSES, ScanRequest, Values
from dreamfilters.viewer.services.dream_jobs import DreamQueue
from dreamfilters.viewer.services.dream_service import usual_recipe
from dreamfilters.viewer.services.registry import Registry
from dreamfilters.viewer.services.snippets import Snippets
from dreamfilters.viewer.services.unit_facts import evidence_values, judged, verdict_values

_MOST_COMPARED = 32  # units of a report; more belong on the command line
_REPORTS = 4  # that are kept


class UnitService:
    """Units, their verdicts and reports.

    Attributes:
        images: those that comparisons are made with, None for none.
    """

    def __init__(self, directory: Registry, bookings: DreamQueue, wording: Snippets) -> None:
        """Take where the units are, their dreams, and how the network is opened in words."""
        self.images: ScanRequest | None = None
        self._directory, self._bookings, self._wording = directory, bookings, wording
        self._reports: dict[str, bytes] = {}
        self._count = 0

    async def verdicts(self, layer: str) -> Values:
        """Return the verdict on each unit of a layer."""
        facts, evidence = await self._directory.layer(layer), self._directory.evidence
        best = self._bookings.best(layer)
        found = [judged(evidence, layer, unit, best.get(unit)) for unit in range(facts.units(layer))]
        return {
            "phase": "ready" if evidence and evidence.judged else "none",
            "units": [
                {"kind": kind, "sentence": sentence, "proved": proved}
                for kind, sentence, proved in (
                    (each[0].kind, each[0].sentence, each[0].proved) if each else (None, "", False) for each in found
                )
            ],
        }

    async def unit(self, layer: str, unit: int) -> Values:
        """Return everything that is known of one unit."""
        facts, evidence = await self._directory.unit(layer, unit), self._directory.evidence
        target = facts.target(layer, unit)
        command, python = self._wording.dream(target, usual_recipe(layer), 0, facts.chosen)
        return {
            "layer": layer,
            "unit": unit,
            "name": facts.values["classes"][unit] if layer == CLASSES else f"{facts.addresses[layer]}:{unit}",
            "target": target,
            "verdict": verdict_values(judged(evidence, layer, unit, self._bookings.best(layer).get(unit))),
            **evidence_values(facts, evidence, layer, unit, self._directory.class_name),
            "dreams": [
                {**booking.as_values(), "measures": booking.measures and booking.measures[1]}
                for booking in self._bookings.of(layer, unit)
            ],
            "command": command,
            "python": python,
        }

    async def crop_png(self, layer: str, unit: int, place: int) -> bytes:
        """Return what the unit's place sees of its strongest image number `place`."""
        facts, evidence = await self._directory.unit(layer, unit), self._directory.evidence
        address = facts.addresses[layer]
        if evidence is None or address not in evidence.scan.layers:
            raise UnknownNameError(f"{address}:{unit}: no images were looked at yet")
        strongest = evidence.scan.unit(address, unit).strongest["max"]
        if not 0 <= place < len(strongest):
            raise UnknownNameError(f"{address}:{unit}: has {len(strongest)} strongest images, not number {place}")
        _, image = await self._directory.image(f"I{strongest[place].index}")
        return png_bytes(extract_patch(image, evidence.scan.layer(address).facts, strongest[place].position).image)

    async def measures(self, dream: str) -> Values:
        """Return what holding a dream that is done against the images measures; see `holding.measured`.

        Raises:
            UnknownNameError: it is not done, or the worker was started anew since.
            ImageError: no images have been looked through.
        """
        booking = self._bookings.get(dream)
        if booking.phase != "done":
            raise UnknownNameError(f"dream {dream}: is {booking.phase}; only one that is done can be measured")
        dreams = self._bookings.alike(booking)
        if booking.measures is None or booking.measures[0] != dreams:
            booking.measures = dreams, await self._directory.owner.ask("measure", rank=2, dreams=dreams)
        return booking.measures[1]

    async def compare(self, layer: str, units: list[int]) -> Values:
        """Hold units against the images, and return where the offline report is to be had.

        Raises:
            UnknownNameError, TargetError: no such unit, too many, or none that can be dreamt.
            ImageError: there are no images.
        """
        if not 0 < len(units) <= _MOST_COMPARED:
            raise TargetError(
                f"{len(units)} units: a report is of 1 to {_MOST_COMPARED}; `dreamfilters compare` takes more"
            )
        facts = await self._directory.layer(layer)
        for unit in units:
            await self._directory.unit(layer, unit)
        if self.images is None:
            raise ImageError("no images to compare with; give a folder when the viewer is started")
        targets = tuple(dict.fromkeys(facts.target(layer, unit) for unit in units))
        made: bytes = await self._directory.owner.ask("compare", rank=2, targets=targets, images=self.images)
        return {"address": f"api/reports/{self._shelved(made)}.zip"}

    def report(self, report: str) -> bytes:
        """Return a report as a ZIP archive, or raise UnknownNameError."""
        if report not in self._reports:
            raise UnknownNameError(f"report {report[:20]}: there is none of this id, or none any longer")
        return self._reports[report]

    def _shelved(self, content: bytes) -> str:
        key = f"R{self._count}"
        self._count += 1
        self._reports[key] = content
        while len(self._reports) > _REPORTS:
            self._reports.pop(next(iter(self._reports)))
        return key
