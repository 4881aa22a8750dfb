"""The folder of an atlas, written unit by unit, so that a stopped run resumes after its last unit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dreamfilters
from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.compare import compare_batch
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.result import UnitComparison
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.progress import OverallProgress
from dreamfilters.report.atlas import (
    UNITS,
    Atlas,
    AtlasUnit,
    atlas_unit_from,
    atlas_unit_of,
    index_files,
    judged_layer,
    neighbors,
    unit_page,
)
from dreamfilters.report.report import layer_detail
from dreamfilters.runs import audit_run
from dreamfilters.runs.compare_job import DREAMS, SCAN, CompareJob, StoredDreams
from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.manifest import KEY
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.serialization import plain
from dreamfilters.verdicts.activation_search import Attempt, Dreamer
from dreamfilters.verdicts.result import Audit, Finding

AUDIT = "audit"
_AGAIN = "“dreamfilters again dreams/seed-…/NAME.png” makes a dream again and compares the bytes."
_SCANNED, _DREAMED, _AUDITED = 0.02, 0.55, 0.7  # shares of the whole


def unit_files(name: str) -> tuple[str, str]:
    """Return the page and the record of a unit, as paths from the atlas."""
    return f"{UNITS}/{slug(name)}.html", f"{UNITS}/{slug(name)}.json"


@dataclass(frozen=True, eq=False)
class AtlasStore:
    """The claimed folder of an atlas."""

    job: CompareJob
    claimed: RunFolder
    overall: OverallProgress

    def make(self) -> None:
        """Compute what is missing; the manifest of the finished atlas is written last."""
        job, folder = self.job, self.folder
        self._save_manifest({}, None)  # so that the files of a killed run are recognized
        references = job.references(folder / SCAN, self.overall.part(0.0, _SCANNED, "scanning"))
        dreams = job.dreams(folder / DREAMS, self.overall.part(_SCANNED, _DREAMED, "optimizing"))
        audit = self._audit(dreams)
        for batch in job.plan.batches(references, dreams):
            if not all(self.finished(unit) for unit in batch.units):
                self._write_units(batch, audit)
        atlas = self._atlas(references)
        checksums = {name: self.claimed.write(name, content) for name, content in index_files(atlas).items()}
        self._save_manifest(checksums, atlas)

    @property
    def folder(self) -> Path:
        """The folder of the atlas."""
        return self.claimed.path

    @property
    def missing(self) -> int:
        """How many units are not finished."""
        return sum(not self.finished(unit) for unit in self.job.plan.units)

    def finished(self, unit: ComparedUnit) -> AtlasUnit | None:
        """Return the index entry of a unit whose page is complete and was made with these settings."""
        try:
            record = json.loads((self.folder / unit_files(unit.name)[1]).read_bytes())
            complete = record["settings"] == self.claimed.digest and run_folder.is_whole(self.folder, record["files"])
            return atlas_unit_from(record["index"]) if complete else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write_units(self, batch: Batch, audit: Audit) -> None:
        """Write the pages of a batch, each unit's record after its page."""
        for unit in compare_batch(batch):
            finding = audit.unit(judged_layer(batch.network, batch.layer), unit.unit.number)
            (page, record_file), content = unit_files(unit.name), self._unit_page(unit, finding)
            checksum = self.claimed.write(page, content)
            image = f"{DREAMS}/seed-{self.job.plan.seed}/{slug(unit.name)}.png"
            record = {
                KEY: dreamfilters.__version__,
                "settings": self.claimed.digest,
                "files": {page: checksum},
                "index": atlas_unit_of(unit, finding, page=page, image=image).as_values(),
                "unit": unit.as_values(),
            }
            text = json.dumps(plain(record), allow_nan=False, separators=(",", ":"))
            self.claimed.write(record_file, f"{text}\n".encode())
            share = (self._numbers[unit.name] + 1) / len(self._numbers)
            self.overall.report(_AUDITED + (1 - _AUDITED) * share, f"measuring {unit.name}")

    def _unit_page(self, unit: UnitComparison, finding: Finding) -> bytes:
        names = list(self._numbers)
        links = neighbors(names, [unit_files(name)[0] for name in names], self._numbers[unit.name])
        return unit_page(self.job.plan.network.name, unit, finding, links)

    def _audit(self, dreams: StoredDreams) -> Audit:
        """Return the verdicts on all units; the audit reuses the stored dreams."""
        plan, folder = self.job.plan, self.folder
        network = plan.network
        layers = tuple(dict.fromkeys(judged_layer(network, layer) for layer in plan.layers))

        def reuse_stored(dreamer: Dreamer) -> Dreamer:
            def with_stored(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
                same = recipe.as_values() == plan.recipe.as_values()
                stored = [target for target in targets if same and target in dreams.entries]
                for target in stored:
                    entry = dreams.entries[target][0]
                    yield audit_run.attempt_of(entry, network, f"../{entry.image.relative_to(folder).as_posix()}")
                if rest := tuple(target for target in targets if target not in stored):
                    yield from dreamer(recipe, rest)

            return with_stored

        job = audit_run.AuditJob(network, self.job.spec, None, folder / SCAN, layers, plan.seed, reuse_stored)
        audit = audit_run.run(job, folder / AUDIT, force=True, progress=self.overall.part(_DREAMED, _AUDITED)).value
        if audit is None:
            raise KeyboardInterrupt
        return audit

    def _atlas(self, references: ReferenceSet) -> Atlas:
        plan = self.job.plan
        units = [self.finished(unit) for unit in plan.units]
        return Atlas(
            plan.network.name,
            tuple(unit for unit in units if unit),
            {layer: layer_detail(references.scan.layer(layer).facts) for layer in plan.layers},
            {**plan.facts(references), "Reproduction": _AGAIN},
            references.scan.failures,
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {unit.name: number for number, unit in enumerate(self.job.plan.units)}

    def _save_manifest(self, checksums: Mapping[str, str], atlas: Atlas | None) -> None:
        results = {
            "units": list(self._numbers),
            "counts": atlas.counts if atlas else {},
            "losing": sum(unit.loses for unit in atlas.units) if atlas else 0,
        }
        self.claimed.save_manifest(checksums, results, atlas.failures if atlas else ())
