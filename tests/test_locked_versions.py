"""CI installs what pyproject.toml requires, with checksums, and actions that are pinned by commit."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = [ROOT / ".ci" / "requirements.txt", ROOT / ".ci" / "keras-hub.txt"]
PYTHONS = ("3.11", "3.12", "3.13")
FOR_GPUS = ("cuda", "jax-cuda")
USES = re.compile(r"uses: (\S+)(.*)")


def entries(lock: Path) -> list[tuple[Requirement, list[str]]]:
    """Return each locked version with its checksums."""
    lines = lock.read_text("utf-8").replace("\\\n", " ").splitlines()
    split = [re.split(r"\s+--hash=", line) for line in lines if line and not line.startswith("#")]
    return [(Requirement(parts[0]), [part.strip() for part in parts[1:]]) for parts in split]


def required(name: str) -> list[Requirement]:
    """Return what a file of requirements or pyproject.toml lists."""
    if name == "pyproject.toml":
        project = tomllib.loads((ROOT / name).read_text("utf-8"))["project"]
        extras = [lines for extra, lines in project["optional-dependencies"].items() if extra not in FOR_GPUS]
        # CI installs TensorFlow without the code for GPUs, see .ci/requirements.in
        own = [line.replace("tensorflow>", "tensorflow-cpu>") for line in project["dependencies"]]
        return list(map(Requirement, [*own, *itertools.chain(*extras)]))
    lines = (ROOT / ".ci" / name).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_version_has_checksums(lock):
    assert entries(lock)
    for requirement, checksums in entries(lock):
        assert len(list(requirement.specifier)) == 1, requirement
        assert str(requirement.specifier).startswith("=="), requirement
        assert checksums, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", checksum) for checksum in checksums), requirement
    assert "://" not in lock.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "lock"),
    [("pyproject.toml", LOCKS[0]), ("requirements.in", LOCKS[0]), ("keras-hub.in", LOCKS[1])],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_locked_versions_are_those_that_are_required(name, lock, python):
    """`make lock` renews them."""
    environment = {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux",
        "platform_machine": "x86_64", "platform_system": "Linux", "implementation_name": "cpython",
    }  # fmt: skip
    locked = {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement, _ in entries(lock)
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }
    for requirement in required(name):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            version = locked.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement}: make lock"
            assert requirement.specifier.contains(version, prereleases=True), (
                f"{requirement}, locked {version}: make lock"
            )


def test_actions_are_pinned_by_commit():
    found = [
        (path.name, *match.groups())
        for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
        for match in USES.finditer(path.read_text("utf-8"))
    ]
    assert found
    for path, action, comment in found:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), f"{path}: {action}"
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{path}: {action} has no version"
