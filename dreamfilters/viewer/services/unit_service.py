"""Units: what is known of them, the comparison of their dreams with images, and reports."""

from __future__ import annotations

from dreamfilters.errors import ImageError, TargetError, UnknownNameError
from dreamfilters.evidence.patches import extract_patch
from dreamfilters.images import png_bytes
from dreamfilters.viewer.messages import CLASS_LAYER, ScanRequest, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_queue import DreamQueue
from dreamfilters.viewer.services.dream_service import default_recipe
from dreamfilters.viewer.services.snippets import Snippets
from dreamfilters.viewer.services.unit_description import evidence_values, verdict_of, verdict_values

_MAX_UNITS = 32  # of a report; the command line has no such limit
_MAX_REPORTS = 4  # in memory; the oldest is dropped first


class UnitService:
    """Units, their verdicts and reports.

    Attributes:
        scan_request: the images that reports compare with; None if there are none.
    """

    def __init__(self, catalog: Catalog, dreams: DreamQueue, snippets: Snippets) -> None:
        """Serve the units of a catalog with their dreams."""
        self.scan_request: ScanRequest | None = None
        self._catalog, self._dreams, self._snippets = catalog, dreams, snippets
        self._reports: dict[str, bytes] = {}
        self._count = 0

    async def verdicts(self, layer: str) -> Values:
        """Return the verdict on each unit of a layer."""
        description, evidence = await self._catalog.network_with_layer(layer), self._catalog.evidence
        dreams = self._dreams.strongest(layer)
        found = [verdict_of(evidence, layer, unit, dreams.get(unit)) for unit in range(description.layers[layer].units)]
        verdicts = [each[0] if each else None for each in found]
        return {
            "phase": "ready" if evidence and evidence.verdicts else "none",
            "units": [
                {"kind": each.kind, "sentence": each.sentence, "proved": each.proved}
                if each
                else {"kind": None, "sentence": "", "proved": False}
                for each in verdicts
            ],
        }

    async def unit(self, layer: str, unit: int) -> Values:
        """Return everything that is known of a unit."""
        description, evidence = await self._catalog.network_with_unit(layer, unit), self._catalog.evidence
        target = description.target(layer, unit)
        command, python = self._snippets.dream(target, default_recipe(layer), 0, description.chosen_size)
        named = f"{description.layers[layer].name}:{unit}"
        return {
            "layer": layer,
            "unit": unit,
            "name": description.values["classes"][unit] if layer == CLASS_LAYER else named,
            "target": target,
            "verdict": verdict_values(verdict_of(evidence, layer, unit, self._dreams.strongest(layer).get(unit))),
            **evidence_values(description, evidence, layer, unit),
            "dreams": [
                {**dream.as_values(), "measures": dream.measures and dream.measures[1]}
                for dream in self._dreams.of(layer, unit)
            ],
            "command": command,
            "python": python,
        }

    async def patch_png(self, layer: str, unit: int, rank: int) -> bytes:
        """Return the receptive field of the maximum on the unit's strongest image number `rank`."""
        description, evidence = await self._catalog.network_with_unit(layer, unit), self._catalog.evidence
        name = description.layers[layer].name
        if evidence is None or name not in evidence.scan.layers:
            raise UnknownNameError(f"{name}:{unit}: no images have been scanned yet")
        strongest = evidence.scan.unit(name, unit).strongest["max"]
        if not 0 <= rank < len(strongest):
            raise UnknownNameError(f"{name}:{unit}: has {len(strongest)} strongest images; {rank} is out of range")
        _, pixels = await self._catalog.network_input(evidence.image_ids[strongest[rank].index])
        return png_bytes(extract_patch(pixels, evidence.scan.layer(name).facts, strongest[rank].position).image)

    async def measures(self, dream: str) -> Values:
        """Return the comparison of a finished dream with the images; see `comparison_task.dream_measures`.

        Raises:
            UnknownNameError: it is not done, or the worker was restarted since.
            ImageError: no images have been scanned.
        """
        found = self._dreams.get(dream)
        if found.phase != "done":
            raise UnknownNameError(f"dream {dream}: is {found.phase}; only a finished dream can be measured")
        dreams = self._dreams.with_variants(found)
        if found.measures is None or found.measures[0] != dreams:
            found.measures = dreams, await self._catalog.worker.request("measure", priority=2, dreams=dreams)
        return found.measures[1]

    async def compare(self, layer: str, units: list[int]) -> Values:
        """Compare units with the images and return the address of the report.

        Raises:
            UnknownNameError, TargetError: unknown units, too many, or units without gradient.
            ImageError: there are no images.
        """
        if not 0 < len(units) <= _MAX_UNITS:
            raise TargetError(f"{len(units)} units: from 1 to {_MAX_UNITS}; `dreamfilters compare` takes more")
        description = await self._catalog.network_with_layer(layer)
        for unit in units:
            await self._catalog.network_with_unit(layer, unit)
        if self.scan_request is None:
            raise ImageError("there are no images to compare with; start the viewer with a folder of images")
        targets = tuple(dict.fromkeys(description.target(layer, unit) for unit in units))
        report: bytes = await self._catalog.worker.request(
            "compare", priority=2, targets=targets, images=self.scan_request
        )
        return {"address": f"api/reports/{self._add_report(report)}.zip"}

    def report(self, report: str) -> bytes:
        """Return a report as a ZIP archive, or raise UnknownNameError."""
        if report not in self._reports:
            raise UnknownNameError(f"report {report[:20]}: no report has this id, or it was dropped")
        return self._reports[report]

    def _add_report(self, report: bytes) -> str:
        key = f"R{self._count}"
        self._count += 1
        self._reports[key] = report
        while len(self._reports) > _MAX_REPORTS:
            self._reports.pop(next(iter(self._reports)))
        return key
