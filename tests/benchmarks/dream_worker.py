"""dreamfilters as a worker process like the peers: dreams, single steps, and the bare pass as the reference."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

_STARTED = time.perf_counter()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import dreamfilters as df  # noqa: E402
from dreamfilters import backend  # noqa: E402
from dreamfilters.dreams import recipe as recipes  # noqa: E402
from dreamfilters.dreams.ascent.ascent import AscentStep  # noqa: E402
from dreamfilters.dreams.ascent.compiled_step import build  # noqa: E402
from dreamfilters.dreams.default_recipes import recipe_of  # noqa: E402
from dreamfilters.dreams.engine import canvas_of  # noqa: E402
from dreamfilters.dreams.optimizers import Sign  # noqa: E402
from dreamfilters.networks import Network  # noqa: E402
from tests.benchmarks.peers.protocol import serve  # noqa: E402
from tests.benchmarks.setting import opened  # noqa: E402

network_of = cache(opened)


def dream(
    model: str,
    targets: list[str],
    low: float,
    high: float,
    steps: int | None,
    out: str = "",
    prior: str = "",
    batch: int | None = None,
    every: bool = False,
) -> dict[str, Any]:
    """Time one call of the public API with the recipe "standard"; `every` stores the images after each step."""
    network = network_of(model, low, high, prior)
    recipe = df.read_recipe("standard", settings=[f"steps={steps}"] if steps else [])
    ascents: list[list[float]] = []  # for each batch and fallback, the times at which steps ended
    cpu_stamps: list[float] = []  # of the first one
    names: list[int] = []
    images: list[np.ndarray] = []

    def on_step(moment: AscentStep) -> None:
        if moment.step == 1:
            ascents.append([])
            names.append(len(set(moment.names)))
        ascents[-1].append(time.perf_counter())
        if len(ascents) == 1:
            cpu_stamps.append(time.process_time())
        if every and len(ascents) == 1:
            images.append(moment.images()[: names[0]])

    began, cpu_began = time.perf_counter(), time.process_time()
    dreams = df.dream(network, targets, recipe, seed=7, batch=batch, on_step=on_step)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    if out:
        np.save(out, np.stack(images) if every else np.stack([dream.image for dream in dreams]))
    return {
        "seconds": seconds,
        "stamps": ascents[0],
        "cpu": cpu,
        "cpu_stamps": cpu_stamps,
        "batch": names[0],
        "ascents": len(ascents),
        "since_start": time.perf_counter() - _STARTED,
        "recovered_by": sum(bool(dream.recovered_by) for dream in dreams),
        "not_activated": sum(not dream.activated for dream in dreams),
        "count": len(dreams),
    }


def bare(model: str, layer: str, units: list[int], low: float, high: float, rounds: int) -> dict[str, Any]:
    """Time the bare pass alone."""
    run = bare_pass(network_of(model, low, high, ""), layer, units)
    run()
    return {"times": [clocked(run) for _ in range(rounds)]}


def bare_pass(network: Network, layer: str, units: list[int]) -> Any:
    """Return a function that runs the forward and backward pass of one batch: mean response of one filter per image."""
    watch = network.watch(frozenset({layer}))
    height, width = network.form.size
    assert height is not None
    assert width is not None
    images = np.random.default_rng(7).uniform(0, 1, (len(units), height, width, 3)).astype("float32")
    inputs = tf.constant(network.form.to_input(images))
    chosen = tf.constant(units)

    @tf.function(autograph=False, jit_compile=False)
    def run(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            maps = watch(x)[layer]
            score = tf.reduce_sum(tf.gather(tf.reduce_mean(maps, axis=(1, 2)), chosen, axis=1, batch_dims=1))
        return tape.gradient(score, x)

    return lambda: run(inputs)


def against_bare(
    model: str, layer: str, units: list[int], low: float, high: float, rounds: int, prior: str
) -> dict[str, Any]:
    """Time the bare pass, the compiled step, and the step with parts left out, in turn."""
    network = network_of(model, low, high, prior)
    goal = df.channel(layer, units)
    standard = recipes.read_recipe("standard")
    runs = {
        "bare pass": bare_pass(network, layer, units),
        "step": compiled_step(network, goal, standard),
        "step, no transforms": compiled_step(
            network, goal, recipes.read_recipe("standard", settings=[]), transforms=()
        ),
        "step, pixels for Fourier": compiled_step(
            network, goal, standard, parameterization=df.Pixels(contrast="standardized")
        ),
        "step, pixels, free contrast": compiled_step(network, goal, standard, parameterization=df.Pixels()),
        "step, pixels, free contrast, no transforms, sign ascent": compiled_step(
            network, goal, standard, parameterization=df.Pixels(), transforms=(), optimizer=Sign()
        ),
    }
    return {"times": in_turn(runs, rounds, time.perf_counter)}


def step_ratio(model: str, layer: str, units: list[int], low: float, high: float, rounds: int) -> dict[str, Any]:
    """Processor seconds of the bare pass of plain Keras and of the step with "standard", in turn."""
    network = network_of(model, low, high, "")
    goal = df.channel(layer, units)
    recipe = recipe_of(network, goal, recipes.read_recipe("standard"))
    runs = {"bare pass": keras_pass(network, layer, units), "step": compiled_step(network, goal, recipe)}
    return {"times": in_turn(runs, rounds, time.process_time)}


def in_turn(runs: dict[str, Any], rounds: int, clock: Any) -> dict[str, list[float]]:
    """Return the seconds of each function by its name, called in turn after two calls of each that are not timed."""
    for run in runs.values():
        run()
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(clocked(run, clock))
    return times


def keras_pass(network: Network, layer: str, units: list[int]) -> Any:
    """Return the bare pass of the user's model up to the layer, without any code of dreamfilters."""
    model = keras.Model(network.model.inputs, network.model.get_layer(layer).output)
    images = np.random.default_rng(7).uniform(0, 1, (len(units), *map(int, network.form.size), 3)).astype("float32")
    inputs, chosen = tf.constant(network.form.to_input(images)), tf.constant(units)

    @tf.function(autograph=False, jit_compile=False)
    def run(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            maps = model(x, training=False)
            score = tf.reduce_sum(tf.gather(tf.reduce_mean(maps, axis=(1, 2)), chosen, axis=1, batch_dims=1))
        return tape.gradient(score, x)

    return lambda: np.asarray(run(inputs))


def compiled_step(network: Network, goal: df.Objective, recipe: df.Recipe, **changes: Any) -> Any:
    """Return a function that runs the next step of an ascent."""
    from dataclasses import replace

    recipe = replace(recipe, **changes)
    canvas = canvas_of(network, recipe)
    program = build(network, goal, recipe, canvas)
    seeds = backend.tensor(np.arange(1, len(goal) + 1, dtype="uint64"))
    wanted = keras.tree.map_structure(backend.tensor, goal.wanted)
    held = {"state": program.start(seeds), "number": 0}

    def run() -> None:
        held["state"], _, _ = program.steps(held["state"], seeds, wanted, held["number"], held["number"] + 1)
        held["number"] += 1

    return run


def clocked(run: Any, clock: Any = time.perf_counter) -> float:
    began = clock()
    run()
    return float(clock() - began)


if __name__ == "__main__":
    serve({"dream": dream, "bare": bare, "against_bare": against_bare, "step_ratio": step_ratio})
