import asyncio
import os
import signal
from contextlib import suppress

import pytest

from dreamfilters.viewer.messages import BusyError, Cancelled, Event, Reply
from dreamfilters.viewer.services.worker_client import WorkerClient


def echo(connection, spec, options, prepare=None):
    """A worker without a network: it replies with the arguments of a request, and ends at the request 'crash'."""
    if spec == "broken":
        return
    with suppress(EOFError, OSError):  # the client is gone
        connection.send(Event("network", spec))
        while (message := connection.recv()) is not None:
            connection.send(Event("started", message.number))
            if message.action == "crash":
                return
            connection.send(Reply(message.number, message.arguments))


def run(scenario, spec="net", separate=False, **settings):
    """Run a scenario with a client, and return its result and the client's events with the phase at each."""
    events = []

    async def with_client():
        client = WorkerClient(
            spec, {}, lambda topic, _: events.append((topic, client.phase)), separate=separate, entry=echo, **settings
        )
        client.start()
        try:
            return await asyncio.wait_for(scenario(client), 20)
        finally:
            client.close()

    return asyncio.run(with_client()), events


def phases(events):
    return [phase for topic, phase in events if topic == "phase"]


def test_a_request_before_the_network_is_open_is_handled_after():
    async def scenario(client):
        return await asyncio.gather(*(client.request("maps", image=number) for number in range(3)))

    found, events = run(scenario)
    assert found == [{"image": 0}, {"image": 1}, {"image": 2}]
    assert events == [("phase", "ready"), ("network", "ready")]


def test_a_crashed_worker_is_restarted_and_the_request_that_it_handled_fails():
    async def scenario(client):
        with pytest.raises(BusyError, match=r"^The model worker crashed and is restarting\.$"):
            await client.request("crash")
        return await client.request("maps", image=1)

    found, events = run(scenario)
    assert found == {"image": 1}
    assert phases(events) == ["ready", "restarting", "ready"]


def test_requests_that_the_crashed_worker_had_not_started_are_handled_by_the_next():
    async def scenario(client):
        canceled = client.new_number()
        requests = [
            client.request("crash"),
            client.request("dream", unit=1),
            client.request("dream", number=canceled),
            client.request("maps"),
        ]
        waiting = [asyncio.ensure_future(each) for each in requests]
        await asyncio.sleep(0)  # lets them be sent
        client.cancel(canceled)
        return await asyncio.gather(*waiting, return_exceptions=True)

    (crashed, *rest), events = run(scenario)
    assert "crashed" in str(crashed)
    assert rest[0] == {"unit": 1}
    assert isinstance(rest[1], Cancelled)
    assert rest[2] == {}
    assert phases(events) == ["ready", "restarting", "ready"]


def test_a_worker_that_keeps_crashing_is_not_restarted():
    async def scenario(client):
        await client.opened.wait()
        with pytest.raises(BusyError, match="crashed 4 times within a minute"):
            await client.request("maps")

    _, events = run(scenario, spec="broken")
    assert [phase for _, phase in events] == ["restarting"] * 3 + ["failed"]


def test_the_number_of_pending_requests_is_limited():
    async def scenario(client):
        requests = [asyncio.ensure_future(client.request("maps", image=number)) for number in range(3)]
        return await asyncio.gather(*requests, return_exceptions=True)

    found, _ = run(scenario, max_pending=2)
    assert found[:2] == [{"image": 0}, {"image": 1}]
    assert str(found[2]) == "2 requests are waiting for the network; try again in a moment"


def test_closing_fails_pending_requests():
    async def scenario(client):
        waiting = asyncio.ensure_future(client.request("maps"))
        await asyncio.sleep(0)  # lets it be sent
        client.close()
        with pytest.raises(BusyError, match="closing"):
            await waiting

    run(scenario)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_process_is_restarted():
    async def scenario(client):
        first = await client.request("maps", image=0)
        killed = client.process.pid
        os.kill(killed, signal.SIGKILL)
        while client.phase != "restarting":
            await asyncio.sleep(0.01)
        second = await client.request("maps", image=1)
        return first, second, killed != client.process.pid

    found, events = run(scenario, separate=True)
    assert found == ({"image": 0}, {"image": 1}, True)
    assert phases(events) == ["ready", "restarting", "ready"]
