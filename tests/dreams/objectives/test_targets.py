import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from keras import layers

from dreamfilters.dreams.objectives import targets
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals, parse
from dreamfilters.errors import DreamfiltersError, TargetError, UnknownNameError
from dreamfilters.networks import LOGITS, InputForm, Network, load


@pytest.fixture(scope="module")
def deep(fill):
    """A network with 4 filters in conv4, 50 in conv6 and 43 classes, some with unusual names."""
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv4"),
            layers.Conv2D(50, 3, activation="relu", name="conv6"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(43, activation="softmax", name="classes"),
        ],
        name="deep",
    )
    names = [f"sign {k}" for k in range(43)]
    names[1], names[13], names[14], names[15] = "30", "Vorfahrt achten", "STOP", "Verbot für Fahrzeuge"
    names[20], names[21], names[22], names[23], names[24] = "1,2", "-", "*", "say 'a' \"b\"", "sign 19"
    return Network(fill(model), InputForm.from_range(0, 1, size=(16, 16)), tuple(names), name="deep")


def many(layer, count):
    return tuple(f"{layer}:{k}" for k in range(count))


# text, names, layers
TABLE = [
    ("conv6:12", ("conv6:12",), {"conv6"}),
    ("conv6:0-15,42", (*many("conv6", 16), "conv6:42"), {"conv6"}),
    ("conv6", many("conv6", 50), {"conv6"}),
    ("conv6:*", many("conv6", 50), {"conv6"}),
    ("conv6:12@3,4", ("conv6:12@3,4",), {"conv6"}),
    ("class:STOP", ("class:STOP",), {LOGITS}),
    ("class:14", ("class:STOP",), {LOGITS}),
    ("class:0-1", ('class:"sign 0"', "class:30"), {LOGITS}),
    ("layer:conv4", ("layer:conv4",), {"conv4"}),
    ("conv6:12 - 0.5*conv6:3", ("conv6:12 - 0.5*conv6:3",), {"conv6"}),
    # signs, brackets, spaces
    ("-conv6:3", ("-conv6:3",), {"conv6"}),
    ("- conv6:3", ("-conv6:3",), {"conv6"}),
    ("--conv6:3", ("--conv6:3",), {"conv6"}),
    ("-2*conv6:3", ("-2*conv6:3",), {"conv6"}),
    ("-.5*conv6:3", ("-0.5*conv6:3",), {"conv6"}),
    ("1e-3 * conv6:3", ("0.001*conv6:3",), {"conv6"}),
    ("2*3*conv6:3", ("2*3*conv6:3",), {"conv6"}),
    ("  conv6:12  +  conv4:1 ", ("conv6:12 + conv4:1",), {"conv6", "conv4"}),
    ("conv6:12+conv4:1", ("conv6:12 + conv4:1",), {"conv6", "conv4"}),
    ("conv6:12 -0.5*conv4:1", ("conv6:12 - 0.5*conv4:1",), {"conv6", "conv4"}),
    ("conv6:1 - (conv6:2 - conv4:3)", ("conv6:1 - (conv6:2 - conv4:3)",), {"conv6", "conv4"}),
    ("(conv6:1 - conv6:2) - conv4:3", ("conv6:1 - conv6:2 - conv4:3",), {"conv6", "conv4"}),
    ("2*(conv6:1 + conv4:0)", ("2*(conv6:1 + conv4:0)",), {"conv6", "conv4"}),
    ("((conv6:1))", ("conv6:1",), {"conv6"}),
    ("class:STOP - 0.1*layer:conv4", ("class:STOP - 0.1*layer:conv4",), {LOGITS, "conv4"}),
    ("conv4 - conv6:7", tuple(f"conv4:{k} - conv6:7" for k in range(4)), {"conv4", "conv6"}),
    ("conv6:0,1 - conv4:2-3", ("conv6:0 - conv4:2", "conv6:1 - conv4:3"), {"conv4", "conv6"}),
    # reducers
    ("conv6:3!max", ("conv6:3!max",), {"conv6"}),
    ("conv6:3!mean", ("conv6:3",), {"conv6"}),
    ("conv4:*!max", tuple(f"conv4:{k}!max" for k in range(4)), {"conv4"}),
    # dense layers and quotes
    ("classes:7", ("classes:7",), {"classes"}),
    ('"conv6":3', ("conv6:3",), {"conv6"}),
    ("layer:'conv4'", ("layer:conv4",), {"conv4"}),
    ('-"conv6":3', ("-conv6:3",), {"conv6"}),
    # names of classes
    ('class:"Vorfahrt achten"', ('class:"Vorfahrt achten"',), {LOGITS}),
    ("class:'vorfahrt ACHTEN'", ('class:"Vorfahrt achten"',), {LOGITS}),
    ('"class":3', None, None),  # there is no layer called class
    ("class:stop", ("class:STOP",), {LOGITS}),
    ('class:"Verbot für Fahrzeuge"', ('class:"Verbot für Fahrzeuge"',), {LOGITS}),
    ("class:30", ("class:30",), {LOGITS}),  # the class called 30, number 1
    ('class:"1,2"', ('class:"1,2"',), {LOGITS}),
    ("class:1,2", ('class:"1,2"',), {LOGITS}),  # a name wins over a list of numbers
    ('class:"-"', ('class:"-"',), {LOGITS}),
    ('class:"*"', ('class:"*"',), {LOGITS}),
    ("class:23", ("class:23",), {LOGITS}),  # its name contains both quotes
    ("class:24", ("class:24",), {LOGITS}),  # another class has the same name
]


