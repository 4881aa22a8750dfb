"""Row group 11: attribution against peers that make the same heatmaps, and against as many bare forward passes."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from dreamfilters.signs.rendering.scenes import render
from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import network_file
from tests.benchmarks.tables import Table, ratio
from tests.benchmarks.workers import Worker

_SHARE = 0.9  # of the throughput of the bare pass
_PEERS = ("xplique", "tf_keras_vis")
_LAYER = "conv6"  # of class activation maps, the same for all
_BATCH, _CLASS = 16, 14  # images of a call by gradients, and the class that is explained
# Method -> the number of images of a call, our settings, and the peers that have it, each with its settings.
METHODS: dict[str, tuple[int, dict[str, Any], dict[str, dict[str, Any]]]] = {
    "gradient": (_BATCH, {}, {"xplique": {}, "tf_keras_vis": {}}),
    "gradient-x-input": (_BATCH, {}, {"xplique": {}}),
    "smoothgrad": (1, {"samples": 48}, {"xplique": {"nb_samples": 48}, "tf_keras_vis": {"smooth_samples": 48}}),
    "integrated-gradients": (1, {"steps": 48, "most_steps": 48}, {"xplique": {"steps": 48}}),
    "guided-backprop": (_BATCH, {}, {"xplique": {}}),
    "deconvnet": (_BATCH, {}, {"xplique": {}}),
    "grad-cam": (_BATCH, {"layer": _LAYER}, {"xplique": {"conv_layer": _LAYER}, "tf_keras_vis": {}}),
    "grad-cam++": (_BATCH, {"layer": _LAYER}, {"xplique": {"conv_layer": _LAYER}, "tf_keras_vis": {}}),
    "layer-cam": (_BATCH, {"layer": _LAYER}, {"tf_keras_vis": {}}),
    "score-cam": (1, {"layer": _LAYER}, {"tf_keras_vis": {}}),
    "occlusion": (1, {}, {"xplique": {"patch_size": 10, "patch_stride": 2}}),  # 0.2 and 0.05 of 48 pixels
    "rise": (1, {}, {"xplique": {"nb_samples": 1024}}),
}


def measure(setting: Setting) -> str:
    """Return two tables: the peers on the traffic-sign network, and the bare pass on it and on MobileNetV2."""
    return f"{against_peers(setting)}\n\n{against_bare_pass(setting)}"


def against_peers(setting: Setting) -> Table:
    """Time every method that a peer has too, in turn, on the same images of the traffic-sign network."""
    images = setting.file("attributed")
    np.save(images, np.stack([render(_CLASS, seed) for seed in range(_BATCH)]))
    table = Table(
        "11a. Attribution on signs: milliseconds for an image", ["method", "dreamfilters", "Xplique", "tf-keras-vis"]
    )
    with Worker("attribution_worker") as ours, Worker("xplique") as xplique, Worker("tf_keras_vis") as keras_vis:
        workers = {"xplique": xplique, "tf_keras_vis": keras_vis}
        for name, (count, own, peers) in METHODS.items():
            job = {"model": str(setting.signs), "method": name, "number": _CLASS, "images": images, "count": count}
            times: dict[str, list[float]] = {"ours": [], **{peer: [] for peer in peers}}
            for number in range(2 if setting.quick else 8):
                runs = {"ours": ours.run("explain", **job, settings=own)}
                runs |= {peer: workers[peer].run("explain", **job, settings=more) for peer, more in peers.items()}
                for who, result in runs.items():
                    if number:  # the first one compiles
                        times[who].append(result["seconds"] / count)
            medians = {who: median(values) for who, values in times.items()}
            table.rows.append([name, *(1e3 * medians[who] if who in medians else None for who in ("ours", *_PEERS))])
            table.targets += [(f"{name} over {peer}", medians["ours"] / medians[peer], 1.0) for peer in peers]
    table.notes = [f"Medians of 7 calls, timed in turn; {_BATCH} images a call, 1 where a method makes many passes."]
    return table


def against_bare_pass(setting: Setting) -> Table:
    """Time one image in turn on the traffic-sign network and on MobileNetV2."""
    few = setting.quick
    mobile = {"model": str(network_file("MobileNetV2", 224)), "low": -1.0, "high": 1.0, "target": "out_relu:3"}
    jobs = {
        "signs": {**setting.network, "target": "class:14", "masks": 64 if few else 1024},
        "MobileNetV2": {**mobile, "masks": 16 if few else 256},
    }
    table = Table(
        "11b. Attribution of one image: milliseconds for a forward pass",
        ["what", "signs 48 px", "MobileNetV2 224 px"],
    )
    times = {}
    for name, job in jobs.items():
        with Worker("attribution_worker") as worker:
            times[name] = worker.run("paces", **job, rounds=1 if few else 9 if name == "signs" else 3)["times"]
    for what in times["signs"]:
        table.rows.append([what, *(median(values[what]) * 1e3 for values in times.values())])
    for name, values in times.items():
        for method in ("occlusion", "rise"):
            against_bare = ratio(values[method], values[f"bare pass, as many as {method}"])
            table.targets.append((f"{name}: {method} over the bare pass", against_bare, 1 / _SHARE))
    table.notes = ["Bare pass: the compiled score of a batch that is in memory, of the same size and number."]
    return table
