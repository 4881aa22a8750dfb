import asyncio

import pytest

from dreamfilters.viewer.server import events
from dreamfilters.viewer.server.errors import BusyError
from dreamfilters.viewer.server.events import EventHub, event_text


async def some(stream, count):
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def test_a_listener_hears_the_present_state_first_and_then_what_is_published():
    async def story():
        hub = EventHub()
        stream = hub.listen(lambda: [("hello", {"version": "1"})])
        first = await some(stream, 1)
        hub.publish("dream", {"id": "D0"}, key="D0")
        return first + await some(stream, 1)

    assert asyncio.run(story()) == [event_text("hello", {"version": "1"}, 0), event_text("dream", {"id": "D0"}, 1)]


def test_a_slow_listener_is_told_only_the_latest_of_each_dream():
    async def story():
        hub = EventHub()
        stream = hub.listen(lambda: [("hello", {})])
        await some(stream, 1)
        for step in range(1000):
            hub.publish("dream", {"id": "D0", "step": step}, key="D0")
            hub.publish("dream", {"id": "D1", "step": step}, key="D1")
        return await some(stream, 2)

    assert [event.splitlines()[2] for event in asyncio.run(story())] == [
        'data: {"id": "D0", "step": 999}',
        'data: {"id": "D1", "step": 999}',
    ]


def test_no_more_than_so_many_listen_and_one_who_leaves_makes_room(monkeypatch):
    monkeypatch.setattr(events, "_MOST", 2)

    async def story():
        hub = EventHub()
        streams = [hub.listen(lambda: [("hello", {})]) for _ in range(2)]
        for stream in streams:
            await some(stream, 1)
        with pytest.raises(BusyError, match="2 pages are open already"):
            hub.listen(list)
        await streams[0].aclose()
        return await some(hub.listen(lambda: [("hello", {})]), 1)

    assert len(asyncio.run(story())) == 1


def test_closing_ends_all_streams():
    async def story():
        hub = EventHub()
        stream = hub.listen(lambda: [("hello", {})])
        await some(stream, 1)
        hub.close()
        return [event async for event in stream]

    assert asyncio.run(story()) == []


def test_a_silent_stream_says_that_it_is_still_there(monkeypatch):
    monkeypatch.setattr(events, "_HEARTBEAT", 0.01)

    async def story():
        stream = EventHub().listen(list)
        return await some(stream, 1)

    assert asyncio.run(story()) == [": still here\n\n"]


def test_a_line_break_in_a_name_cannot_begin_another_event():
    assert event_text("dream", {"name": "a\n\nevent: evil"}, 1).count("\n\n") == 1


def test_what_is_published_while_the_first_events_are_told_is_not_lost():
    async def story():
        hub = EventHub()
        stream = hub.listen(lambda: [("state", {"phase": "starting"})])
        first = await some(stream, 1)
        hub.publish("state", {"phase": "ready"})
        return first + await some(stream, 1)

    assert ["starting" in event for event in asyncio.run(story())] == [True, False]
