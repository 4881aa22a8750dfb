import threading
import time
from contextlib import contextmanager, suppress
from multiprocessing.connection import Pipe

from dreamfilters.errors import TargetError
from dreamfilters.viewer.messages import Cancel, Cancelled, Event, Request, ScanRequest
from dreamfilters.viewer.worker import process
from dreamfilters.viewer.worker.process import Worker


class Desk:
    """Deeds without a network: what was done, in order."""

    def __init__(self):
        self.done, self.told = [], []

    def tell(self, topic, value):
        self.told.append((topic, value))

    def warm(self):
        self.done.append("warm")
        yield

    def survey(self, images):
        for number in range(3):
            self.done.append(f"slice {number}")
            yield

    def do(self, request, pause):
        if request.deed == "dream":
            for step in range(3):
                self.done.append(f"{request.arguments['name']} step {step}")
                request.arguments.get("then", lambda: None)()
                pause()
        elif request.deed == "wrong":
            raise TargetError("no such unit")
        elif request.deed == "bug":
            raise ZeroDivisionError("by\nzero")
        else:
            self.done.append(request.deed)
        return request.number


@contextmanager
def running(*messages):
    """A worker that has these messages already: its desk, and the end of the connection that asks."""
    desk, (ours, theirs) = Desk(), Pipe()
    worker = Worker(theirs, desk)
    for message in messages:
        worker._take(message)

    def run():
        with suppress(EOFError):
            worker.run()

    thread = threading.Thread(target=run)

    def begin():
        thread.start()
        return ours

    yield desk, ours, begin
    ours.send(None)
    thread.join(5)
    assert not thread.is_alive()
    ours.close()
    theirs.close()


def replied(ours):
    """The next answer; that a request was begun is told before it."""
    while isinstance(message := ours.recv(), Event):
        assert message.topic == "begun"
    return message


def test_a_click_comes_before_a_dream_and_a_dream_before_a_report():
    asked = [
        Request(0, 2, "compare", {}),
        Request(1, 1, "dream", {"name": "a"}),
        Request(2, 0, "maps", {}),
        Request(3, 0, "map", {}),
    ]
    with running(*asked) as (_, ours, begin):
        begin()
        assert [replied(ours).number for _ in asked] == [2, 3, 1, 0]


def test_clicks_are_answered_between_the_steps_of_a_dream():
    def click():
        if len(desk.done) == 1:
            ours.send(Request(8, 1, "dream", {"name": "second"}))
            ours.send(Request(9, 0, "maps", {}))

    with running(Request(0, 1, "dream", {"name": "first", "then": click})) as (desk, ours, begin):
        begin()
        assert [replied(ours).number for _ in range(3)] == [9, 0, 8]
        assert desk.done[:3] == ["first step 0", "maps", "first step 1"]


def test_a_canceled_dream_ends_at_its_next_step_and_one_that_waits_never_begins():
    first = Request(0, 1, "dream", {"name": "first", "then": lambda: ours.send(Cancel(0))})
    with running(first, Request(1, 1, "dream", {"name": "second"}), Cancel(1)) as (desk, ours, begin):
        begin()
        assert [type(replied(ours).error) for _ in range(2)] == [Cancelled, Cancelled]
        assert desk.done[:2] in (["first step 0"], ["first step 0", "warm"])


def test_a_users_mistake_and_a_bug_are_answered_in_one_line_and_the_worker_goes_on(caplog):
    asked = [Request(number, 0, deed, {}) for number, deed in enumerate(("wrong", "bug", "maps"))]
    with running(*asked) as (_, ours, begin):
        begin()
        replies = [replied(ours) for _ in asked]
    assert [str(reply.error) for reply in replies] == ["no such unit", "bug: ZeroDivisionError: by zero", "None"]
    assert "request bug failed" in caplog.text


def test_what_nobody_waits_for_is_done_slice_by_slice_in_the_lulls():
    with running(ScanRequest("folder"), Request(0, 0, "maps", {})) as (desk, ours, begin):
        begin()
        assert replied(ours).value == 0
        ours.send(Request(1, 0, "map", {}))  # within the lull
        assert replied(ours).value == 1
        while len(desk.done) < 6:
            time.sleep(0.01)
    assert desk.done == ["maps", "map", "warm", "slice 0", "slice 1", "slice 2"]


def test_what_is_begun_is_told_and_what_was_canceled_before_is_not():
    with running(Request(0, 1, "dream", {"name": "first"}), Cancel(0), Request(1, 1, "maps", {})) as (_, ours, begin):
        begin()
        assert isinstance(ours.recv().error, Cancelled)
        assert ours.recv() == Event("begun", 1)
        assert ours.recv().value == 1


def test_a_network_that_cannot_be_opened_is_told_in_one_line():
    ours, theirs = Pipe()
    thread = threading.Thread(target=process.work, args=(theirs, "nowhere/net.keras", {}))
    thread.start()
    news = ours.recv()
    ours.send(None)
    thread.join(20)
    assert isinstance(news, Event)
    assert news.topic == "failed"
    assert news.value.startswith("nowhere/net.keras: ")
    assert "\n" not in news.value
