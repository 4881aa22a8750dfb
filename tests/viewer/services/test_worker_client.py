import asyncio
import os
import signal
from contextlib import suppress

import pytest

from dreamfilters.viewer.messages import Cancelled, Reply
from dreamfilters.viewer.server.errors import BusyError
from dreamfilters.viewer.services import worker_client as module
from dreamfilters.viewer.services.worker_client import WorkerClient


def answering(connection, spec, options, prepare=None):
    """A worker that needs no network: it opens at once, says 'echo', and falls over when it is told to."""
    from dreamfilters.viewer.messages import Event

    if spec == "broken":
        return
    with suppress(EOFError, OSError):  # the owner is gone
        connection.send(Event("network", spec))
        while (message := connection.recv()) is not None:
            connection.send(Event("begun", message.number))
            if message.deed == "fall":
                return
            connection.send(Reply(message.number, message.arguments))


@pytest.fixture
def owned(monkeypatch):
    """A function from a story with an owner to what it returns and what the owner told."""
    monkeypatch.setattr(module, "work", answering)

    def run(story, spec="net", apart=False):
        told = []

        async def whole():
            owner = WorkerClient(spec, {}, lambda topic, _: told.append((topic, owner.phase)), apart=apart)
            owner.start()
            try:
                return await asyncio.wait_for(story(owner), 20)
            finally:
                owner.close()

        return asyncio.run(whole()), told

    return run


def test_what_is_asked_before_the_network_is_open_is_answered_after(owned):
    async def story(owner):
        return await asyncio.gather(*(owner.ask("maps", image=number) for number in range(3)))

    found, told = owned(story)
    assert found == [{"image": 0}, {"image": 1}, {"image": 2}]
    assert told == [("phase", "ready"), ("network", "ready")]


def test_a_worker_that_falls_over_is_started_anew_and_who_waited_is_told(owned):
    async def story(owner):
        with pytest.raises(BusyError, match="fell over while it was at it; it is started anew"):
            await owner.ask("fall")
        return await owner.ask("maps", image=1)

    found, told = owned(story)
    assert found == {"image": 1}
    assert [phase for topic, phase in told if topic == "phase"] == ["ready", "restarting", "ready"]


def test_what_was_not_begun_when_the_worker_fell_is_done_by_the_next(owned):
    async def story(owner):
        cancelled = owner.new_number()
        asked = [owner.ask("fall"), owner.ask("dream", unit=1), owner.ask("dream", number=cancelled), owner.ask("maps")]
        waiting = [asyncio.ensure_future(each) for each in asked]
        await asyncio.sleep(0)
        owner.cancel(cancelled)
        return await asyncio.gather(*waiting, return_exceptions=True)

    (fell, *rest), told = owned(story)
    assert "fell over while it was at it" in str(fell)
    assert rest[0] == {"unit": 1}
    assert isinstance(rest[1], Cancelled)
    assert rest[2] == {}
    assert [phase for topic, phase in told if topic == "phase"] == ["ready", "restarting", "ready"]


def test_a_worker_that_keeps_falling_over_stays_down(owned):
    async def story(owner):
        await owner.opened()
        with pytest.raises(BusyError, match="ended 4 times within a minute"):
            await owner.ask("maps")

    _, told = owned(story, spec="broken")
    assert [phase for _, phase in told] == ["restarting"] * 3 + ["failed"]


def test_too_much_that_waits_is_refused(owned, monkeypatch):
    monkeypatch.setattr(module, "_MOST_WAITING", 2)

    async def story(owner):
        asked = [asyncio.ensure_future(owner.ask("maps", image=number)) for number in range(3)]
        return await asyncio.gather(*asked, return_exceptions=True)

    found, _ = owned(story)
    assert found[:2] == [{"image": 0}, {"image": 1}]
    assert str(found[2]) == "2 requests are waiting for the network; try again in a moment"


def test_closing_tells_who_waits(owned):
    async def story(owner):
        waiting = asyncio.ensure_future(owner.ask("maps"))
        await asyncio.sleep(0)
        owner.close()
        with pytest.raises(BusyError, match="closing"):
            await waiting

    owned(story)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_process_is_started_anew_and_asked_again(owned):
    async def story(owner):
        first = await owner.ask("maps", image=0)
        before = owner.process.pid
        os.kill(before, signal.SIGKILL)
        while owner.phase != "restarting":
            await asyncio.sleep(0.01)
        second = await owner.ask("maps", image=1)
        return first, second, before != owner.process.pid

    found, told = owned(story, apart=True)
    assert found == ({"image": 0}, {"image": 1}, True)
    assert [phase for topic, phase in told if topic == "phase"] == ["ready", "restarting", "ready"]
