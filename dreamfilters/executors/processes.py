"""The executor of `--workers`: processes of this machine that are started once and kept for all tasks."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

from dreamfilters.executors.child_process import signals_blocked
from dreamfilters.executors.messages import SharedPart
from dreamfilters.executors.pool import Lost, PoolWorker, WorkerPool
from dreamfilters.executors.sender import Sender
from dreamfilters.executors.worker import run_worker

_ENDING = 2.0  # seconds within which a process that is terminated ends


class ProcessExecutor(WorkerPool["ProcessWorker"]):
    """An executor of worker processes; see `WorkerPool`."""

    start_hint = "a script has to do its work under if __name__ == '__main__'"

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def processes(self) -> tuple[int, ...]:
        """The process ids of the workers."""
        return tuple(worker.process.pid for worker in self._workers)

    def _started(self) -> ProcessWorker:
        return ProcessWorker.started()

    def _part(self, number: int, content: bytes) -> SharedPart:
        return SharedPart(number, content)

    def _messages(self, workers: Sequence[ProcessWorker], seconds: float) -> list[tuple[ProcessWorker, Any]]:
        ready = wait([worker.connection for worker in workers], seconds)
        return [(worker, worker.message()) for worker in workers if worker.connection in ready]


@dataclass(eq=False)
class ProcessWorker(PoolWorker):
    """A process at the other end of a pipe."""

    process: Any
    connection: Connection
    sender: Sender

    @classmethod
    def started(cls) -> ProcessWorker:
        """Start a process."""
        connection, other = Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=run_worker, args=(other,), daemon=True, name="dreamfilters-worker"
        )
        with signals_blocked():
            process.start()
        other.close()  # otherwise this process would keep the worker's end open
        return cls(process, connection, Sender(connection))

    def message(self) -> Any:
        """Return the next message, or how the process ended."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return Lost(self._ending())

    def send(self, message: Any) -> None:
        """See `PoolWorker`."""
        self.sender.send(message)

    def _ending(self) -> str:
        """Return how the process ended."""
        self.process.join(_ENDING)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"ended with exit code {code}"
        hint = " (the system may be out of memory)" if -code == signal.SIGKILL else ""
        return f"was ended by {signal.Signals(-code).name}{hint}"

    def end(self) -> None:
        """See `PoolWorker`."""
        self.sender.close()
        self.process.kill()

    def join(self) -> None:
        """See `PoolWorker`."""
        self.process.join(_ENDING)
        self.connection.close()
