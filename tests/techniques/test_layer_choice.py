import pytest

from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.techniques.layer_choice import chosen_layers, layers_with_positions, trunk


def test_the_trunk_leaves_out_branches(network_of, branches, network):
    assert [info.name for info in trunk(network)] == ["conv1", "conv2"]
    # narrow and wide are branches, and only `stem` and `both` are passed by everything: too few to choose from
    assert [info.name for info in trunk(network_of(branches))] == ["stem", "wide", "narrow"]


def test_layers_are_spread_over_the_depth_or_named(network):
    assert chosen_layers(network, None, most=1) == ("conv1",)
    assert chosen_layers(network, ["conv2", "conv2", "classes"], most=1) == ("conv2", "classes")
    assert layers_with_positions(network, "pool1", most=3) == ("pool1",)
    with pytest.raises(UnknownNameError, match="conv9"):
        chosen_layers(network, "conv9", most=1)
    with pytest.raises(TargetError, match="flat: has no positions"):
        layers_with_positions(network, ["flat"], most=1)
