"""Row group: every channel of a network as large as GoogLeNet on an accelerator, against the bare passes.

`python -m tests.benchmarks.accelerator` runs this group alone, without an installed package; `--quick` is a dry run on
any machine. Each measurement is printed as soon as it is known, so that a run that is ended leaves what it measured.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import keras
import numpy as np
from keras import ops

import dreamfilters as df
from dreamfilters import backend
from dreamfilters.dreams.ascent.batches import batch_size
from dreamfilters.dreams.ascent.compiled_step import build, precision_of
from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.evidence.scan.reductions import reducer
from dreamfilters.networks import Network
from tests.benchmarks.googlenet import convolutions, googlenet
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, written

MINUTES, STEP_OVER_BARE, SCAN_SHARE = 5.0, 1.15, 0.9
NOT_MEASURED = "A dry run: none of these numbers says anything about an accelerator."


@dataclass(frozen=True)
class Amount:
    """How much is measured.

    Attributes:
        size, share, modules: of the network, see `googlenet`.
        steps: of the recipe.
        layers: that every channel is taken of; () for all convolutions.
        middle: the layer whose step is timed.
        rounds: how often steps and passes are timed.
        images: that are scanned.
    """

    size: int = 224
    share: float = 1.0
    modules: tuple[str, ...] = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    steps: int = 512
    layers: tuple[str, ...] = ()
    middle: str = "inception_4e_3x3"
    rounds: int = 5
    images: int = 4096


QUICK = Amount(32, 0.0625, ("3a",), 4, ("conv1", "inception_3a_3x3"), "inception_3a_3x3", 1, 6)


def measure(setting: Setting) -> Table:
    """Time the step, the scan, and every channel.

    Raises:
        SystemExit: there is no accelerator, on which alone the whole amount ends.
    """
    if not setting.quick and backend.device().kind == "cpu":
        raise SystemExit("accelerator: Keras finds none on this machine; --quick is a dry run on a CPU")
    amount = QUICK if setting.quick else Amount()
    if not setting.quick:
        return _measured(amount)
    # the settings of an accelerator, so that its programs run
    with backend.executing(steps=2, rows=4, precision="bfloat16", scanned=4, reduces=True):
        return _measured(amount)


def _measured(amount: Amount) -> Table:
    execution, device = backend.execution(), backend.device()
    versions = ", ".join(f"{name} {version}" for name, version in backend.versions().items())
    table = Table(
        f"Accelerator: a network of the size of GoogLeNet at {amount.size} px, random weights, on {device}",
        ["what", "value"],
    )
    network = googlenet(amount.size, share=amount.share, modules=amount.modules)
    recipe = read_recipe("standard", settings=[f"steps={amount.steps}"])

    def add(what: str, value: object, target: float | None = None) -> None:
        table.rows.append([what, value])
        if target is not None and device.kind != "cpu":
            table.targets.append((what, float(value), target))  # type: ignore[arg-type]
        print(f"{what}: {written(value)}", flush=True)

    print(f"{device}; {versions}; {execution}", flush=True)
    for name, seconds in _step_times(network, amount, recipe).items():
        add(f"milliseconds, {name}", seconds * 1e3)
    step, bare = (float(row[1]) for row in table.rows[-2:])  # type: ignore[arg-type]
    add("step over bare forward and backward pass", step / bare, STEP_OVER_BARE)
    scanned, forward = _scan_times(network, amount)
    add("scan, images per second", scanned)
    add("bare forward pass, images per second", forward)
    add("bare forward pass over scan, images per second", forward / scanned, 1 / SCAN_SHARE)
    for name, value, target in _every_channel(network, amount, recipe):
        add(name, value, target)
    add("peak memory, GB", _peak_bytes() / 1e9)
    table.notes = [f"{versions}; {execution}.", *([NOT_MEASURED] if device.kind == "cpu" else [])]
    return table


def _step_times(network: Network, amount: Amount, recipe: Recipe) -> dict[str, float]:
    """Return the seconds of a step of a whole batch, and of the bare pass of as many images in the same precision."""
    layer = amount.middle
    canvas = canvas_of(network, recipe)
    count = batch_size(network, df.channel(layer, [0]), canvas, recipe, None)
    units = [number % network.layer(layer).units for number in range(count)]
    goal = df.channel(layer, units)
    program = build(network, goal, recipe, canvas)
    seeds = backend.tensor(np.arange(1, count + 1, dtype="uint64"))
    wanted = keras.tree.map_structure(backend.tensor, goal.wanted)
    most = min(backend.execution().steps, recipe.steps)
    start = program.start(seeds)
    bare = _bare_pass(network, layer, units, amount.size, precision_of(recipe))

    def steps() -> None:
        program.steps(start, seeds, wanted, 0, most)

    def passes() -> None:
        for _ in range(most):
            last = bare()
        np.asarray(last[1])

    times = _in_turn({"step": steps, "bare": passes}, amount.rounds)
    return {
        f"a step of {count} images of {layer}": times["step"] / most,
        f"the bare forward and backward pass of {count} images": times["bare"] / most,
    }


def _bare_pass(network: Network, layer: str, units: list[int], size: int, precision: Any) -> Callable[[], Any]:
    """Return a function that dispatches the gradient of the mean of one filter per image, on fixed images."""
    watch = network.watch(frozenset({layer}), precision=precision)
    images = np.random.default_rng(7).uniform(0, 1, (len(units), size, size, 3)).astype("float32")
    inputs, chosen = network.to_input(backend.tensor(images)), backend.tensor(np.array(units, "int32"))

    def run(x: Any, chosen: Any) -> tuple[Any, Any]:
        def score(x: Any) -> tuple[Any, Any]:
            means = ops.mean(watch(x)[layer], axis=(1, 2))
            scores = ops.take_along_axis(means, chosen[:, None], axis=1)[:, 0]
            return ops.sum(scores), scores

        (_, scores), gradient = backend.value_and_gradient(score)(x)
        return gradient, scores

    compiled = backend.compile_rows(run)
    return lambda: compiled(inputs, chosen)


def _scan_times(network: Network, amount: Amount) -> tuple[float, float]:
    """Return the images per second of a scan of all layers, and of the bare forward pass on images on the device."""
    size = min(backend.execution().scanned, amount.images)
    images = np.random.default_rng(7).integers(0, 256, (amount.images, amount.size, amount.size, 3)).astype("uint8")
    names = tuple(info.name for info in network.layers if info.units)
    batch = backend.tensor(images[:size].astype("float32") / 255)
    forward = backend.compile_rows(lambda x: network.watch(frozenset({df.LOGITS}))(network.to_input(x))[df.LOGITS])

    def scanned() -> None:
        df.scan(network, images, names, batch=size)

    def passes() -> None:
        for _ in range(-(-amount.images // size)):
            last = forward(batch)
        np.asarray(last)

    reducer(network, names)
    times = _in_turn({"scan": scanned, "bare": passes}, amount.rounds)
    return amount.images / times["scan"], amount.images / times["bare"]


def _every_channel(network: Network, amount: Amount, recipe: Recipe) -> list[tuple[str, float, float | None]]:
    """Return the seconds of the dreams of all channels, with how many of them fallbacks activated."""
    counts = convolutions(network)
    chosen = amount.layers or tuple(counts)
    total, done, recovered, inactive = sum(counts[layer] for layer in chosen), 0, 0, 0
    began = time.perf_counter()
    for layer in chosen:
        for dream in df.iter_dreams(network, f"{layer}:*", recipe, seed=7):
            done += 1
            recovered += bool(dream.recovered_by)
            inactive += not dream.activated
        print(f"  {layer}: {done} of {total} channels after {time.perf_counter() - began:.1f} s", flush=True)
    seconds = time.perf_counter() - began
    target = None if amount.layers else 60 * MINUTES
    return [
        (f"every channel ({total}), {recipe.steps} steps, seconds with compiling", seconds, target),
        ("of them activated by a fallback", recovered, None),
        ("of them not activated", inactive, None),
    ]


def _in_turn(runs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each, run in turn after a first run that compiles."""
    for run in runs.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in times.items()}


def _peak_bytes() -> float:
    """Return the most memory that was in use at a time: of one device, or of this process on a CPU."""
    if backend.device().kind != "cpu" and keras.backend.backend() == "jax":
        import jax

        return float((jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use", np.nan))
    if backend.device().kind != "cpu":
        import tensorflow as tf

        return float(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1.0 if sys.platform == "darwin" else 1024.0)


def main() -> None:
    """Print the table of this group."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accelerator", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a dry run of a few steps on any machine")
    print(f"\n{measure(Setting(quick=parser.parse_args().quick))}", flush=True)


if __name__ == "__main__":
    main()
