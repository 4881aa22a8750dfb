import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.classes import margin
from dreamfilters.dreams.optimizers import Adam, Normalized, Sign
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.perturbation import Perturbation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import RecipeError

ON = Canvas(2, 2, priors.neutral(1))


def stepped(parameterization, given, move):
    """The image after one step from a given image."""
    params = parameterization.fit(np.asarray(given, "float32").reshape(1, 2, 2, 1), ON)
    moves = {"given": np.ones((1, 2, 2, 1), "float32"), "change": np.asarray(move, "float32").reshape(1, 2, 2, 1)}
    after = parameterization.moved(params, moves, ON, np.zeros(1, "uint64"), backend.tensor(0), 1)
    return np.asarray(parameterization.to_image(after, ON)).ravel()


def test_the_largest_change_is_bounded_and_the_image_stays_in_range():
    image = stepped(Perturbation(norm="linf", radius=0.1), [0.5, 0.5, 0.05, 0.95], [0.02, -3, -3, 3])
    assert image == pytest.approx([0.52, 0.4, 0.0, 1.0])


def test_the_root_mean_square_is_bounded():
    # changes of rms 0.2 become half as large; the last one is cut at white
    image = stepped(Perturbation(norm="l2", radius=0.1), [0.5, 0.5, 0.5, 0.95], [0.2, -0.2, 0.2, 0.2])
    assert image == pytest.approx([0.6, 0.4, 0.6, 1.0])
    assert stepped(Perturbation(norm="l2", radius=0.1), [0.5] * 4, [0.05, 0, 0, 0])[0] == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("norm", "optimizer"),
    [("linf", Sign(0.02)), ("l2", Normalized(0.02)), ("linf", Adam(0.02))],
    ids=["sign", "l2", "adam"],
)
def test_an_ascent_raises_the_class_within_the_ball(network, scene, norm, optimizer):
    given = scene(seed=5)
    recipe = Recipe(Perturbation(norm=norm, radius=0.05), transforms=(), optimizer=optimizer, steps=12)
    made = dream(network, margin([1]), recipe, start=given)[0]
    change = made.image - given
    size = np.abs(change).max() if norm == "linf" else np.sqrt(np.mean(change**2))
    assert 0.01 < size <= 0.05 + 1e-6
    assert made.score > made.start
    assert made.recovered_by == ""
    assert made.image.min() >= 0
    assert made.image.max() <= 1


def test_without_an_image_it_perturbs_noise(network):
    recipe = Recipe(Perturbation(radius=0.01), transforms=(), optimizer=Sign(0.01), steps=2)
    one, other = (dream(network, margin([1]), recipe, seed=seed)[0].image for seed in (0, 1))
    assert np.std(one) == pytest.approx(12**-0.5, abs=0.02)  # of a uniform distribution
    assert np.abs(one - other).mean() > 0.2


def test_a_radius_out_of_range_is_refused():
    with pytest.raises(RecipeError, match="radius=0: above 0"):
        Perturbation(radius=0)
    with pytest.raises(RecipeError, match="norm='l1': 'linf' or 'l2'"):
        Perturbation(norm="l1")
