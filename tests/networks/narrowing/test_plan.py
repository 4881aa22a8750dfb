from dataclasses import dataclass

from dreamfilters.networks.narrowing.channel_steps import OneChannel
from dreamfilters.networks.narrowing.plan import slots_of_one_channel


@dataclass(frozen=True)
class FakeStep:
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


SOURCE, THROUGH = OneChannel(frozenset()), "through"  # how a step computes one channel


def plan(only, whole=(), *, ends=("relu",), also=()):
    """conv (slot 1) -> norm (2) -> relu (3), and steps beside them."""
    rows = [("conv", (0,), 1, SOURCE), ("norm", (1,), 2, THROUGH), ("relu", (2,), 3, THROUGH), *also]
    steps = [
        (FakeStep(name, inputs, (slot,)), OneChannel(frozenset(inputs)) if how is THROUGH else how)
        for name, inputs, slot, how in rows
    ]
    by_name = {step.name: step for step, _ in steps}
    return slots_of_one_channel(steps, [by_name[name] for name in ends], only, whole)


def test_one_channel_is_computed_back_to_the_convolution():
    assert plan({"relu"}) == {1: "relu", 2: "relu", 3: "relu"}


def test_without_units_all_is_computed():
    assert plan(()) == {}


def test_a_slot_that_another_step_reads_is_computed_whole():
    assert plan({"relu"}, ends=("relu", "mixed"), also=[("mixed", (1,), 4, None)]) == {2: "relu", 3: "relu"}


def test_a_watched_layer_without_units_is_computed_whole():
    assert plan({"relu"}, ends=("relu", "norm")) == {3: "relu"}


def test_different_units_of_one_map_are_taken_from_all():
    other = ("other", (1,), 4, THROUGH)
    assert plan({"relu", "other"}, ends=("relu", "other"), also=[other]) == {2: "relu", 3: "relu", 4: "other"}


def test_a_changed_step_and_those_before_it_are_computed_whole():
    assert plan({"relu"}, ["norm"]) == {3: "relu"}
