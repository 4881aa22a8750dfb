import math

import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.objectives import targets
from dreamfilters.dreams.objectives.classes import logit, margin
from dreamfilters.dreams.objectives.features import direction, diversity, match
from dreamfilters.dreams.objectives.objective import VIEWS, join, minimize
from dreamfilters.dreams.objectives.units import channel, layer, neuron
from dreamfilters.errors import TargetError
from dreamfilters.networks import LOGITS


def scores(goal, seen):
    """Score hand-filled activations, {layer: nested lists}."""
    filled = {name: backend.tensor(np.asarray(values, "float32")) for name, values in seen.items()}
    return np.asarray(goal.score(filled, goal.wanted)).tolist()


def map_of(*filters):
    """Return the activation (1, 2, 2, c) of one image from the 2x2 map of each filter."""
    return np.moveaxis(np.asarray(filters, "float32"), 0, -1)[None]


# filter 0 has the mean 2.5 and the maximum 4; filter 1 the mean 0 and the maximum 3
FIRST = map_of([[1, 2], [3, 4]], [[-3, 3], [1, -1]])
SECOND = map_of([[0, 0], [0, 8]], [[5, 5], [5, 5]])
BOTH = np.concatenate([FIRST, SECOND])


def test_channel_is_the_mean_of_its_map():
    assert scores(channel("conv", [0, 1]), {"conv": BOTH}) == [2.5, 5.0]
    assert scores(channel("conv", [1, 0]), {"conv": BOTH}) == [0.0, 2.0]


def test_channel_by_its_maximum():
    goal = channel("conv", [0, 1], reduce="max")
    assert scores(goal, {"conv": BOTH}) == [4.0, 5.0]
    assert goal.names == ("conv:0!max", "conv:1!max")


def test_a_dense_layers_unit_is_one_number():
    assert scores(channel("dense", [2, 0]), {"dense": [[1, 2, 3], [4, 5, 6]]}) == [3.0, 4.0]


def test_channel_of_a_layer_with_one_filter():
    assert scores(channel("conv", [0, 0]), {"conv": BOTH[..., :1]}) == [2.5, 2.0]


def test_neuron_is_one_position_of_a_map():
    goal = neuron("conv", [(0, 1, 0), (1, 0, 1)])  # filter, row, column
    assert scores(goal, {"conv": BOTH}) == [3.0, 5.0]
    assert scores(neuron("conv", [(1, 0, 1), (0, 1, 1)]), {"conv": BOTH}) == [3.0, 8.0]
    assert goal.names == ("conv:0@1,0", "conv:1@0,1")


def test_neuron_of_a_map_that_is_not_square():
    wide = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)  # 5 at row 1, column 2
    assert scores(neuron("conv", [(0, 1, 2)]), {"conv": wide}) == [5.0]
    assert scores(neuron("conv", [(0, 1, 0)]), {"conv": wide}) == [3.0]


def test_logit_is_the_value_before_the_softmax():
    goal = logit([2, 0])
    assert goal.layers == {LOGITS}
    assert scores(goal, {LOGITS: [[1, 2, 7], [4, 5, 6]]}) == [7.0, 4.0]


def test_margin_is_the_class_against_a_soft_maximum_of_the_others():
    logits = [[7.0, 1.0, 3.0]]
    expected = 7 - 2 * math.log(math.exp(1 / 2) + math.exp(3 / 2))  # temperature 2
    assert scores(margin([0], temperature=2.0), {LOGITS: logits}) == pytest.approx([expected], abs=1e-5)
    # at a low temperature, it is the distance to the largest other logit
    assert scores(margin([0], temperature=0.01), {LOGITS: logits}) == pytest.approx([4.0], abs=1e-4)
    assert scores(margin([2], temperature=0.01), {LOGITS: logits}) == pytest.approx([-4.0], abs=1e-4)