@pytest.mark.parametrize(("text", "names", "watched"), TABLE)
def test_the_grammar(text, names, watched, deep):
    if names is None:
        with pytest.raises(UnknownNameError):
            parse(deep, text)
        return
    goal = parse(deep, text)
    assert goal.names == names
    assert goal.layers == watched


@pytest.mark.parametrize("text", [text for text, names, _ in TABLE if names])
def test_every_name_parses_to_the_same_goal(text, deep):
    goal = parse(deep, text)
    images = np.random.default_rng(0).uniform(0, 1, (1, 16, 16, 3)).astype("float32")
    seen = deep.watch(goal.layers)(images)
    for row in (0, len(goal) - 1):
        one, again = goal[[row]], parse(deep, goal.names[row])
        assert again.names == one.names
        assert again.kind == one.kind or "*" in text  # 2*(a) + ... is named the way it was built
        assert np.asarray(again.score(seen, again.wanted)) == pytest.approx(np.asarray(one.score(seen, one.wanted)))


def test_all_classes(deep):
    goal = parse(deep, "class:*")
    assert len(goal) == 43
    assert goal.wanted.tolist() == list(range(43))
    assert [targets.parse(deep, name).wanted.tolist() for name in goal.names] == [[k] for k in range(43)]


def test_the_reducer_is_applied(deep):
    seen = {"conv6": np.arange(2 * 2 * 50, dtype="float32").reshape(1, 2, 2, 50)}
    for text, value in (("conv6:3", 78.0), ("conv6:3!max", 153.0), ("conv6:3@1,0", 103.0)):
        goal = parse(deep, text)
        assert np.asarray(goal.score(seen, goal.wanted)).tolist() == [value]


def test_the_recipe_sets_the_class_score(deep):
    assert parse(deep, "class:STOP").kind == ("logit",)
    assert parse(deep, "class:STOP", class_score="margin").kind[0] == "margin"
    assert parse(deep, "class:STOP", class_score="margin").names == ("class:STOP",)


def test_layers_inside_a_nested_model(nested, network_of):
    network = network_of(nested)
    assert parse(network, "backbone/conv2:3").names == ("backbone/conv2:3",)
    assert parse(network, "conv2:3").names == ("backbone/conv2:3",)  # the only one that ends so
    assert parse(network, "layer:conv1").layers == {"backbone/conv1"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("shared#1:3", "shared#1:3"),
        ('"shared#1":3', "shared#1:3"),
        ("shared#0:2@3,4", "shared#0:2@3,4"),
        ("shared#0:2!max", "shared#0:2!max"),
        ("layer:shared#0", "layer:shared#0"),
        ("-shared#1:0 + 2*shared#0:1", "-shared#1:0 + 2*shared#0:1"),
    ],
)
def test_calls_of_a_shared_layer(text, name, shared, network_of):
    network = network_of(shared)
    goal = parse(network, text)
    assert goal.names == (name,)
    assert parse(network, name).names == (name,)


@pytest.mark.parametrize("text", ["shared#0", "shared#0:*"])
def test_all_filters_of_one_call(text, shared, network_of):
    assert parse(network_of(shared), text).names == tuple(f"shared#0:{k}" for k in range(4))


def test_a_shared_layer_without_its_call_names_the_calls(shared, network_of):
    with pytest.raises(UnknownNameError, match="shared: shared_conv has several: shared#0, shared#1"):
        parse(network_of(shared), "shared:3")


