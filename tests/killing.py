"""Kill a run at random moments and resume it: tests.killing KIND MODEL IMAGES FOLDER KILLS SEED.

Prints as JSON the number of kills, the number of finished runs, and every file that differs from that of a run that was
not killed. Each run is a separate process, forked before TensorFlow has computed anything.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORM = {"range": (0, 1)}
CHECKPOINTS = "checkpoints"  # folder of copies of the model
NAMES = ("one", "two", "three")


def dream(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Dream some filters and a class."""
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.networks import load
    from dreamfilters.runs.by_unit.dream_run import DreamJob, run

    targets = ("conv1", "conv2", "class:*")
    run(DreamJob(load(model, form=FORM), model, targets, Recipe(steps=8), 3, batch=4, **where), folder)


def scan(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Scan all layers, saving after every batch."""
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.evidence.scan.scanned_layers import default_layers
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.over_images.scan_run import run, stored_scan

    network = load(model, form=FORM)
    survey = ScanJob(network, source_of(image_folder(source)), default_layers(network), k=4, batch=1, **where)
    run(stored_scan(survey, save_every=0), folder)


def compare(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Compare some filters and a class."""
    from dreamfilters.comparison.compare import ComparePlan
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.by_unit.compare_run import CompareJob, run

    network = load(model, form=FORM)
    images = source_of(image_folder(source))
    plan = ComparePlan(network, ("conv2", "class:1"), images, Recipe(steps=8), seeds=2, top=2)
    run(CompareJob(plan, model, **where), folder)


def atlas(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Compare every filter and class."""
    from dreamfilters.comparison.compare import ComparePlan
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.by_unit.atlas_run import atlas_targets, run
    from dreamfilters.runs.by_unit.compare_run import CompareJob

    network = load(model, form=FORM)
    images = source_of(image_folder(source))
    plan = ComparePlan(network, atlas_targets(network), images, Recipe(steps=8), seeds=2, top=2)
    run(CompareJob(plan, model, also=("classes",), **where), folder)


def audit(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Audit all layers."""
    from dreamfilters.evidence.scan.scan_job import ScanJob
    from dreamfilters.evidence.scan.scanned_layers import default_layers
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.by_unit.audit_run import AuditJob, run

    network = load(model, form=FORM)
    survey = ScanJob(network, source_of(image_folder(source)), default_layers(network))
    run(AuditJob(network, model, survey, **where), folder)


def attribute(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Draw heatmaps, and measure the trust in them on some of the images."""
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.by_image.attribution_run import AttributionJob, run
    from dreamfilters.runs.by_image.attribution_task import AttributionSettings

    options = AttributionSettings(("class:1", "conv2:0"), ("occlusion",), arrays=True, measured=2)
    run(AttributionJob(load(model, form=FORM), image_folder(source), options, model, **where), folder)


def evaluate(model: str, source: Path, folder: Path, **where: Any) -> None:
    """Evaluate, saving after every image."""
    from dreamfilters.attribution.class_separation import compared_layer
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.over_images.evaluation_run import run, stored_evaluation

    network, images = load(model, form=FORM), image_folder(source)
    labels = [number % 2 for number in range(len(images))]
    job = EvaluationJob(network, source_of(images, labels), batch=1, **where)
    run(stored_evaluation(job, compared_layer(network, None), 1, model, save_every=0), folder)


def film(model: str, source: Path, folder: Path) -> None:
    """Film three checkpoints, each with other weights."""
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.evidence.unit_statistics import sample_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import Network
    from dreamfilters.training.film_run import FilmJob, run
    from dreamfilters.training.film_sources import CheckpointLooks
    from dreamfilters.training.looker import Looker, look_recipe

    def looker_of(network: Network) -> Looker:
        sample = sample_of(network, source_of(image_folder(source)), 8)
        return Looker(network, sample, ("conv1", "conv2"), ["conv1:0-1"], look_recipe(), 0)

    paths = tuple(folder.parent / CHECKPOINTS / f"{number}.keras" for number in range(3))
    run(FilmJob(CheckpointLooks(paths, lambda path: _turned(path, 0.1 * int(path.stem)), looker_of)), folder)


def diff(model: str, source: Path, folder: Path) -> None:
    """Compare a network with one of other weights, and dream two units of both."""
    from dreamfilters.comparison.diff.network_diff import DiffJob
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load
    from dreamfilters.runs.over_images.diff_run import StoredDiffJob, run

    job = DiffJob(load(model, form=FORM), _turned(Path(model), 0.5), source_of(image_folder(source)), 24)
    run(StoredDiffJob(job, model, "other", dreams=2), folder)


def _turned(path: Path, share: float) -> Any:
    """Return a network with this share of each weight taken from the next one."""
    import keras
    import numpy as np

    from dreamfilters.networks import load

    model = keras.models.load_model(path)
    for weight in model.weights:
        values = np.asarray(weight)
        weight.assign((1 - share) * values + share * np.roll(values, 1))
    return load(model, form=FORM)


COMMANDS = {
    "fool": ("class:1", "IMAGES", "--steps", "8"),
    "invert": ("IMAGES", "--layers", "conv1,conv2", "--steps", "8"),
    "texture": ("IMAGES", "--layers", "conv1", "--steps", "8"),
    "style": ("IMAGES", "ONE", "--style-layers", "conv1", "--steps", "8"),
    "facets": ("conv1", "IMAGES", "--recipe", "fast", "--set", "steps=4"),
    "segment": ("IMAGES",),
    "unit": ("conv1", "IMAGES", "--recipe", "fast", "--set", "steps=4"),
    "embed": ("IMAGES", "--layer", "conv2"),
    "neighbors": ("IMAGES", "ONE", "--layer", "conv2"),
}


def _command(kind: str) -> Callable[[str, Path, Path], None]:
    """Return the task that runs a command of the command line."""

    def task(model: str, source: Path, folder: Path) -> None:
        from dreamfilters.cli import app

        named = {"IMAGES": str(source), "ONE": str(min(path for path in source.rglob("*") if path.stem != "broken"))}
        words = [named.get(word, word) for word in COMMANDS[kind]]
        app([kind, model, *words, "--range", "0", "1", "--out", str(folder), "--quiet"], standalone_mode=False)

    return task


# Those whose work an executor shares out; each takes it as the argument `executor`.
SHARED: dict[str, Callable[..., None]] = {
    "dream": dream,
    "scan": scan,
    "audit": audit,
    "compare": compare,
    "atlas": atlas,
    "attribute": attribute,
    "evaluate": evaluate,
}

KINDS: dict[str, Callable[[str, Path, Path], None]] = {
    **{kind: _command(kind) for kind in COMMANDS},
    **SHARED,
    "film": film,
    "diff": diff,
}


def fork(task: Callable[[], None]) -> int:
    """Run a task in a new process and return its id."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            task()
            code = 0
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """Wait for a process and return its exit code, or minus the number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill_and_resume(kind: str, model: str, source: Path, folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Return the numbers that `main` prints."""
    chance, run = random.Random(seed), KINDS[kind]
    (folder / CHECKPOINTS).mkdir()
    for number in range(3):
        shutil.copy(model, folder / CHECKPOINTS / f"{number}.keras")
    began = time.monotonic()
    if exit_code(fork(lambda: run(model, source, folder / "whole"))):
        raise SystemExit(f"{kind}: did not finish")
    longest, whole = time.monotonic() - began, content(folder / "whole")
    done, finished, different = 0, 0, set[str]()
    while done < kills:
        target = folder / str(finished)
        last = done
        while True:
            child = fork(lambda target=target: run(model, source, target))  # type: ignore[misc]
            if done < kills:
                time.sleep(chance.uniform(0, longest))
                os.kill(child, signal.SIGKILL)
            code = exit_code(child)
            if code == 0:
                break
            if code != -signal.SIGKILL:
                raise SystemExit(f"{kind}: ended with {code} after {done} kills")
            done += 1
        now = content(target)
        different |= {f"{finished}/{name}" for name in now.keys() | whole.keys() if now.get(name) != whole.get(name)}
        finished += done > last or not kills
        if done == last:  # it finished before it was killed; use a new folder
            target.rename(folder / f"unkilled-{finished}-{done}-{chance.random()}")
    return {"kills": done, "finished": finished, "different": sorted(different), "files": len(whole)}


def main() -> None:
    """Run with the arguments of the command line."""
    import dreamfilters.backend  # noqa: F401 - imported once, before the forks

    kind, model, source, folder, kills, seed = sys.argv[1:]
    print(json.dumps(kill_and_resume(kind, model, Path(source), Path(folder), int(kills), int(seed))))


if __name__ == "__main__":
    main()