def test_layer_is_the_mean_square_of_its_activations():
    # (1 + 4 + 9 + 16 + 9 + 9 + 1 + 1) / 8 = 6.25
    assert scores(layer("conv"), {"conv": FIRST}) == [6.25]


def test_direction_by_dot_is_the_projection_on_the_unit_vector():
    # (3, 4) has the length 5; the projections at each position are (3a + 4b) / 5, of the means (2.5, 0): 1.5
    assert scores(direction("conv", [3, 4]), {"conv": FIRST}) == pytest.approx([1.5])


def test_direction_by_cosine_ignores_the_length():
    activation = np.array([[[[3.0, 4.0], [4.0, -3.0]]]])  # along the vector, and at a right angle to it
    goal = direction("conv", [[3, 4]], similarity="cosine")
    assert scores(goal, {"conv": activation}) == pytest.approx([0.5])
    assert scores(goal, {"conv": 100 * activation}) == pytest.approx([0.5])
    assert scores(goal, {"conv": 0 * activation}) == [0.0]  # activations of 0: finite


def test_direction_in_a_dense_layer_and_one_vector_an_image():
    goal = direction("dense", [[1, 0], [0, 2]])
    assert scores(goal, {"dense": [[5, 6], [7, 8]]}) == [5.0, 8.0]
    assert len(goal) == 2


def test_match_by_distance_is_zero_at_the_target_and_minus_one_at_zero():
    target = np.array([[3.0, 4.0]])
    goal = match("dense", target)
    assert scores(goal, {"dense": target}) == [0.0]
    assert scores(goal, {"dense": [[0, 0]]}) == pytest.approx([-1.0])
    assert scores(goal, {"dense": [[3, 0]]}) == pytest.approx([-16 / 25])


def test_match_by_dot_is_the_projection_times_the_cosine():
    goal = match("dense", [[3.0, 4.0]], how="dot")
    assert scores(goal, {"dense": [[3, 4]]}) == pytest.approx([1.0])
    assert scores(goal, {"dense": [[6, 8]]}) == pytest.approx([2.0])  # a caricature: stronger is better
    # (5, 0): projection 15 / 25, cosine 15 / (5 * 5)
    assert scores(goal, {"dense": [[5, 0]]}) == pytest.approx([0.6 * 0.6])
    # the cosine is at least .1, so that orthogonal activations have a gradient
    assert scores(goal, {"dense": [[-3, -4]]}) == pytest.approx([-0.1])


def test_match_of_maps_counts_every_position():
    goal = match("conv", FIRST)
    off_by_one = FIRST + np.eye(2)[0]  # filter 0 is 1 too high at each of 4 positions
    assert scores(goal, {"conv": off_by_one}) == pytest.approx([-4 / 50])  # 1 + 4 + 9 + 16 + 9 + 9 + 1 + 1 = 50


def test_diversity_is_minus_the_cosine_of_the_styles():
    # one position each: the Gram matrices of (1, 0), (0, 1) and (1, 1) / sqrt 2 have cosines 0, 1/2, 1/2
    root = math.sqrt(0.5)
    seen = np.array([[1, 0], [0, 1], [root, root]]).reshape(3, 1, 1, 2)
    assert scores(diversity("conv", 3), {"conv": seen}) == pytest.approx([-0.25, -0.25, -0.5])
    # the length does not change the style
    assert scores(diversity("conv", 3), {"conv": seen * [[[[9]]], [[[1]]], [[[2]]]]}) == pytest.approx(
        [-0.25, -0.25, -0.5]
    )


def test_diversity_of_equal_images_is_minus_one():
    assert scores(diversity("conv", 2), {"conv": np.concatenate([FIRST, FIRST])}) == pytest.approx([-1, -1])


def test_diversity_between_the_views_of_two_images():
    """Views of one image are not compared with each other, only with those of the other image."""
    goal = diversity("conv", 2)
    seen = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], "float32").reshape(4, 1, 1, 2)  # 2 images x 2 views
    result = goal.score({"conv": backend.tensor(seen), VIEWS: 2}, backend.tensor(np.repeat(goal.wanted, 2)))
    assert np.asarray(result) == pytest.approx([-1, 0, -0.5, -0.5])


