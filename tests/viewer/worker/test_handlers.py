from dataclasses import replace

from dreamfilters.networks.programs import programs_of
from dreamfilters.viewer.messages import DreamRequest
from dreamfilters.viewer.worker.handlers import compile_dream, run_dream
from dreamfilters.viewer.worker.session import ModelSession


def test_a_compiled_dream_compiles_nothing_more(network):
    session = ModelSession(replace(network, name="prepared"))
    programs_of(session.network).clear()
    compile_dream(session, "L0", 3, "fast")
    programs = set(programs_of(session.network).keys)
    assert programs
    steps = []
    dream = run_dream(session, DreamRequest("D0", "L0", 5, "fast", 0), steps.append, lambda: None)
    assert set(programs_of(session.network).keys) == programs
    assert (dream.name, steps[0]["step"]) == ("conv1:5", 1)
    assert steps[0]["png"]  # the first frame comes with the first step
