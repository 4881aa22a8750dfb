"""Row group 1: the time to the score that the best configuration of the strongest peer ends with."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks.response_judge import Judge
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, loop_seconds, ratio
from tests.benchmarks.workers import Worker

LAYER, SIDE = "conv6", 48
_MOST = 64  # steps of dreamfilters tried at most
_LOOP, _CALL = 1 / 20, 1 / 8  # the most of the peer's time
_REFERENCE = "Xplique 2.0.2, canvas set, no transforms"


def measure(setting: Setting) -> Table:
    """Dream 32 filters of conv6 by each method in turn and score the images by one judge."""
    return compared(setting, setting.signs, LAYER, SIDE, list(range(4 if setting.quick else 32)))


def compared(
    setting: Setting, model: Path, layer: str, side: int, units: list[int], *, rounds: int = 3, most: int = _MOST
) -> Table:
    """Return the times to one score on a network whose inputs are in [0, 1].

    Args:
        setting: how much is measured.
        model: file of the network.
        layer, units: the filters.
        side: of the canvas.
        rounds: number of calls that are timed; in the first one all peers take part, then the reference.
        most: steps of dreamfilters at most.
    """
    rounds, peer_steps, most = (1, 4, 4) if setting.quick else (rounds, 256, most)
    judge = Judge(model, layer, units)
    network: dict[str, Any] = {"model": str(model), "low": 0.0, "high": 1.0}
    job = {**network, "layer": layer, "units": units, "side": side}
    own = {**network, "targets": [f"{layer}:{units[0]}-{units[-1]}"], "prior": setting.prior}
    with Worker("xplique") as xplique, Worker("tf_keras_vis") as keras_vis, Worker("dream_worker") as ours:
        peers = {
            _REFERENCE: (xplique, {**job, "steps": peer_steps, "transforms": False}),
            "Xplique 2.0.2, canvas set": (xplique, {**job, "steps": peer_steps, "transforms": True}),
            "tf-keras-vis 0.8.7, defaults": (keras_vis, {**job, "steps": min(200, peer_steps)}),
        }
        peers = {name: peer for name, peer in peers.items() if rounds > 1 or name == _REFERENCE}
        cold = xplique.run("dream", **peers[_REFERENCE][1], out=setting.file("peer"))
        goal = judge.robust(np.load(setting.file("peer")))
        steps = _fewest(ours, own, judge, goal, most, setting)
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in [*peers, "ours"]}
        for number in range(rounds):
            with Worker("dream_worker") as fresh:
                first = fresh.run("dream", **own, steps=steps, out=setting.file("ours"))
                warm = fresh.run("dream", **own, steps=steps)
                runs["ours"].append({**warm, "cold": first["seconds"], "cold cpu": first["cpu"]})
            for k, (name, (worker, wanted)) in enumerate(peers.items()):
                if k == 0 or number == 0:  # only the first peer is the reference
                    runs[name].append(worker.run("dream", **wanted, out=setting.file(f"peer{k}")))
    for run in runs[_REFERENCE]:
        run.update({"cold": cold["seconds"], "cold cpu": cold["cpu"]})
    title = f"Time to score: {layer} of {model.stem}, {len(units)} filters, canvas {side}"
    return _table(title, setting, judge, goal, steps, runs)


def _fewest(ours: Worker, own: dict[str, Any], judge: Judge, goal: float, most: int, setting: Setting) -> int:
    """Return the fewest steps of "standard" whose returned images reach the score, or `most`."""
    ours.run("dream", **own, steps=most, every=True, out=setting.file("every"))
    scores = [judge.robust(images) for images in np.load(setting.file("every"))]
    reached = [number for number, score in enumerate(scores, 1) if score >= goal]
    for steps in range(max(2, reached[0]), most) if reached else []:
        ours.run("dream", **own, steps=steps, out=setting.file("ours"))
        if judge.robust(np.load(setting.file("ours"))) >= goal:
            return steps
    return most


def _table(
    title: str, setting: Setting, judge: Judge, goal: float, steps: int, runs: dict[str, list[dict[str, Any]]]
) -> Table:
    columns = ["cold call, s", "warm call, s", "loop only, s", "warm call, CPU s", "loop only, CPU s"]
    table = Table(title, ["method", "steps", *columns, "plain", "robust"])
    times = {name: _times(own) for name, own in runs.items()}
    for k, (name, own) in enumerate(runs.items()):
        images = np.load(setting.file("ours" if name == "ours" else f"peer{k}"))
        table.rows.append(
            [
                f"dreamfilters, standard, {steps} steps" if name == "ours" else name,
                len(own[0]["stamps"]),
                *(median(values) if values else None for values in times[name].values()),
                judge.plain(images),
                judge.robust(images),
            ]
        )
    best, mine = times[_REFERENCE], times["ours"]
    table.targets = [
        (f"time to its score, {column}", ratio(mine[column], best[column]), _LOOP if "loop" in column else _CALL)
        for column in mine
    ]
    table.notes = [
        f"The score to reach is {goal:.3f}, robust: the mean over 16 fixed similarities of up to 5 degrees, 5 %, 2 px.",
        "Cold: first call in a fresh process, its compiling included, its imports not. Warm: the second call. Loop",
        "only: by the times at which steps ended. CPU: seconds of the processor, which other processes hardly change.",
        f"Fallbacks activated {runs['ours'][0]['recovered_by']}, {runs['ours'][0]['not_activated']} stayed silent: in "
        "calls only.",
    ]
    return table


def _times(runs: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the seconds of each call: cold, warm, of the loop, and of the processor."""
    return {
        "cold call": [run["cold"] for run in runs if "cold" in run],
        "warm call": [run["seconds"] for run in runs],
        "loop only": [loop_seconds(run["stamps"]) for run in runs],
        "warm call, CPU": [run["cpu"] for run in runs],
        "loop only, CPU": [loop_seconds(run["cpu_stamps"]) for run in runs],
    }