def test_diversity_of_joined_groups_compares_within_each():
    goal = join(diversity("conv", 2), diversity("conv", 2))
    assert len(goal) == 4
    assert goal.group == 2
    seen = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], "float32").reshape(4, 1, 1, 2)
    assert scores(goal, {"conv": seen}) == pytest.approx([-1, -1, 0, 0])


def test_sums_differences_and_multiples_score_as_written():
    a, b = channel("conv", [0, 1]), neuron("conv", [(1, 0, 1), (0, 1, 1)])  # 2.5, 5.0 and 3.0, 8.0
    seen = {"conv": BOTH}
    assert scores(a + b, seen) == [5.5, 13.0]
    assert scores(a - b, seen) == [-0.5, -3.0]
    assert scores(b - a, seen) == [0.5, 3.0]
    assert scores(2 * a, seen) == scores(a * 2, seen) == [5.0, 10.0]
    assert scores(-a, seen) == scores(minimize(a), seen) == [-2.5, -5.0]
    assert scores(a - 0.5 * (a + b), seen) == [2.5 - 2.75, 5.0 - 6.5]
    assert scores(-(a - b) * 3 - a, seen) == [1.5 - 2.5, 9.0 - 5.0]


def test_names_contain_brackets_where_they_change_the_meaning():
    a, b, c = channel("a", [0]), channel("b", [1]), channel("c", [2])
    assert (a - 0.5 * b).names == ("a:0 - 0.5*b:1",)
    assert (a - (b - c)).names == ("a:0 - (b:1 - c:2)",)
    assert (a - b - c).names == ("a:0 - b:1 - c:2",)
    assert (a + (b - c)).names == ("a:0 + b:1 - c:2",)
    assert (2 * (a + b)).names == ("2*(a:0 + b:1)",)
    assert (-(a + b)).names == ("-(a:0 + b:1)",)
    assert (3 * (2 * a)).names == ("3*2*a:0",)
    assert minimize(-a).names == ("--a:0",)
    assert (-2 * a).names == ("-2*a:0",)
    assert (a - -b).names == ("a:0 - -b:1",)


def test_weights_are_named_to_the_last_bit():
    goal = channel("a", [0])
    assert (0.123456789 * goal).names == ("0.12345679*a:0",)  # float32
    assert (1e-6 * goal).names == ("0.000001*a:0",)
    assert (3e7 * goal).names == ("30000000*a:0",)


def test_names_of_layers_are_quoted_where_they_would_not_parse():
    assert channel("shared#0", [3]).names == ("shared#0:3",)
    assert channel("conv 1", [3], reduce="max").names == ('"conv 1":3!max',)
    assert neuron("block-1", [(0, 1, 2)]).names == ('"block-1":0@1,2',)
    assert layer("class").names == ('layer:"class"',)
    assert channel("backbone/conv1", [0]).names == ("backbone/conv1:0",)
    assert channel('5" conv', [0]).names == ("'5\" conv':0",)


def test_a_single_image_is_combined_with_each_of_many():
    many, one = channel("conv", [0, 1]), channel("conv", [1])
    assert scores(many - one, {"conv": BOTH}) == [2.5 - 0.0, 5.0 - 5.0]
    assert scores(one - many, {"conv": BOTH}) == [0.0 - 2.5, 0.0]
    assert (one - many).names == ("conv:1 - conv:0", "conv:1 - conv:1")


def test_three_images_are_not_combined_with_two():
    with pytest.raises(TargetError, match="objectives of 3 and 2 images cannot be combined"):
        channel("conv", range(3)) + channel("conv", range(2))


def test_an_objective_is_not_added_to_a_number():
    with pytest.raises(TypeError):
        channel("conv", [0]) + 1