POSITIONS = [
    ("", 1, "expected a target"),
    ("conv6:12 - ", 12, "expected a target"),
    ("conv6:12 conv6:3", 10, r"expected \+ or -"),
    ("(conv6:12", 10, r"expected \)"),
    ("conv6:12)", 9, r"expected \+ or -"),
    ("+conv6:12", 1, "expected a target"),
    ("3**conv6:12", 3, "expected a target"),
    ("conv6:1 + conv6:2*3", 18, r"expected \+ or -"),
    ("conv6:1 + 'conv6", 11, "unexpected character"),
    ("conv6:1 + conv6:a", 11, "'a' is not a list of numbers"),
    ("conv6:7-3", 1, "7-3 is descending; give 3-7"),
    ("conv6:1,,2", 1, "'1,,2' is not a list of numbers"),
    ("conv6:²", 1, "is not a list of numbers"),
    ("conv4:1 + conv6:", 11, "expected a number after"),
    ("conv6:1@2,", 1, "a neuron is LAYER:FILTER@ROW,COLUMN"),
    ("conv6:*@2,3", 1, "a neuron is LAYER:FILTER@ROW,COLUMN"),
    ("1e999*conv6:1", 1, "1e999 is not a finite number"),
]


@pytest.mark.parametrize(("text", "position", "why"), POSITIONS)
def test_a_syntax_error_has_its_position(text, position, why, deep):
    with pytest.raises(TargetError, match=why) as caught:
        parse(deep, text)
    message = str(caught.value)
    assert message.startswith(f"{text!r}, position {position}: ")
    assert "conv6:12@3,4" in message  # examples of targets
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("conv6:50", TargetError, "conv6:50: conv6 of deep has 50 filters, 0 to 49"),
        ("conv6:0-99", TargetError, "conv6:0-99: conv6 of deep has 50 filters, 0 to 49"),
        ("conv6:0-99999999999999999999", TargetError, "has 50 filters, 0 to 49"),
        ("class:0-99", TargetError, "class:0-99: deep has 43 classes, 0 to 42"),
        ("class:99", UnknownNameError, "class 99: deep has 43 classes, 0 to 42"),
        ("class:STOPP", UnknownNameError, "class STOPP: deep has no such class. Close names: STOP"),
        ("class:vorfart", UnknownNameError, "Close names: Vorfahrt achten"),
        ("conv9:1", UnknownNameError, "conv9: deep has no such layer. Close names: conv6, conv4"),
        ("layer:conv9", UnknownNameError, "conv9: deep has no such layer. Close names: conv6, conv4"),
        ("conv6:1@99999999999999999999,0", TargetError, "at most 2147483647"),
        ("conv6:0-2 - conv4:0-1", TargetError, "objectives of 3 and 2 images"),
    ],
)
def test_unknown_names_and_numbers_are_refused(text, kind, message, deep):
    with pytest.raises(kind, match=message) as caught:
        parse(deep, text)
    assert "\n" not in str(caught.value)


def test_a_layer_that_cannot_be_dreamed_gives_the_reason(fill, network_of):
    inputs = layers.Input((8, 8, 3))
    x = keras.ops.stop_gradient(layers.Conv2D(4, 3, name="conv")(inputs))
    model = keras.Model(inputs, layers.Conv2D(2, 3, name="behind")(x), name="cut")
    for text in ("behind:0", "layer:behind"):
        with pytest.raises(TargetError, match=r"behind: cannot be dreamed: no gradient passes"):
            parse(network_of(fill(model)), text)


def test_a_layer_of_tokens_is_scored_as_its_map(network_of):
    inputs = layers.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Reshape((36, 4), name="tokens")(layers.Conv2D(4, 3, name="conv")(inputs)))
    network = network_of(model)
    images = np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 3)).astype("float32")
    seen = network.watch(frozenset({"conv", "tokens"}))(images)
    for tokens, conv in (
        ("layer:tokens", "layer:conv"),
        ("tokens:0,3", "conv:0,3"),
        ("tokens:1-2!max", "conv:1-2!max"),
        ("tokens:2@8", "conv:2@1,2"),  # 6 tokens per row
    ):
        of_tokens, of_map = parse(network, tokens), parse(network, conv)
        expected = np.asarray(of_map.score(seen, of_map.wanted))
        assert np.asarray(of_tokens.score(seen, of_tokens.wanted)) == pytest.approx(expected, rel=1e-5)


