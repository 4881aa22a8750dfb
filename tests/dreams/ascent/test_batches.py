import keras
import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.dreams.ascent import batches
from dreamfilters.dreams.ascent.batches import batch_size, image_bytes
from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.features import diversity
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.parameterizations import Fourier
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import Views
from dreamfilters.errors import RecipeError
from dreamfilters.networks import InputForm, Network
from tests.batch_independence import any_batch_size

RECIPE = Recipe()


def size(network, goal, batch=None, recipe=RECIPE):
    return batch_size(network, goal, canvas_of(network, recipe), recipe, batch)


def test_the_memory_of_an_image_is_that_of_its_layers(network):
    canvas = canvas_of(network, RECIPE)
    conv1 = 16 * 16 * 8 * 4  # numbers of 4 bytes
    up_to_conv2 = conv1 + 8 * 8 * 8 * 4 + 6 * 6 * 8 * 4
    assert image_bytes(network, channel("conv1", [0]), canvas) == conv1
    assert image_bytes(network, channel("conv2", [0]), canvas) == up_to_conv2
    assert image_bytes(network, logit([0]), canvas) == up_to_conv2 + (288 + 3) * 4


def test_maps_grow_with_the_canvas(network):
    larger = canvas_of(network, Recipe(Fourier(32)))
    assert image_bytes(network, channel("conv1", [0]), larger) == 4 * 16 * 16 * 8 * 4


@any_batch_size
def test_no_batch_is_larger_than_the_goal_or_64(network):
    assert size(network, channel("conv2", range(8))) == 8
    assert size(network, channel("conv2", [0])) == 1
    assert size(network, channel("conv1", [0] * 500)) in (32, 64)  # the trial decides


def free(monkeypatch, *, bytes_):
    monkeypatch.setattr(batches, "available_bytes", lambda: bytes_)


@any_batch_size
def test_half_of_the_free_memory_limits_the_batch(network, monkeypatch):
    goal, short = channel("conv1", [0] * 30), Recipe(steps=1)  # too few steps for a trial
    free(monkeypatch, bytes_=2 * 10 * 16 * 16 * 8 * 4)
    assert size(network, goal, recipe=short) == 10
    assert size(network, goal, recipe=Recipe(transforms=(Views(2),), steps=1)) == 5
    assert size(network, goal) in (5, 10)  # the trial decides, for large networks too
    free(monkeypatch, bytes_=1)
    assert size(network, goal) == 1  # one image at least
    free(monkeypatch, bytes_=None)
    assert size(network, goal) == 30


def test_a_group_stays_together(network, monkeypatch):
    goal = channel("conv1", [0] * 9) + channel("conv1", [1])
    grouped = channel("conv1", [0] * 3) + diversity("conv1", 3)
    assert size(network, grouped) == 3
    assert size(network, grouped, batch=5) == 3
    assert size(network, goal, batch=5) == 5
    free(monkeypatch, bytes_=1)
    assert size(network, grouped) == 3


def test_requested_batches(network):
    goal = channel("conv1", range(8))
    assert [size(network, goal, batch=batch) for batch in (1, 3, 100)] == [1, 3, 100]
    for batch in (0, -1):
        with pytest.raises(RecipeError, match=f"batch={batch}: at least 1"):
            size(network, goal, batch=batch)
    with pytest.raises(RecipeError, match="batch=1: at least 3"):
        size(network, channel("conv1", [0] * 3) + diversity("conv1", 3), batch=1)


@any_batch_size
def test_the_trial_chooses_the_size_with_the_most_images_per_second(network, monkeypatch):
    clock = iter(np.cumsum([0.0, 6.4, 0.0, 1.6]).tolist())  # 64 images in 6.4 s, 32 in 1.6 s
    monkeypatch.setattr(batches.time, "perf_counter", lambda: next(clock))
    assert size(network, channel("conv1", [0] * 500)) == 32


def test_all_batches_have_one_size_where_bytes_depend_on_it(network, monkeypatch):
    monkeypatch.setattr(backend, "ONE_SHAPE", True)
    with backend.executing(rows=8):
        check_one_size(network, monkeypatch)


def check_one_size(network, monkeypatch):
    assert [size(network, channel("conv1", [0] * count)) for count in (1, 9, 500)] == [8, 8, 8]
    grouped = channel("conv1", [0] * 3) + diversity("conv1", 3)
    assert size(network, grouped) == 6
    assert size(network, grouped, batch=4) == 3
    free(monkeypatch, bytes_=2 * 5 * 16 * 16 * 8 * 4)  # half of it is enough for 5 images
    assert size(network, channel("conv1", [0])) == 4  # half of 8
    free(monkeypatch, bytes_=1)
    assert size(network, channel("conv1", [0])) == 1
    monkeypatch.setattr(backend, "device", lambda: backend.Device("gpu", "H", 1, 10**12))  # that of the device counts
    assert size(network, channel("conv1", [0])) == 8


def test_the_units_of_a_layer_are_divided_into_equal_batches(fill, monkeypatch):
    model = keras.Sequential([keras.layers.Input((8, 8, 3))])
    for units in (3, 64, 384, 1000):
        model.add(keras.layers.Conv2D(units, 1, name=f"conv{units}"))
    network = Network(model, InputForm.from_range(0, 1, size=(8, 8)))
    monkeypatch.setattr(backend, "ONE_SHAPE", True)
    free(monkeypatch, bytes_=10**12)

    def sizes():
        return [size(network, channel(f"conv{units}", [0])) for units in (3, 64, 384, 1000)]

    with backend.executing(rows=256):
        assert sizes() == [8, 64, 192, 256]  # 1000 are four of 250, in whole eights
    with backend.executing(rows=4):
        assert sizes() == [4, 4, 4, 4]
