import subprocess
import sys

import pytest

from dreamfilters.dreams.objectives.grammar import ClassTarget, LayerTarget, Multiple, Sum, UnitTarget, read
from dreamfilters.errors import TargetError


def test_a_target_is_a_tree():
    tree = read('conv6:0-15,42!max - .5*(class:"a: b" + -layer:conv4)')
    assert isinstance(tree, Sum)
    assert (tree.sign, tree.left.layer, tree.left.ranges, tree.left.reduce) == (
        "-",
        "conv6",
        ((0, 15), (42, 42)),
        "max",
    )
    assert isinstance(tree.right, Multiple)
    assert tree.right.weight == 0.5
    inner = tree.right.of
    assert isinstance(inner, Sum)
    assert isinstance(inner.left, ClassTarget)
    assert inner.left.text == '"a: b"'
    assert isinstance(inner.right, Multiple)
    assert inner.right.weight is None
    assert isinstance(inner.right.of, LayerTarget)
    assert inner.right.of.layer == "conv4"


def test_units_of_a_layer():
    neuron, everything = read("conv6:12@3,4"), read("conv6")
    assert isinstance(neuron, UnitTarget)
    assert (neuron.ranges, neuron.position) == (((12, 12),), (3, 4))
    assert isinstance(everything, UnitTarget)
    assert (everything.ranges, everything.position, everything.reduce) == (None, (), "mean")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("conv6:x", "position 1: 'x' is not a list of numbers such as 0-15,42"),
        ("conv6:3-1", "position 1: 3-1 is descending; give 1-3"),
        ("conv6:1 + conv6:", "position 11: expected a number after conv6:"),
        ("class:", "position 1: expected a class after class:"),
        ("layer:", "position 1: expected a layer after layer:"),
        (":::", "position 1: expected a layer before :::"),
        (":3", "position 1: expected a layer before :3"),
        ("", "position 1: expected a target"),
        ("conv6:1 conv6:2", "position 9: expected + or -"),
        (
            "class:Red Apple",
            """position 11: expected + or -, or quotes around a name with a space: class:"Red Apple" (""",
        ),
        ("class:STOP conv6:2", "position 12: expected + or -; a target"),
        ("(conv6:1", "position 9: expected )"),
        ("conv6:1@x", "position 1: a neuron is LAYER:FILTER@ROW,COLUMN"),
        (f"conv6:{'9' * 5000}", "is not a list of numbers"),
    ],
)
def test_a_syntax_error_has_its_position(text, why):
    with pytest.raises(TargetError) as raised:
        read(text)
    assert why in str(raised.value)


def test_a_target_is_read_without_tensorflow():
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; "
        "from dreamfilters.dreams.objectives.grammar import read; read('conv6:12 - class:STOP')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
