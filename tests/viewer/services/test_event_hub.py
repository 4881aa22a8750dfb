import asyncio

import pytest

from dreamfilters.viewer.messages import BusyError
from dreamfilters.viewer.services.event_hub import EventHub, event_text


async def take(stream, count):
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def test_a_listener_gets_the_first_events_and_then_published_ones():
    async def scenario():
        hub = EventHub()
        stream = hub.listen(lambda: [("hello", {"version": "1"})])
        first = await take(stream, 1)
        hub.publish("dream", {"id": "D0"}, key="D0")
        return first + await take(stream, 1)

    assert asyncio.run(scenario()) == [event_text("hello", {"version": "1"}, 0), event_text("dream", {"id": "D0"}, 1)]


def test_a_slow_listener_gets_only_the_latest_event_of_each_dream():
    async def scenario():
        hub = EventHub()
        stream = hub.listen(lambda: [("hello", {})])
        await take(stream, 1)
        for step in range(1000):
            hub.publish("dream", {"id": "D0", "step": step}, key="D0")
            hub.publish("dream", {"id": "D1", "step": step}, key="D1")
        return await take(stream, 2)

    assert [event.splitlines()[2] for event in asyncio.run(scenario())] == [
        'data: {"id": "D0", "step": 999}',
        'data: {"id": "D1", "step": 999}',
    ]


def test_the_number_of_listeners_is_limited_and_one_that_leaves_makes_room():
    async def scenario():
        hub = EventHub(max_listeners=2)
        streams = [hub.listen(lambda: [("hello", {})]) for _ in range(2)]
        for stream in streams:
            await take(stream, 1)
        with pytest.raises(BusyError, match="2 pages are open already"):
            hub.listen(list)
        await streams[0].aclose()
        return await take(hub.listen(lambda: [("hello", {})]), 1)

    assert len(asyncio.run(scenario())) == 1


def test_closing_ends_all_streams():
    async def scenario():
        hub = EventHub()
        stream = hub.listen(lambda: [("hello", {})])
        await take(stream, 1)
        hub.close()
        return [event async for event in stream]

    assert asyncio.run(scenario()) == []


def test_a_silent_stream_sends_a_heartbeat():
    async def scenario():
        return await take(EventHub(heartbeat=0.01).listen(list), 1)

    assert asyncio.run(scenario()) == [": heartbeat\n\n"]


def test_a_line_break_in_a_name_cannot_start_another_event():
    assert event_text("dream", {"name": "a\n\nevent: evil"}, 1).count("\n\n") == 1


def test_an_event_published_between_the_first_events_and_the_stream_is_not_lost():
    async def scenario():
        hub = EventHub()
        stream = hub.listen(lambda: [("state", {"phase": "starting"})])
        first = await take(stream, 1)
        hub.publish("state", {"phase": "ready"})
        return first + await take(stream, 1)

    assert ["starting" in event for event in asyncio.run(scenario())] == [True, False]
