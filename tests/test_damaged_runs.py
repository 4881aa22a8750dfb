"""Damage to any file of a run: the same command repairs it to the same bytes, or refuses it in one line.

Bits are flipped, bytes changed, left out and added, and files swapped, in run folders of every command, finished and
stopped: 36 times, 200 times in a thorough run.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.dreams import priors
from dreamfilters.dreams.parameterizations import Fourier
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import DreamfiltersError
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.networks import LOGITS, Network, load
from dreamfilters.runs.by_image import attribution_run, map_run
from dreamfilters.runs.by_image.attribution_run import AttributionJob
from dreamfilters.runs.by_image.attribution_task import AttributionSettings
from dreamfilters.runs.by_image.map_run import MapJob, MapSettings
from dreamfilters.runs.by_unit import atlas_run, audit_run, compare_run, dream_run
from dreamfilters.runs.by_unit.audit_run import AuditJob, read_audit
from dreamfilters.runs.by_unit.compare_run import CompareJob
from dreamfilters.runs.by_unit.dream_run import DreamJob
from dreamfilters.runs.by_unit.reproduction import job_of, reproduce
from dreamfilters.runs.over_images import scan_run
from dreamfilters.runs.over_images.scan_run import read_scan, stored_scan
from tests.thorough import THOROUGH

DAMAGES = 200 if THOROUGH else 36
QUICK = Recipe(Fourier(16), transforms=(), steps=2, name="quick")


@dataclass(frozen=True)
class Case:
    """A command on a folder that it has written.

    Attributes:
        run: the command.
        before: the folder that is damaged, of a finished or of a stopped run.
        after: the folder of the finished run, which was never damaged.
    """

    run: Callable[..., Any]
    before: Path
    after: Path


class Stop:
    """A progress function that stops a run, as Ctrl-C does, where the work of this note begins."""

    def __init__(self, note: str) -> None:
        self.note = note

    def __call__(self, progress: Any) -> None:
        if self.note in progress.note:
            raise KeyboardInterrupt


def commands(network: Network, spec: str, images: Path) -> Iterator[tuple[str, Callable[..., Any], str]]:
    """Yield each command with a name, and the note of the work during which it is stopped; "" for never."""
    found = image_folder(images)
    scan = ScanJob(network, source_of(found), ("conv1", LOGITS), k=2, batch=2)
    plan = ComparePlan(network, ("conv1:0-1", "class:1"), source_of(found), QUICK, seed=3, seeds=1, top=1)
    prior = priors.measure_prior(found, name="mine")
    dream = DreamJob(network, spec, ("conv1:0-1", "class:1"), QUICK, 3, prior=prior, frames=2)
    maps = MapJob(network, image_folder(images / "01.png"), MapSettings(("conv1",), units=(0, 1), arrays="float32"))
    audit, layers = AuditJob(network, spec, scan, layers=("conv1",)), (*atlas_run.atlas_targets(network, ["conv1"]),)
    yield "dream", lambda folder, **how: dream_run.run(dream, folder, **how), ""
    yield "maps", lambda folder, **how: map_run.run(maps, folder, **how), ""
    settings = AttributionSettings(("class:1",), ("gradient",), arrays=True, measured=1)
    heatmaps = AttributionJob(network, image_folder(images / "01.png"), settings)
    yield "attribute", lambda folder, **how: attribution_run.run(heatmaps, folder, **how), ""
    yield "scan", lambda folder, **how: scan_run.run(stored_scan(scan, spec, save_every=0), folder, **how), "03.png"
    yield "audit", lambda folder, **how: audit_run.run(audit, folder, **how), ""
    yield "compare", lambda folder, **how: compare_run.run(CompareJob(plan, spec), folder, **how), "measuring"
    job = CompareJob(replace(plan, targets=layers), spec, also=("classes",))
    yield "atlas", lambda folder, **how: atlas_run.run(job, folder, **how), "measuring"


@pytest.fixture(scope="module")
def cases(make_noisy, tmp_path_factory):
    """The cases by name, such as "scan" and "stopped scan"."""
    source, runs, found = make_noisy(5, 2), tmp_path_factory.mktemp("runs"), {}
    network = load(source / "tiny.keras", form={"range": (0, 1)}, classes=("one", "two", "three"))
    for name, run, note in commands(network, str(source / "tiny.keras"), source / "images"):
        if note:
            assert run(runs / name, progress=Stop(note)).stopped
            shutil.copytree(runs / name, runs / f"stopped {name}")
            found[f"stopped {name}"] = Case(run, runs / f"stopped {name}", runs / name)
        run(runs / name)
        found[name] = Case(run, runs / name, runs / name)
    return found


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage(folder: Path, chance: random.Random) -> str:
    """Damage a file below a folder and return what was done; the kinds of files are equally likely."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kinds.setdefault(path.suffix if path.suffix != ".json" else path.name[:4] + path.suffix, []).append(path)
    path = chance.choice(kinds[chance.choice(sorted(kinds))])
    old = path.read_bytes()
    at = chance.randrange(len(old))
    what = chance.choice(["flip", "flip", "flip", "byte", "cut", "add", "zeros", "remove", "swap"])
    if what == "flip":
        new = old[:at] + bytes([old[at] ^ 1 << chance.randrange(8)]) + old[at + 1 :]
    elif what == "byte":
        new = old[:at] + bytes([(old[at] + chance.randrange(1, 256)) % 256]) + old[at + 1 :]
    elif what == "zeros":
        new = old[:at] + b"\xff" + bytes(len(old[at + 1 :]))
    elif what == "swap":
        other = chance.choice([other for other in folder.rglob("*") if other.is_file() and other.read_bytes() != old])
        new = other.read_bytes()
        other.write_bytes(old)
    else:
        new = {"cut": old[:at], "add": old + b"\n", "remove": b""}[what]
    if what == "remove":
        path.unlink()
    else:
        assert new != old
        path.write_bytes(new)
    return f"{what} in {path.relative_to(folder)} at {at}"


