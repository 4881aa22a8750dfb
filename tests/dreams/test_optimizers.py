import math

import keras
import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.dreams.optimizers import (
    Adam,
    Momentum,
    Nadam,
    Normalized,
    RMSprop,
    Sign,
    schedule_factor,
)
from dreamfilters.errors import RecipeError

FIRST, SECOND = np.array([[3.0, -0.5, 0.0]]), np.array([[-1.0, 2.0, 0.25]])


def moves(optimizer, *gradients):
    """Return the successive steps of {'a': (1, 3)}."""
    state = optimizer.start({"a": backend.tensor(np.zeros((1, 3), "float32"))})
    factor = []
    for number, gradient in enumerate(gradients):
        move, state = optimizer.move(
            {"a": backend.tensor(gradient.astype("float32"))}, state, backend.tensor(np.int32(number))
        )
        factor.append(np.asarray(move["a"]))
    return factor


def test_adam_by_hand():
    first, second = moves(Adam(beta1=0.9, beta2=0.99), FIRST, SECOND)
    assert first == pytest.approx(np.sign(FIRST), abs=1e-5)  # m / 1-b1 = g, the root of v / 1-b2 = |g|
    m = 0.9 * 0.1 * FIRST + 0.1 * SECOND
    v = 0.99 * 0.01 * FIRST**2 + 0.01 * SECOND**2
    assert second == pytest.approx((m / (1 - 0.81)) / np.sqrt(v / (1 - 0.9801)), rel=1e-4)


def test_nadam_by_hand():
    first, second = moves(Nadam(beta1=0.9, beta2=0.99), FIRST, SECOND)
    m, v = 0.1 * FIRST, 0.01 * FIRST**2
    ahead = 0.9 * m / (1 - 0.9**2) + 0.1 * FIRST / (1 - 0.9)
    assert first == pytest.approx(np.nan_to_num(ahead / np.sqrt(np.maximum(v / 0.01, 1e-30))), rel=1e-4)
    m, v = 0.9 * m + 0.1 * SECOND, 0.99 * v + 0.01 * SECOND**2
    ahead = 0.9 * m / (1 - 0.9**3) + 0.1 * SECOND / (1 - 0.9**2)
    assert second == pytest.approx(ahead / np.sqrt(v / (1 - 0.99**2)), rel=1e-4)


def test_rmsprop_by_hand():
    first, second = moves(RMSprop(rho=0.75), FIRST, SECOND)
    assert first == pytest.approx(np.sign(FIRST) / math.sqrt(0.25), rel=1e-5)
    assert second == pytest.approx(SECOND / np.sqrt(0.75 * 0.25 * FIRST**2 + 0.25 * SECOND**2), rel=1e-5)


def test_momentum_by_hand():
    first, second = moves(Momentum(momentum=0.5), FIRST, SECOND)
    assert first == pytest.approx(FIRST)
    assert second == pytest.approx(0.5 * FIRST + SECOND)


def test_sign_by_hand():
    first, second = moves(Sign(), FIRST, SECOND)
    assert first.tolist() == [[1, -1, 0]]
    assert second.tolist() == [[-1, 1, 1]]


def test_normalized_by_hand():
    gradient = np.array([[3.0, -4.0, 0.0]])
    assert moves(Normalized(), gradient)[0] == pytest.approx(gradient / math.sqrt(25 / 3), rel=1e-6)
    assert moves(Normalized(norm="l1"), gradient)[0] == pytest.approx(gradient / (7 / 3), rel=1e-6)


def test_each_image_is_normalized_by_its_own_norm():
    state = Normalized().start({})
    gradient = backend.tensor(np.array([[1.0, 1.0], [50.0, -50.0]], "float32"))
    assert np.asarray(Normalized().move({"a": gradient}, state, 0)[0]["a"]) == pytest.approx(
        np.array([[1, 1], [1, -1]])
    )


EVERY = [Adam(), Nadam(), RMSprop(), Momentum(), Sign(), Normalized(), Normalized(norm="l1")]


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda o: type(o).__name__)
def test_a_zero_gradient_gives_no_step(optimizer):
    for move in moves(optimizer, 0 * FIRST, 0 * FIRST):
        assert np.array_equal(move, np.zeros((1, 3)))


@pytest.mark.parametrize("optimizer", EVERY, ids=lambda o: type(o).__name__)
def test_every_optimizer_ascends(optimizer):
    top = np.array([[1.0, -2.0, 0.5]], "float32")
    place = np.zeros((1, 3), "float32")
    state = optimizer.start({"a": backend.tensor(place)})
    for number in range(40):
        move, state = optimizer.move({"a": backend.tensor(2 * (top - place))}, state, backend.tensor(np.int32(number)))
        place = place + 0.05 * np.asarray(move["a"]) * (1 - number / 40)
    assert np.abs(place - top).max() < np.abs(top).max() * 0.6


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Adam(rate=0.1, beta2=0.99), lambda: keras.optimizers.Adam(0.1, beta_1=0.9, beta_2=0.99, epsilon=1e-8)),
        (RMSprop(rate=0.1, rho=0.9), lambda: keras.optimizers.RMSprop(0.1, rho=0.9, epsilon=1e-16)),
    ],
)
def test_ten_steps_are_those_of_keras(ours, theirs):
    gradients = np.random.default_rng(0).normal(size=(10, 1, 3)).astype("float32")
    variable, optimizer = keras.Variable(np.zeros((1, 3), "float32")), theirs()
    for gradient in gradients:
        optimizer.apply([backend.tensor(-gradient)], [variable])  # Keras descends
    place = ours.rate * np.sum(moves(ours, *gradients), axis=0)
    assert place == pytest.approx(np.asarray(backend.tensor(variable)), abs=1e-4)


def factors(schedule, steps):
    return [float(schedule_factor(schedule, backend.tensor(np.int32(k)), steps)) for k in range(steps)]


def test_schedules_by_hand():
    assert factors("constant", 4) == [1, 1, 1, 1]
    assert factors("linear", 4) == pytest.approx([1, 0.75, 0.5, 0.25])
    assert factors("cosine", 4) == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2])


def test_warm_cosine_rises_for_a_tenth_and_falls_to_zero():
    factor = factors("warm-cosine", 100)
    assert factor[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert factor[10] == pytest.approx(1)
    assert factor[55] == pytest.approx(0.5)  # the middle of the rest
    assert np.all(np.diff(factor[10:]) < 0)
    assert factor[-1] < 0.001


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "warm-cosine"])
def test_a_single_step_is_taken(schedule):
    assert factors(schedule, 1) == pytest.approx([1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(rate=0.0), "rate=0.0: must be above 0"),
        (lambda: Adam(beta1=1.0), "beta1=1.0: from 0 up to, not including, 1"),
        (lambda: Nadam(beta2=-0.1), "beta2=-0.1"),
        (lambda: RMSprop(rho=2.0), "rho=2.0"),
        (lambda: Momentum(momentum=1.0), "momentum=1.0"),
        (lambda: Sign(rate=-1.0), "rate=-1.0"),
        (lambda: Normalized(norm="l3"), "norm='l3': 'l1' or 'l2'"),
        (lambda: Normalized(rate=float("nan")), "rate=nan"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(RecipeError, match=message):
        make()
