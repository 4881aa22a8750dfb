"""Row group 8: every network of `keras.applications`: dreams, maps and a scan, each network in its own process."""

from __future__ import annotations

from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, written
from tests.benchmarks.workers import Worker

_STEPS, _IMAGES = 8, 32
_WORK = ("load", "early", "middle", "late", "class", "maps", "scan")


def measure(setting: Setting) -> Table:
    """Walk the chosen networks; a row is printed as soon as it is measured, because all of them take hours."""
    steps, images = (2, 4) if setting.quick else (_STEPS, _IMAGES)
    table = Table(
        f"8. keras.applications, random weights: CPU seconds; {steps} steps for a dream, {images} images for a scan",
        ["network", "px", *_WORK, "peak, GB", "dreams"],
    )
    for name in setting.networks or _names():
        with Worker("application_worker") as worker:
            found = worker.run("walk", name=name, steps=steps, images=images)
        seconds, results = found["seconds"], found["results"]
        table.rows.append(
            [name, found["size"][0], *(seconds[what] for what in _WORK), found["peak"] / 1000, _summary(results)]
        )
        print(*map(written, table.rows[-1]), sep=" | ", flush=True)
    table.notes = ["One filter of an early, a middle and a late convolution, and class 0; the first use compiles."]
    return table


def _names() -> tuple[str, ...]:
    from dreamfilters.networks.io.applications import names

    return names()


def _summary(results: dict[str, str]) -> str:
    """Return 'activated', or what differs from it.

    >>> _summary({"early": "activated", "late": "not activated", "maps": "1 image"})
    'late: not activated'
    """
    odd = [f"{what}: {text}" for what, text in results.items() if what not in ("maps", "scan") and text != "activated"]
    failed = [f"{what}: {results[what]}" for what in ("maps", "scan") if "Error" in results.get(what, "")]
    return "; ".join([*odd, *failed]) or "activated"
