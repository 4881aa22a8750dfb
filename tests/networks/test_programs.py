import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.networks import InputForm, Network
from dreamfilters.networks.programs import MOST, programs_of


@pytest.fixture
def network(plain):
    return Network(plain, InputForm.from_range(0, 1, size=(16, 16)))


def test_a_program_is_made_once(network):
    made = []

    def make(network):
        made.append(network.name)
        return object()

    first = programs_of(network).get("key", make)
    assert programs_of(network).get("key", make) is first
    assert made == ["network"]


def test_equal_networks_have_their_own_programs(network):
    other = replace(network, name="other")
    programs_of(network).get("key", lambda network: network.name)
    assert programs_of(other).get("key", lambda network: network.name) == "other"


def test_the_least_recently_used_program_is_evicted(network):
    programs = programs_of(network)
    for number in range(MOST):
        programs.get(number, lambda _: None)
    programs.get(0, lambda _: None)  # used again
    programs.get("new", lambda _: None)
    assert len(programs.keys) == MOST
    assert 0 in programs.keys
    assert 1 not in programs.keys


def test_a_program_can_need_another_one(network):
    programs = programs_of(network)
    assert programs.get("outer", lambda _: programs.get("inner", lambda _: 1) + 1) == 2
    assert set(programs.keys) == {"inner", "outer"}


def test_programs_do_not_keep_the_network_alive(network):
    own = replace(network)
    watch = programs_of(own).get(
        "watch", lambda network: backend.compile(lambda x: network.watch(frozenset({"conv1"}))(network.to_input(x)))
    )
    assert watch(backend.tensor(np.zeros((1, 16, 16, 3), "float32")))["conv1"].shape == (1, 14, 14, 4)
    gone = weakref.ref(own)
    del own, watch
    gc.collect()
    assert gone() is None


def test_the_copy_shares_the_graph(network):
    assert programs_of(network).get("graph", lambda network: network.graph) is network.graph
