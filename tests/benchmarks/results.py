"""The results of all row groups as JSON, each with its date, machine and versions, and one table of all targets."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.benchmarks.tables import Table

_PACKAGES = ("dreamfilters", "keras", "tensorflow", "tensorflow-cpu", "jax", "numpy", "numba")


def versions() -> dict[str, str]:
    """Return the version of Python and of each package that is installed and decides how fast the others are."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Return the processor, its cores, and the load of the last minute."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text("utf-8", "replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def described(found: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Return a machine and versions in one line."""
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{found['processor']} ({found['architecture']}), {found['cores']} cores, load {found['load']}; {named}"


def store(path: Path, group: str, table: Table, before: Mapping[str, Any], *, quick: bool) -> None:
    """Store the table of a row group in a JSON file; those of other groups stay.

    `before` is the machine before the measurement, whose own load is not counted.
    """
    stored = read(path)
    stored[group] = {
        "date": datetime.date.today().isoformat(),
        "machine": before,
        "versions": versions(),
        "quick": quick,
        "title": table.title,
        "columns": list(table.columns),
        "rows": [list(row) for row in table.rows],
        "targets": [
            {"what": what, "value": value, "at most": bound, "met": value <= bound}
            for what, value, bound in table.targets
        ],
        "notes": table.notes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=1, default=float) + "\n", "utf-8")


def read(path: Path) -> dict[str, Any]:
    """Return the stored results by row group, none where the file does not exist."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def summary(stored: Mapping[str, Any]) -> Table:
    """Return one table of all targets, each with its date and the machine's load, and the machines as notes."""
    table = Table("Summary", ["row group", "target", "value", "at most", "met", "date", "load"])
    machines: dict[str, list[str]] = {}
    for group, found in stored.items():
        day, load = found["date"], found["machine"]["load"]
        name = f"{group} (quick)" if found["quick"] else group
        for each in found["targets"]:
            met = "yes" if each["met"] else "no"
            table.rows.append([name, each["what"], float(each["value"]), float(each["at most"]), met, day, load])
        machines.setdefault(described({**found["machine"], "load": "as listed"}, found["versions"]), []).append(name)
    table.notes = [f"{', '.join(names)}: {where}" for where, names in machines.items()]
    return table
