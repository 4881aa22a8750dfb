"""How the benchmark talks to a worker: one line of JSON asks, one line of JSON answers; standard library only."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(jobs: dict[str, Callable[..., dict[str, Any]]]) -> None:
    """Answer jobs until standard input ends; each answer carries the process' peak memory so far, in MB."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to the log
    for line in sys.stdin:
        question = json.loads(line)
        answer = jobs[question.pop("job")](**question)
        # Linux counts in KiB, macOS in bytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**10 if sys.platform != "darwin" else 2**20)
        answers.write(json.dumps({**answer, "peak": peak}) + "\n")
        answers.flush()


def timed_optimizer(kind: type, stamps: list[float], *arguments: float) -> Any:
    """Return the Keras optimizer that a peer takes by default, which also writes down when each step ended."""

    class Timed(kind):  # type: ignore[misc, valid-type]
        def apply_gradients(self, *args: Any, **kwargs: Any) -> Any:
            done = super().apply_gradients(*args, **kwargs)
            stamps.append(time.perf_counter())
            return done

    return Timed(*arguments)
