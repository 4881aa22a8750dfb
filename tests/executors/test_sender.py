"""Messages that are sent from a thread."""

from multiprocessing.connection import Pipe

import numpy as np
import pytest

from dreamfilters.executors.sender import Sender


def test_sending_never_waits_and_keeps_the_order():
    here, there = Pipe()
    sender = Sender(here)
    large = np.zeros(2**21, np.uint8)  # more than a pipe holds: the thread waits until it is received
    for message in (large, 1, "two"):
        sender.send(message)
    large[:] = 1
    assert not there.recv().any()
    assert [there.recv(), there.recv()] == [1, "two"]


def test_what_cannot_be_sent_is_an_error_at_once():
    with pytest.raises((AttributeError, TypeError)):
        Sender(Pipe()[0]).send(lambda: None)


def test_an_end_of_the_other_process_is_no_error():
    here, there = Pipe()
    sender = Sender(here)
    there.close()
    for _ in range(3):
        sender.send(1)
    sender.close()