@pytest.mark.parametrize("seed", range(DAMAGES))
def test_no_damage_is_silent(cases, tmp_path, seed):
    chance = random.Random(seed)
    name = sorted(cases)[seed % len(cases)]
    case, folder = cases[name], tmp_path / "run"
    shutil.copytree(case.before, folder)
    done = f"{name}: {damage(folder, chance)}"
    if name in READERS:
        assert one_line(lambda: READERS[name](folder)), done
    refusal = one_line(lambda: case.run(folder))
    if "holds other files" in refusal:  # without a manifest, the folder is not known to be one of this tool
        return
    if refusal:
        assert "manifest.json: is damaged" in refusal, done
        assert refusal.endswith("make the results again with --force"), done
        case.run(folder, force=True)
    assert content(folder) == content(case.after), done


@pytest.mark.parametrize("seed", range(max(1, DAMAGES // 9)))
def test_a_damaged_dream_is_never_called_the_same(cases, tmp_path, seed):
    chance, folder = random.Random(seed), tmp_path / "run"
    shutil.copytree(cases["dream"].before, folder)
    image = chance.choice(sorted(folder.glob("conv1-*.png")))
    changed = bytearray(image.read_bytes())
    at = chance.choice([chance.randrange(len(changed)), changed.find(b"dreamfilters") + chance.randrange(3000)])
    at = min(at, len(changed) - 1)  # the text may end sooner
    changed[at] ^= 1 << chance.randrange(8)
    image.write_bytes(changed)
    same = []
    assert one_line(lambda: same.append(reproduce(image, job_of(image)).same)) or same == [False], at


def test_a_damaged_file_beside_a_dream_is_refused(cases, tmp_path):
    name = "prior.npz"
    shutil.copytree(cases["dream"].before, tmp_path / "run")
    changed = bytearray((tmp_path / "run" / name).read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "run" / name).write_bytes(changed)
    image = next((tmp_path / "run").glob("conv1-0-*.png"))
    assert f"{name}: is not the file that {image.name} was made with" in one_line(lambda: job_of(image))


READERS: dict[str, Callable[[Path], Any]] = {"scan": read_scan, "audit": read_audit}


def one_line(call: Callable[[], Any]) -> str:
    """Return the error of a call, which has to be one of this tool with one line; "" if there is none."""
    try:
        call()
    except DreamfiltersError as error:
        message = str(error)
        assert message
        assert "\n" not in message
        return message
    return ""