def test_operands_never_change():
    a, b = channel("conv", [0, 1]), channel("conv", [1])
    before = (a.names, a.wanted.tolist(), a.kind, scores(a, {"conv": BOTH}), b.names, b.wanted.tolist())
    _ = (a + b, a - b, 3 * a, -a, a[1:], join(a, b), a * 0, minimize(b))
    assert (a.names, a.wanted.tolist(), a.kind, scores(a, {"conv": BOTH}), b.names, b.wanted.tolist()) == before
    with pytest.raises(AttributeError):
        a.names = ()  # type: ignore[misc]


def test_some_of_the_images():
    goal = channel("conv", [5, 6, 7]) - 2 * neuron("conv", [(1, 2, 3)])
    assert goal[1:].names == ("conv:6 - 2*conv:1@2,3", "conv:7 - 2*conv:1@2,3")
    assert goal[[2, 0, 2]].names == tuple(f"conv:{k} - 2*conv:1@2,3" for k in (7, 5, 7))
    assert goal[[2, 0]].wanted[0].tolist() == [7, 5]
    assert goal[-1:].names == goal[[2]].names
    assert len(goal[:2]) == 2


def test_goals_of_a_kind_are_joined():
    joined = join(channel("conv", [0]), channel("conv", [1]))
    assert joined.names == ("conv:0", "conv:1")
    assert scores(joined, {"conv": BOTH}) == [2.5, 5.0]
    assert joined.reach == (("conv", (0,)), ("conv", (1,)))
    with pytest.raises(TargetError, match="different kinds"):
        join(channel("conv", [0]), channel("other", [0]))
    weighted = join(2 * channel("conv", [0]), 3 * channel("conv", [1]))  # weights are rows and do not change the kind
    assert scores(weighted, {"conv": BOTH}) == [5.0, 15.0]


