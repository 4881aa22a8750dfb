"""An atlas on its way into a folder: unit by unit, so that what a kill leaves is not done again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dreamfilters
from dreamfilters.comparison.compare import facts_of, layer_comparisons
from dreamfilters.comparison.layer_comparison import LayerComparison
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
from dreamfilters.runs.paired_run import DREAMS, SCAN, CompareJob, StoredDreams
from dreamfilters.runs.storage import run_folder
from dreamfilters.runs.storage.atomic_files import make_folder, sha256, write_whole
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.manifest import KEY
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.serialization import plain
from dreamfilters.verdicts.activation_search import Attempt, Dreamer
from dreamfilters.verdicts.result import Audit, Finding

AUDIT = "audit"
_AGAIN = "“dreamfilters again dreams/seed-…/NAME.png” makes a dream again and says whether it has the same bytes."
_SCANNED, _DREAMT, _AUDITED = 0.02, 0.55, 0.7  # shares of the whole


def unit_files(name: str) -> tuple[str, str]:
    """Return what the page and the record of a unit are called, from the atlas on."""
    return f"{UNITS}/{slug(name)}.html", f"{UNITS}/{slug(name)}.json"


@dataclass(frozen=True, eq=False)
class AtlasStore:
    """An atlas on its way into a claimed folder."""

    comparing: CompareJob
    claimed: RunFolder
    overall: OverallProgress

    def make(self) -> None:
        """Do what is missing, and write last the manifest that makes it count."""
        comparing, folder = self.comparing, self.folder
        self._save_manifest({}, None)  # first, so that whatever follows is known for ours
        real = comparing.look(folder / SCAN, self.overall.part(0.0, _SCANNED, "scanning"))
        dreams = comparing.dream(folder / DREAMS, self.overall.part(_SCANNED, _DREAMT, "dreaming"))
        audit = self._audit(dreams)
        for study in layer_comparisons(real, comparing.subjects, dreams, against=comparing.against, top=comparing.top):
            if not all(self.finished(subject) for subject in study.subjects):
                self._measure(study, audit)
        atlas = self._atlas(real)
        self._save_manifest(
            {name: self.claimed.write(name, content) for name, content in index_files(atlas).items()}, atlas
        )

    @property
    def folder(self) -> Path:
        """The folder of the atlas."""
        return self.claimed.path

    @property
    def missing(self) -> int:
        """How many units are not finished."""
        return sum(not self.finished(subject) for subject in self.comparing.subjects)

    def finished(self, subject: ComparedUnit) -> AtlasUnit | None:
        """Return what there is at a glance of a unit whose page is here, whole and made with these settings."""
        try:
            record = json.loads((self.folder / unit_files(subject.name)[1]).read_bytes())
            whole = record["settings"] == self.claimed.digest and run_folder.is_whole(self.folder, record["files"])
            return atlas_unit_from(record["plate"]) if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _measure(self, study: LayerComparison, audit: Audit) -> None:
        """Write the pages of a portion of the units, each one's record last."""
        make_folder(self.folder / UNITS)
        for subject, unit in zip(study.subjects, study.compared(), strict=True):
            finding = audit.unit(judged_layer(self.comparing.network, subject.layer), subject.unit)
            (page, beside), content = unit_files(subject.name), self._unit_page(unit, finding)
            write_whole(self.folder / page, content)
            image = f"{DREAMS}/seed-{self.comparing.seed}/{slug(subject.name)}.png"
            plate = atlas_unit_of(unit, finding, page=page, image=image)
            record = {
                KEY: dreamfilters.__version__,
                "settings": self.claimed.digest,
                "files": {page: sha256(content)},
                "plate": plate.as_values(),
                "unit": unit.as_values(),
            }
            text = json.dumps(plain(record), allow_nan=False, separators=(",", ":"))
            write_whole(self.folder / beside, f"{text}\n".encode())
            share = (self._places[subject.name] + 1) / len(self._places)
            self.overall.report(_AUDITED + (1 - _AUDITED) * share, f"measuring {subject.name}")

    def _unit_page(self, unit: UnitComparison, finding: Finding) -> bytes:
        names = list(self._places)
        around = neighbors(names, [unit_files(name)[0] for name in names], self._places[unit.name])
        return unit_page(self.comparing.network.name, unit, finding, around)

    def _audit(self, dreams: StoredDreams) -> Audit:
        """Return the verdicts on all units; a dream that is here already is not made again for them."""
        comparing, folder = self.comparing, self.folder
        network = comparing.network
        layers = tuple(dict.fromkeys(judged_layer(network, subject.layer) for subject in comparing.subjects))

        def dreamt(dreamer: Dreamer) -> Dreamer:
            def with_ours(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
                same = recipe.as_values() == comparing.recipe.as_values()
                ours = [target for target in targets if same and target in dreams.entries]
                for target in ours:
                    entry = dreams.entries[target][0]
                    yield audit_run.attempt_of(entry, network, f"../{entry.image.relative_to(folder).as_posix()}")
                if rest := tuple(target for target in targets if target not in ours):
                    yield from dreamer(recipe, rest)

            return with_ours

        inquest = audit_run.AuditJob(network, comparing.spec, None, folder / SCAN, layers, comparing.seed, dreamt)
        found = audit_run.run(inquest, folder / AUDIT, force=True, progress=self.overall.part(_DREAMT, _AUDITED))
        if found.value is None:
            raise KeyboardInterrupt
        return found.value

    def _atlas(self, real: ReferenceSet) -> Atlas:
        comparing = self.comparing
        plates = [self.finished(subject) for subject in comparing.subjects]
        layers = dict.fromkeys(subject.layer for subject in comparing.subjects)
        return Atlas(
            comparing.network.name,
            tuple(plate for plate in plates if plate),
            {layer: layer_detail(real.scan.layer(layer).facts) for layer in layers},
            {
                **facts_of(real, comparing.recipe, comparing.seed, comparing.seeds, comparing.against),
                "Again": _AGAIN,
            },
            real.scan.failures,
        )

    @cached_property
    def _places(self) -> dict[str, int]:
        return {subject.name: place for place, subject in enumerate(self.comparing.subjects)}

    def _save_manifest(self, files: Mapping[str, str], atlas: Atlas | None) -> None:
        results = {
            "units": list(self._places),
            "counts": atlas.counts if atlas else {},
            "losing": sum(plate.loses for plate in atlas.plates) if atlas else 0,
        }
        self.claimed.save_manifest(files, results, atlas.failures if atlas else ())
