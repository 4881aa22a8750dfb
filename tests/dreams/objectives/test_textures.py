import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.dreams.ascent.canvas_watch import layer_activations
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.textures import gram, gram_matrices
from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError


def test_a_gram_matrix_by_hand():
    # two positions of two units: (1, 2) and (3, 4)
    assert gram_matrices([[[1.0, 2.0], [3.0, 4.0]]]).tolist() == [[[5.0, 7.0], [7.0, 10.0]]]


def test_it_does_not_depend_on_where_units_respond():
    rng = np.random.default_rng(0)
    maps = rng.uniform(0, 1, (1, 4, 6, 3)).astype("float32")
    shuffled = rng.permutation(maps.reshape(1, 24, 3), axis=1).reshape(1, 6, 4, 3)
    assert gram_matrices(shuffled) == pytest.approx(gram_matrices(maps), rel=1e-5)


def test_the_score_by_hand():
    goal = gram({"a": [[[1.0]]], "b": [[[2.0, 0.0], [0.0, 0.0]]]})
    seen = {"a": backend.tensor([[[[2.0]]]]), "b": backend.tensor([[[[0.0, 0.0]]]])}
    # layer a: (4 - 1)^2 / 1 = 9; layer b, silent: 1; their mean
    assert np.asarray(goal.score(seen, goal.wanted)) == pytest.approx([-5.0])


def test_the_texture_of_an_image_itself_is_a_perfect_match(network, scene):
    image = scene(seed=3)[None]
    seen = layer_activations(network, ["conv1", "conv2"], image)
    goal = gram({layer: gram_matrices(values) for layer, values in seen.items()})
    recipe = Recipe(Pixels(), transforms=(), optimizer=Adam(0.05), steps=40)
    assert dream(network, goal, recipe, start=image[0])[0].start == pytest.approx(0, abs=1e-4)
    made = dream(network, goal, recipe, seed=1)[0]
    assert made.start < -0.1
    assert made.score > 0.2 * made.start  # four fifths of the distance are gone
    twice = dream(
        network, gram({layer: np.repeat(gram_matrices(v), 3, 0) for layer, v in seen.items()})[[0]], recipe, seed=1
    )
    assert twice[0].image.tobytes() == made.image.tobytes()  # alone and from a longer objective


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ({}, "at least one layer"),
        ({"a": np.ones((1, 2, 3))}, "gram of a: matrices"),
        ({"a": np.ones((1, 2, 2)), "b": np.ones((2, 2, 2))}, "equally many"),
        ({"a": np.zeros((1, 2, 2))}, "silent on the image"),
    ],
)
def test_bad_matrices_are_refused(matrices, message):
    with pytest.raises(TargetError, match=message):
        gram(matrices)


def test_vectors_have_no_gram_matrix():
    with pytest.raises(TargetError, match="no positions"):
        gram_matrices(np.ones((2, 5)))
