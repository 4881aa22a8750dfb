from dataclasses import replace

from dreamfilters.networks.programs import programs_of
from dreamfilters.viewer.messages import DreamRequest
from dreamfilters.viewer.worker.dream_task import dreamt, prepared
from dreamfilters.viewer.worker.session import ModelSession


def test_a_dream_runs_what_was_made_ready_and_compiles_nothing_more(network):
    looks = ModelSession(replace(network, name="prepared"))
    programs_of(looks.network).clear()
    prepared(looks, "L0", 3, "fast")
    ready = set(programs_of(looks.network).keys)
    assert ready
    told = []
    made = dreamt(looks, DreamRequest("D0", "L0", 5, "fast", 0), told.append, lambda: None)
    assert set(programs_of(looks.network).keys) == ready
    assert (made.name, told[0]["step"]) == ("conv1:5", 1)
    assert told[0]["png"]  # the first frame comes with the first step
