"""Programs of several steps and of several devices. XLA offers several devices of a CPU only to a new process."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from dreamfilters import backend

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="is about JAX; Keras runs on another backend")

STATE = {"x": np.array([[1.0], [2.0], [0.5]], "float32"), "alive": np.ones(3, bool)}
SEEDS, WANTED = np.arange(3, dtype="uint64"), np.array([1.0, 10.0, 100.0], "float32")


def doubled(state, seeds, wanted, number):
    """Double x and add the number of the step; a row is alive below 20."""
    x = 2 * state["x"] + ops.cast(number, "float32")
    return {"x": x, "alive": ops.logical_and(state["alive"], x[:, 0] < 20)}, wanted * state["x"][:, 0]


@pytest.mark.parametrize("most", [1, 2, 3, 8])
def test_steps_by_hand(most):
    """From step 2: 1 -> 4 -> 11 -> 26, 2 -> 6 -> 15 -> 34 and .5 -> 3 -> 9 -> 22."""
    with backend.executing(steps=most):
        state, scores, alive = backend.compile_steps(doubled)(STATE, SEEDS, WANTED, 2, 5)
    assert np.asarray(state["x"]).ravel().tolist() == [26.0, 34.0, 22.0]
    assert scores.tolist() == [[1, 20, 50], [4, 60, 300], [11, 150, 900]]
    assert alive.tolist() == [[True] * 3, [True] * 3, [False] * 3]


def test_one_program_takes_any_number_of_steps():
    traced = []

    def step(state, seeds, wanted, number):
        traced.append(number)
        return doubled(state, seeds, wanted, number)

    steps = backend.compile_steps(step)
    with backend.executing(steps=4):
        state, *_ = steps(STATE, SEEDS, WANTED, 0, 3)
        count = len(traced)
        for first, last in ((3, 4), (4, 8), (8, 10)):
            state, scores, _ = steps(state, SEEDS, WANTED, first, last)
            assert len(scores) == last - first
    assert count == len(traced)


def test_steps_read_the_weights_of_now():
    weight = keras.Variable(np.float32(2.0))

    def step(state, seeds, wanted, number):
        return {**state, "x": state["x"] * ops.convert_to_tensor(weight)}, wanted * state["x"][:, 0]

    steps = backend.compile_steps(step)
    with backend.executing(steps=4):
        assert np.asarray(steps(STATE, SEEDS, WANTED, 0, 3)[0]["x"]).ravel().tolist() == [8, 16, 4]
        weight.assign(3.0)
        assert np.asarray(steps(STATE, SEEDS, WANTED, 0, 3)[0]["x"]).ravel().tolist() == [27, 54, 13.5]


def test_products_are_computed_in_float32_on_an_accelerator(monkeypatch):
    """There XLA would multiply with fewer bits by default. What the user sets counts."""
    import jax

    from dreamfilters.backend.jax_programs import products_in_float32

    def precision():
        with products_in_float32():
            found = jax.make_jaxpr(lambda a: a @ a)(np.ones((2, 2), "float32")).eqns[0].params["precision"]
        return None if found is None else found[0].name

    assert precision() is None  # on this CPU
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert precision() == "HIGHEST"
    with jax.default_matmul_precision("default"):
        assert precision() == "DEFAULT"


ON_FOUR = """
import numpy as np
from dreamfilters import Recipe, backend, channel, diversity, dream, load, scan

assert (backend.device().count, backend.execution().devices) == (4, 1)
assert backend.versions()["device"] == "cpu"
with backend.executing(rows=8, devices=4):
    assert backend.versions()["device"] == "4 devices cpu"  # by which the last bits of an image can differ
network, recipe = load("signs"), Recipe(steps=4)

def dreams(goal, **settings):
    with backend.executing(**settings):
        return {one.name: one for one in dream(network, goal, recipe, seed=7)}

for steps in (1, 4):
    # eight images on four devices, in either order, against two at a time on one device
    shared = dreams(channel("conv2", range(8)), steps=steps, rows=8, devices=4)
    turned = dreams(channel("conv2", range(7, -1, -1)), steps=steps, rows=8, devices=4)
    alone = dreams(channel("conv2", range(8)), steps=steps, rows=2)
    for name, one in shared.items():
        assert one.image.tobytes() == turned[name].image.tobytes(), (steps, name)
        assert one.history.tobytes() == turned[name].history.tobytes(), (steps, name)
        np.testing.assert_allclose(one.image, alone[name].image, atol=1e-5)
        np.testing.assert_allclose(one.history, alone[name].history, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose([one.score, one.robust], [alone[name].score, alone[name].robust], rtol=1e-4)

# a group that is scored together stays on one device; over two of them, its score would be another
groups = channel("conv2", [5] * 3) + 50 * diversity("conv2", 3)
together = dream(network, groups, recipe, seed=7, batch=3)
with backend.executing(rows=4, devices=4):
    spread = dream(network, groups, recipe, seed=7)
np.testing.assert_allclose([one.score for one in spread], [one.score for one in together], rtol=1e-4)

# a scan reduces the maps of a third of its images on each of three devices
images = np.random.default_rng(0).random((7, 48, 48, 3), dtype="float32")
with backend.executing(rows=3, devices=3, scanned=6, reduces=True):
    found = scan(network, images, ["conv2"]).layer("conv2")
expected = scan(network, images, ["conv2"]).layer("conv2")
np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-4, atol=1e-6)
np.testing.assert_allclose(found.maximum, expected.maximum, rtol=1e-4, atol=1e-6)

# each device has its part of the images
double = backend.compile_rows(lambda x: x * 2)
with backend.executing(rows=4, devices=4):
    assert len(double(np.ones((4, 2), "float32")).sharding.device_set) == 4
    assert len(double(np.ones((3, 2), "float32")).sharding.device_set) == 1  # cannot be shared equally
    in_pairs = backend.compile_rows(lambda x: x * 2, group=2)
    assert len(in_pairs(np.ones((4, 2), "float32")).sharding.device_set) == 1
    assert len(in_pairs(np.ones((8, 2), "float32")).sharding.device_set) == 4
print("equal")
"""


def test_images_on_several_devices_are_those_of_one():
    environment = {
        **os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ON_FOUR], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout.strip() == "equal", done.stderr[-3000:]
