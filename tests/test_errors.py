import pytest

import dreamfilters
from dreamfilters import errors
from dreamfilters.errors import DreamfiltersError, close_names, reason


@pytest.mark.parametrize(
    ("name", "known", "ending"),
    [
        ("conv9", ["conv5", "conv6", "dense"], "Close names: conv6, conv5"),
        ("CONV6", ["conv6", "dense"], "Close names: conv6"),
        ("stop", ["STOP", "30"], "Close names: STOP"),
        ("zzz", ["conv6", "dense"], "Known names: conv6, dense"),
        ("zzz", [str(number) for number in range(20)], "Known names: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ..."),
        ("zzz", [], "It has none"),
        ("vorfahrt", ["Vorfahrt", "Vorfahrt achten"], "Close names: Vorfahrt, Vorfahrt achten"),
    ],
)
def test_close_names(name, known, ending):
    assert close_names(name, known) == ending


def test_close_names_keeps_to_its_count():
    assert close_names("conv", [f"conv{k}" for k in range(9)], count=2).count("conv") == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Exception encountered when calling Conv2D.call().\n\n\x1b[1mToo small.\x1b[0m\n\nArguments: x", "Too small."),
        ("Layer a failed. Exception encountered: nothing left", "nothing left"),
        ("{{function_node __wrapped__MatMul_device}} Sizes differ: [1,2] [Op:MatMul] name: ", "Sizes differ: [1,2]"),
        ("", "ValueError"),
    ],
)
def test_the_reason_of_a_foreign_error(said, told):
    assert reason(ValueError(said)) == told


def test_every_error_is_in_the_tree_and_drawn_in_it():
    classes = [
        thing
        for thing in vars(errors).values()
        if getattr(thing, "__module__", "") == errors.__name__ and isinstance(thing, type)
    ]
    assert len(classes) > 8
    for thing in classes:
        assert issubclass(thing, DreamfiltersError)
        assert thing.__name__ in errors.__doc__
        assert thing.__doc__


def test_untrusted_is_a_model_error():
    assert issubclass(errors.UntrustedError, errors.ModelError)


def test_every_error_class_is_public_and_in_the_drawing():
    classes = {name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert classes == {name for name in dreamfilters.__all__ if name.endswith("Error")}
    for name in classes:
        assert name in errors.__doc__
        assert getattr(dreamfilters, name) is getattr(errors, name)


def test_the_middle_of_a_long_message_is_left_out():
    """A damaged file may hold a name of any length, which the error quotes."""
    message = str(errors.ModelError(f"net.h5: has the layer {'x' * 50_000}; give another file"))
    assert len(message) == 1_000
    assert message.startswith("net.h5: has the layer xxx")
    assert message.endswith("xxx; give another file")
    assert " ... " in message
    assert str(errors.ModelError("y" * 1_000)) == "y" * 1_000
