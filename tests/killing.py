"""Starts a run again and again and kills it at random moments: tests.killing KIND MODEL PHOTOS FOLDER KILLS SEED.

Prints as JSON how many runs were killed, how many came to their end, and every file that then was another than in a run
that nobody killed. Each run is a process of its own, forked before TensorFlow has computed anything.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

FORM = {"range": (0, 1)}
NAMES = ("one", "two", "three")


def dream(model: str, source: Path, folder: Path) -> None:
    """Dream some filters and a class."""
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.networks import load
    from dreamfilters.runs.dream_run import DreamJob, run

    run(DreamJob(load(model, form=FORM), model, ("conv1", "conv2", "class:*"), Recipe(steps=8), 3, batch=4), folder)


def scan(model: str, source: Path, folder: Path) -> None:
    """Scan all layers, saving after every batch."""
    from dreamfilters.evidence.scan.scan_job import ScanJob, default_layers
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.scan_run import StoredScanJob, run

    network = load(model, form=FORM)
    survey = ScanJob(network, source_of(image_folder(source)), default_layers(network), k=4, batch=1)
    run(StoredScanJob(survey, save_every=0), folder)


def compare(model: str, source: Path, folder: Path) -> None:
    """Compare some filters and a class."""
    from dreamfilters.comparison.compare import ComparePlan
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.compare_job import CompareJob
    from dreamfilters.runs.compare_run import run

    network = load(model, form=FORM)
    images = source_of(image_folder(source))
    plan = ComparePlan(network, ("conv2", "class:1"), images, Recipe(steps=8), seeds=2, top=2)
    run(CompareJob(plan, model), folder)


def atlas(model: str, source: Path, folder: Path) -> None:
    """Chart every filter and class."""
    from dreamfilters.comparison.compare import ComparePlan
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.atlas_run import atlas_targets, run
    from dreamfilters.runs.compare_job import CompareJob

    network = load(model, form=FORM)
    images = source_of(image_folder(source))
    plan = ComparePlan(network, atlas_targets(network), images, Recipe(steps=8), seeds=2, top=2)
    run(CompareJob(plan, model, also=("classes",)), folder)


KINDS: dict[str, Callable[[str, Path, Path], None]] = {"dream": dream, "scan": scan, "compare": compare, "atlas": atlas}


def forked(deed: Callable[[], None]) -> int:
    """Start a process that does this and ends."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            deed()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Return how a process ended: its exit code, or the signal's number below 0."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def killed(kind: str, model: str, source: Path, folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Return what came of it."""
    chance, run = random.Random(seed), KINDS[kind]
    began = time.monotonic()
    if ended(forked(lambda: run(model, source, folder / "whole"))):
        raise SystemExit(f"{kind}: did not come to its end")
    longest, whole = time.monotonic() - began, content(folder / "whole")
    done, finished, different = 0, 0, set[str]()
    while done < kills:
        place = folder / str(finished)
        last = done
        while True:
            child = forked(lambda place=place: run(model, source, place))  # type: ignore[misc]
            if done < kills:
                time.sleep(chance.uniform(0, longest))
                os.kill(child, signal.SIGKILL)
            code = ended(child)
            if code == 0:
                break
            if code != -signal.SIGKILL:
                raise SystemExit(f"{kind}: ended with {code} after {done} kills")
            done += 1
        now = content(place)
        different |= {f"{finished}/{name}" for name in now.keys() | whole.keys() if now.get(name) != whole.get(name)}
        finished += done > last or not kills
        if done == last:  # it was quicker than its killer; once more in the same place says nothing
            place.rename(folder / f"unkilled-{finished}-{done}-{chance.random()}")
    return {"kills": done, "finished": finished, "different": sorted(different), "files": len(whole)}


def main() -> None:
    """Do what the arguments say."""
    import dreamfilters.backend  # noqa: F401 - imported once, before the forks

    kind, model, source, folder, kills, seed = sys.argv[1:]
    print(json.dumps(killed(kind, model, Path(source), Path(folder), int(kills), int(seed))))


if __name__ == "__main__":
    main()
