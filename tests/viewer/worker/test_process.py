import threading
from contextlib import contextmanager, suppress
from multiprocessing.connection import Pipe

import pytest

from dreamfilters.errors import TargetError
from dreamfilters.images import ImageFolder
from dreamfilters.viewer.messages import BACKGROUND, JOB, Cancel, Cancelled, Disconnected, Event, Request, ScanRequest
from dreamfilters.viewer.worker.process import Channel, Worker, run_worker


class RecordingHandlers:
    """Handlers without a network that record what they do, in order."""

    def __init__(self):
        self.done, self.events, self.scanned = [], [], threading.Event()

    def send(self, topic, value):
        self.events.append((topic, value))

    def warm_up(self):
        self.done.append("warm-up")
        yield

    def scan(self, request):
        for batch in range(3):
            self.done.append(f"batch {batch}")
            yield
        self.scanned.set()

    def handle(self, request, pause):
        if request.action == "dream":
            for step in range(3):
                self.done.append(f"{request.arguments['name']} step {step}")
                request.arguments.get("then", lambda: None)()
                pause()
        elif request.action == "wrong":
            raise TargetError("no such unit")
        elif request.action == "bug":
            raise ZeroDivisionError("by\nzero")
        else:
            self.done.append(request.action)
        return request.number


@contextmanager
def worker_with(*messages):
    """A worker whose queue holds these messages: its handlers, the client's connection, and a function to start it."""
    handlers, (connection, worker_end) = RecordingHandlers(), Pipe()
    worker = Worker(Channel(worker_end), handlers)
    for message in messages:
        worker.enqueue(message)

    def run():
        with suppress(Disconnected):
            worker.run()

    thread = threading.Thread(target=run)
    yield handlers, connection, thread.start
    connection.send(None)
    thread.join(5)
    assert not thread.is_alive()
    connection.close()
    worker_end.close()


def next_reply(connection):
    """The next reply; each is preceded by the event that its request was started."""
    while isinstance(message := connection.recv(), Event):
        assert message.topic == "started"
    return message


def test_requests_are_handled_by_priority_and_then_by_number():
    requests = [
        Request(0, 2, "compare", {}),
        Request(1, 1, "dream", {"name": "a"}),
        Request(2, 0, "maps", {}),
        Request(3, 0, "map", {}),
    ]
    with worker_with(*requests) as (_, connection, start):
        start()
        assert [next_reply(connection).number for _ in requests] == [2, 3, 1, 0]


def test_interactive_requests_are_handled_between_the_steps_of_a_dream():
    def click():
        if len(handlers.done) == 1:
            connection.send(Request(8, 1, "dream", {"name": "second"}))
            connection.send(Request(9, 0, "maps", {}))

    with worker_with(Request(0, 1, "dream", {"name": "first", "then": click})) as (handlers, connection, start):
        start()
        assert [next_reply(connection).number for _ in range(3)] == [9, 0, 8]
        assert handlers.done[:3] == ["first step 0", "maps", "first step 1"]


def test_everything_that_is_more_urgent_is_handled_between_the_steps_of_background_and_long_work():
    def ask():
        if len(handlers.done) == 1:
            for number, priority in ((6, JOB), (7, BACKGROUND), (8, 1), (9, 0)):
                connection.send(Request(number, priority, "maps", {}))

    with worker_with(Request(0, JOB, "dream", {"name": "long", "then": ask})) as (handlers, connection, start):
        start()
        assert [next_reply(connection).number for _ in range(5)] == [9, 8, 7, 0, 6]
        assert handlers.done[:5] == ["long step 0", "maps", "maps", "maps", "long step 1"]


def test_a_canceled_dream_ends_at_its_next_step_and_a_canceled_request_in_the_queue_is_skipped():
    first = Request(0, 1, "dream", {"name": "first", "then": lambda: connection.send(Cancel(0))})
    second = Request(1, 1, "dream", {"name": "second"})
    with worker_with(first, second, Cancel(1)) as (handlers, connection, start):
        start()
        assert [type(next_reply(connection).error) for _ in range(2)] == [Cancelled, Cancelled]
        assert handlers.done[:2] in (["first step 0"], ["first step 0", "warm-up"])


def test_errors_become_replies_of_one_line_and_the_worker_continues(caplog):
    requests = [Request(number, 0, action, {}) for number, action in enumerate(("wrong", "bug", "maps"))]
    with worker_with(*requests) as (_, connection, start):
        start()
        replies = [next_reply(connection) for _ in requests]
    assert [str(reply.error) for reply in replies] == ["no such unit", "bug: ZeroDivisionError: by zero", "None"]
    assert "request bug failed" in caplog.text


def test_background_work_runs_step_by_step_while_no_request_is_waiting():
    scan = ScanRequest((), ImageFolder((), ()))
    with worker_with(scan, Request(0, 0, "maps", {})) as (handlers, connection, start):
        start()
        assert next_reply(connection).value == 0
        connection.send(Request(1, 0, "map", {}))  # within the delay after a reply
        assert next_reply(connection).value == 1
        assert handlers.scanned.wait(20)
    assert handlers.done == ["maps", "map", "warm-up", "batch 0", "batch 1", "batch 2"]


def test_an_event_precedes_each_started_request_and_no_canceled_one():
    requests = Request(0, 1, "dream", {"name": "first"}), Cancel(0), Request(1, 1, "maps", {})
    with worker_with(*requests) as (_, connection, start):
        start()
        assert isinstance(connection.recv().error, Cancelled)
        assert connection.recv() == Event("started", 1)
        assert connection.recv().value == 1


def test_the_end_of_the_server_is_no_error_of_a_request_and_no_message(caplog):
    """Not even inside a handler that reports its own errors."""
    handlers, (connection, worker_end) = RecordingHandlers(), Pipe()
    channel = Channel(worker_end)

    def end_and_report():
        connection.close()
        for _ in range(3):  # the first messages may still fit into the buffer of the pipe
            channel.send(Event("dream", {}))

    worker = Worker(channel, handlers)
    worker.enqueue(Request(0, 1, "dream", {"name": "first", "then": end_and_report}))
    with pytest.raises(Disconnected):
        worker.run()
    assert handlers.done == ["first step 0"]
    assert not caplog.records
    worker_end.close()


def test_a_network_that_cannot_be_opened_is_reported_in_one_line():
    connection, worker_end = Pipe()
    thread = threading.Thread(target=run_worker, args=(worker_end, "nowhere/net.keras", {}))
    thread.start()
    event = connection.recv()
    connection.send(None)
    thread.join(20)
    assert isinstance(event, Event)
    assert event.topic == "failed"
    assert event.value.startswith("nowhere/net.keras: ")
    assert "\n" not in event.value
