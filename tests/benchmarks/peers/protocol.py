"""The protocol of workers: one line of JSON per job and one per result; standard library only."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any


def serve(jobs: dict[str, Callable[..., dict[str, Any]]]) -> None:
    """Run jobs until standard input ends; each result has the peak memory of the process in MB."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the log
    for line in sys.stdin:
        job = json.loads(line)
        result = jobs[job.pop("job")](**job)
        # Linux counts in KiB, macOS in bytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**10 if sys.platform != "darwin" else 2**20)
        output.write(json.dumps({**result, "peak": peak}) + "\n")
        output.flush()


def timed_optimizer(kind: type, stamps: list[float], cpu_stamps: list[float], *arguments: float) -> Any:
    """Return a peer's default Keras optimizer that also records when each step ended, in both clocks."""

    class Timed(kind):  # type: ignore[misc, valid-type]
        def apply_gradients(self, *args: Any, **kwargs: Any) -> Any:
            done = super().apply_gradients(*args, **kwargs)
            stamps.append(time.perf_counter())
            cpu_stamps.append(time.process_time())
            return done

    return Timed(*arguments)