def test_a_layer_without_units_is_refused(network_of):
    inputs = layers.Input((8, 8, 3))
    model = keras.Model(inputs, keras.ops.sum(layers.Conv2D(4, 3, name="conv")(inputs), axis=(1, 2, 3)), name="sums")
    name = network_of(model, classes=()).layers[-1].name
    with pytest.raises(TargetError, match=f"{name}: a Sum has no units; conv and dense layers of sums have units"):
        parse(network_of(model, classes=()), name)


def test_goals_of_a_kind_are_joined_in_their_order(deep):
    found = goals(deep, ["conv4:0-1", "conv6:3", "class:STOP", "conv4:3", "2*conv4:2", "class:30"])
    assert [goal.names for goal in found] == [
        ("conv4:0", "conv4:1", "conv4:3"),
        ("conv6:3",),
        ("class:STOP", "class:30"),
        ("2*conv4:2",),
    ]
    assert [goal.names for goal in goals(deep, "conv4:0")] == [("conv4:0",)]


def test_no_target_is_refused(deep):
    with pytest.raises(TargetError, match=r"no target: give one, such as conv6:12"):
        goals(deep, [])


PIECES = st.sampled_from(
    [
        "conv6",
        "conv4",
        "class",
        "layer",
        "STOP",
        ":",
        "*",
        "-",
        "+",
        "(",
        ")",
        ",",
        "@",
        "!max",
        "0",
        "12",
        "99",
        ".5",
        " ",
        '"',
        "'",
        "/",
    ]
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=12).map("".join)))
@example("conv6:1@99999999999999999999,0")
@example("class:\x00")
@example("9" * 400 + "*conv6:1")
@example("(" * 50 + "conv6:1" + ")" * 50)
@example("(" * 2000)
@example("-" * 2000 + "conv6:1")
@example("+".join(["conv6:1"] * 100))
@example("+".join(["conv6:1"] * 2000))
@example('"a\nb":1')
@example('class:"a\u2028b"')
def test_any_text_parses_or_gives_a_one_line_error(deep, text):
    try:
        goal = parse(deep, text)
    except DreamfiltersError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(goal, Objective)
        assert len(goal.names) == len(goal)


def test_a_class_without_its_prefix_is_suggested(deep):
    for name, word in (("STOP", "STOP"), ("stop", "STOP"), ('"Vorfahrt achten"', '"Vorfahrt achten"')):
        with pytest.raises(UnknownNameError, match=f"deep has no such layer, but a class of this name: class:{word}$"):
            parse(deep, name)


def ending(*last, classes=None):
    return load(keras.Sequential([layers.Input((8, 8, 3)), *last], name="net"), classes=classes)


def test_the_classes_of_one_sigmoid_are_minus_its_logit_and_its_logit():
    """The logit of a white image is .5 + 1 + 1 + 1, whatever class score the recipe has."""
    last = layers.Dense(1, "sigmoid", kernel_initializer="ones", bias_initializer=keras.initializers.Constant(0.5))
    network = ending(layers.GlobalAveragePooling2D(), last, classes=("cat", "dog"))
    goal = parse(network, "class:*", class_score="margin")
    assert goal.names == ("class:cat", "class:dog")
    seen = network.watch(goal.layers)(np.ones((2, 8, 8, 3), "float32"))
    assert np.asarray(goal.score(seen, goal.wanted)).tolist() == [-3.5, 3.5]


def test_classes_of_sigmoids_have_no_rivals():
    network = ending(layers.GlobalAveragePooling2D(), layers.Dense(4, "sigmoid"))
    assert parse(network, "class:2", class_score="margin").kind == ("logit",)


def test_a_regression_has_units_and_no_classes():
    network = ending(layers.GlobalAveragePooling2D(), layers.Dense(1, name="age"))
    assert parse(network, "-age:0").names == ("-age:0",)
    for text in ("class:0", "class:*"):
        with pytest.raises(TargetError, match=r"net has no classes: its output age \(1,\) .*, such as age:0"):
            parse(network, text)


def test_a_detection_head_names_what_can_be_dreamed_in_place_of_classes():
    """Three boxes of five numbers at each of 8x8 positions; the layer before it has the same numbers as channels."""
    head = [layers.Conv2D(15, 1, name="boxes"), layers.Reshape((8, 8, 3, 5), name="apart")]
    with pytest.raises(TargetError, match=r"output apart \(8, 8, 3, 5\) .*; dream units, such as boxes:0"):
        parse(ending(*head), "class:0")
    assert len(parse(ending(*head), "boxes")) == 15
    assert len(parse(ending(*head[:1], layers.Reshape((192, 5), name="list")), "list")) == 5