def test_different_functions_have_different_kinds():
    kinds = [
        channel("a", [0]),
        channel("b", [0]),
        channel("a", [0], reduce="max"),
        neuron("a", [(0, 0, 0)]),
        logit([0]),
        margin([0]),
        margin([0], temperature=1.0),
        layer("a"),
        direction("a", [1]),
        direction("a", [1], similarity="cosine"),
        match("a", np.ones((1, 2))),
        match("a", np.ones((1, 2)), how="dot"),
        diversity("a", 2),
        diversity("a", 3),
        channel("a", [0]) + channel("b", [0]),
        channel("a", [0]) - channel("b", [0]),
        2 * channel("a", [0]),
    ]
    assert len({goal.kind for goal in kinds}) == len(kinds)
    assert channel("a", [3]).kind == channel("a", [4]).kind
    assert (2 * channel("a", [3])).kind == (5 * channel("a", [4])).kind


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: channel("conv", []), "no channel: give at least one"),
        (lambda: channel("conv", [-1]), "channel -1: numbers start at 0"),
        (lambda: channel("conv", [0], reduce="sum"), "reduce='sum'"),
        (lambda: neuron("conv", [(0, -2, 0)]), "neuron -2"),
        (lambda: neuron("conv", [(0, 10**20, 0)]), "neuron 100000000000000000000: at most 2147483647"),
        (lambda: neuron("conv", []), "no neuron: give at least one"),
        (lambda: neuron("conv", [(0, 1), (0, 1, 2)]), "give \\(channel, row, column\\) each"),
        (lambda: logit([-3]), "class -3"),
        (lambda: margin([]), "no class: give at least one"),
        (lambda: direction("conv", [0, 0]), "not zero"),
        (lambda: direction("conv", [1, np.nan]), "finite"),
        (lambda: direction("conv", np.ones((2, 2, 2))), "vectors are"),
        (lambda: direction("conv", [1], similarity="angle"), "similarity='angle'"),
        (lambda: match("conv", np.ones((1, 2)), how="copy"), "how='copy'"),
        (lambda: diversity("conv", 1), "facets=1"),
    ],
)
def test_invalid_arguments_are_refused_in_one_line(make, message):
    with pytest.raises(TargetError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


# Every objective on the tiny network: its score rises in 3 steps, and its names parse again.
GOALS = {
    "channel": lambda: channel("conv2", [0, 3, 5]),
    "channel by maximum": lambda: channel("conv2", [0, 3, 5], reduce="max"),
    "neuron": lambda: neuron("conv1", [(1, 3, 4), (3, 15, 1)]),
    "dense unit": lambda: channel("classes", [1]),
    "logit": lambda: logit([0, 1, 2]),
    "margin": lambda: margin([0, 1, 2]),
    "layer": lambda: layer("conv2"),
    "direction": lambda: direction("conv2", np.eye(8)[:2] - 0.5),
    "direction by cosine": lambda: direction("conv2", np.arange(8), similarity="cosine"),
    "match": lambda: match("conv2", np.random.default_rng(0).uniform(0, 2, (2, 6, 6, 8))),
    "match by dot": lambda: match("conv2", np.random.default_rng(0).uniform(0, 2, (1, 6, 6, 8)), how="dot"),
    "diversity": lambda: channel("conv2", [3]) + 0.5 * diversity("conv2", 3),
    "minimize": lambda: minimize(channel("conv2", [3])),
    "sum": lambda: channel("conv2", [0, 1]) + 0.5 * channel("conv1", [2]),
    "difference": lambda: channel("conv2", [0]) - 0.5 * channel("conv2", [3]),
    "difference of a sum": lambda: logit([1]) - 0.25 * (channel("conv2", [3]) + neuron("conv1", [(2, 1, 1)])),
}
IN_WORDS = set(GOALS) - {"direction", "direction by cosine", "match", "match by dot", "diversity"}


@pytest.mark.parametrize("name", GOALS)
def test_every_goal_rises_in_three_steps(name, network):
    goal = GOALS[name]()
    watch = network.watch(goal.layers)

    def total(numbers):
        seen = goal.score(watch(network.to_input(numbers["image"])), goal.wanted)
        return ops.sum(seen), seen

    climb = backend.compile(backend.value_and_gradient(total))
    numbers = {"image": backend.uniform(np.arange(len(goal), dtype="uint64"), (16, 16, 3))}
    seen = []
    for _ in range(4):
        (_, now), gradient = climb(numbers)
        seen.append(np.asarray(now))
        slope = np.asarray(gradient["image"])
        numbers = {"image": numbers["image"] + 0.02 * slope / np.sqrt(np.mean(slope**2, axis=(1, 2, 3), keepdims=True))}
    assert np.all(seen[3] > seen[0]), seen
    assert np.all(np.isfinite(seen))


@pytest.mark.parametrize("name", sorted(IN_WORDS))
def test_the_names_of_a_goal_parse_again(name, network):
    goal = GOALS[name]()
    for row, text in enumerate(goal.names):
        again = targets.parse(network, text, class_score="margin" if name == "margin" else "logit")
        assert len(again) == 1
        seen = network.watch(goal.layers)(np.random.default_rng(1).uniform(0, 1, (1, 16, 16, 3)).astype("float32"))
        one = goal[[row]]
        assert np.asarray(again.score(seen, again.wanted)) == pytest.approx(
            np.asarray(one.score(seen, one.wanted)), rel=1e-5
        )


def test_the_classes_of_a_goal_follow_its_images():
    goal, own = logit([4, 5, 6]), ((4,), (5,), (6,))
    assert (goal[[2, 0]].classes, goal[1:].classes, (2 * goal).classes) == (((6,), (4,)), ((5,), (6,)), own)
    assert (goal - 0.5 * channel("conv", [1])).classes == own
    assert join(logit([1]), logit([2])).classes == ((1,), (2,))
    assert (-goal).classes == (goal - logit([7])).classes == channel("conv", [1]).classes == ()
