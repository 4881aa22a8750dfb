"""Row group 8: every network of `keras.applications`: dreams, maps and a scan, each network in its own process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dreamfilters.writing.single_files import write_file
from tests.benchmarks.environments import FOLDER
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, written
from tests.benchmarks.workers import Worker

_STEPS, _IMAGES = 8, 32
_WORK = ("load", "early", "middle", "late", "class", "maps", "scan")


def measure(setting: Setting) -> Table:
    """Walk the chosen networks; each result is printed and stored at once, and a stored one is not measured again."""
    steps, images = (2, 4) if setting.quick else (_STEPS, _IMAGES)
    stored = FOLDER / f"applications-{steps}-{images}.json"
    table = Table(
        f"8. keras.applications, random weights: CPU seconds; {steps} steps for a dream, {images} images for a scan",
        ["network", "px", *_WORK, "peak, GB", "maps differ by", "dreams"],
    )
    for name in setting.networks or _names():
        found = walked(stored).get(name) or _walk(name, steps, images, stored)
        table.rows.append(row(name, found))
        print(*map(written, table.rows[-1]), sep=" | ", flush=True)
    table.notes = [
        "One filter of an early, a middle and a late convolution, and class 0; the first use compiles.",
        "Maps differ by: the largest difference of a mean response of any layer from that of the same layer in plain "
        "Keras, after the preprocess_input of Keras, as a share of the largest response of its layer.",
        f"Results are stored in {stored.relative_to(FOLDER.parent)}; delete it to measure again.",
    ]
    return table


def walked(stored: Path) -> dict[str, Any]:
    """Return the stored results by the name of the network; {} without a file."""
    return json.loads(stored.read_text("utf-8")) if stored.is_file() else {}


def row(name: str, found: dict[str, Any]) -> list[object]:
    """Return the cells of a network; a network whose process ended has its reason in the last one."""
    if "ended" in found:
        return [name, None, *(None for _ in _WORK), None, None, found["ended"]]
    seconds = [found["seconds"].get(what) for what in _WORK]
    summary = _summary(found["results"])
    return [name, found["size"][0], *seconds, found["peak"] / 1000, found.get("difference"), summary]


def _walk(name: str, steps: int, images: int, stored: Path) -> dict[str, Any]:
    try:
        with Worker("application_worker") as worker:
            found = worker.run("walk", name=name, steps=steps, images=images)
    except (RuntimeError, BrokenPipeError) as error:  # the process was killed, for memory say
        lines = str(error).strip().splitlines()
        found = {"ended": f"the process ended: {lines[-1][:100] if lines else 'no message'}"}
    write_file(stored, json.dumps({**walked(stored), name: found}, indent=1).encode())
    return found


def _names() -> tuple[str, ...]:
    from dreamfilters.networks.io.applications import names

    return names()


def _summary(results: dict[str, str]) -> str:
    """Return 'activated', or what differs from it.

    >>> _summary({"early": "activated", "late": "not activated", "maps": "1 image"})
    'late: not activated'
    """
    plain = ("maps", "scan", "difference")
    odd = [f"{what}: {text}" for what, text in results.items() if what not in plain and text != "activated"]
    failed = [f"{what}: {results[what]}" for what in plain if "Error" in results.get(what, "")]
    return "; ".join([*odd, *failed]) or "activated"
