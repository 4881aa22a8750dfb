"""The executor of `--cluster`: actors of a Ray cluster, which share its machines with the work of others."""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from dreamfilters.errors import UsageError, WorkerError, reason
from dreamfilters.executors.address import NEEDS_RAY, check_address
from dreamfilters.executors.messages import SharedPart
from dreamfilters.executors.pool import Lost, PoolWorker, WorkerPool
from dreamfilters.lazy_module import backend

# What decides the bytes that TensorFlow computes: a worker has the same values, whatever its machine has.
_SAME = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "KERAS_BACKEND")
_CONNECTED = 10.0  # seconds within which the cluster has to accept a connection
_TAKEN = 30.0  # seconds after which the messages of a worker are requested again
_MOST_WAITED = 5.0  # seconds of one wait, so that Ctrl-C is not kept waiting


class ClusterExecutor(WorkerPool["ActorWorker"]):
    """An executor of Ray actors; a context manager, which connects to the cluster and disconnects at its end.

    Results are computed with this machine's versions, number of threads and vector instructions, or not at all, unless
    `allow_unlike` is set.

    Args:
        address: "local", or the address of a running cluster such as "10.0.0.1:6379".
        count: number of actors; default: one for each machine of the cluster.
        allow_unlike: whether a worker may have other versions or instructions; its bytes may then differ.
        ships_images: whether workers are sent the image files, because the machines do not share them.
        silence: seconds without a message after which a worker that computes counts as hanging.

    Raises:
        UsageError: Ray is not installed, or `count` is below 1.
    """

    start_hint = "check that a CPU of the cluster is free and that dreamfilters is installed on its machines"

    def __init__(
        self,
        address: str,
        count: int | None = None,
        *,
        allow_unlike: bool = False,
        ships_images: bool = False,
        silence: float = 600.0,
    ) -> None:
        self._place = check_address(address)
        super().__init__(
            1 if count is None else count, silence=silence, allow_unlike=allow_unlike, ships_images=ships_images
        )
        self.address = address
        self._wanted = count

    def __enter__(self) -> ClusterExecutor:
        ray = imported_ray()
        with _connecting(self.address), redirect_stderr(StringIO()):  # it writes about its token
            if self._place is None:
                ray.init(address="local", _node_ip_address="127.0.0.1", num_cpus=os.cpu_count(), **_QUIET)
            else:
                socket.create_connection(self._place, timeout=_CONNECTED).close()  # Ray would try for minutes
                ray.init(address=self.address, **_QUIET)
        _silence(ray)
        try:
            self._count = self._fitting(ray.nodes())
        except BaseException:
            ray.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        imported_ray().shutdown()

    def _fitting(self, nodes: Sequence[dict[str, Any]]) -> int:
        """Return the number of workers, each of which reserves a CPU."""
        cpus = [node["Resources"].get("CPU", 0.0) for node in nodes if node["Alive"]]
        machines, total = sum(count > 0 for count in cpus), int(sum(cpus))
        count = max(1, machines) if self._wanted is None else self._wanted
        if count > total:
            raise UsageError(f"--workers {count}: the cluster has {total} CPUs; use at most {total} workers")
        return count

    def _started(self) -> ActorWorker:
        return ActorWorker.started()

    def _part(self, number: int, content: bytes) -> SharedPart:
        # by reference: Ray copies it to each machine once, and its workers read it there
        return SharedPart(number, imported_ray().put(content))

    def _messages(self, workers: Sequence[ActorWorker], seconds: float) -> list[tuple[ActorWorker, Any]]:
        ray = imported_ray()
        waiting = {worker.pending: worker for worker in workers}
        try:
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=min(seconds, _MOST_WAITED))
            if ready:
                ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise WorkerError(f"cluster {self.address}: the connection was lost ({reason(error)})") from error
        found = [(waiting[one], message) for one in ready for message in waiting[one].messages()]
        if not found or any(isinstance(message, Lost) for _, message in found):
            self._check_connected()
        return found

    def _check_connected(self) -> None:
        """Raise a WorkerError if the cluster has ended: Ray would end this process after a minute."""
        if self._place is None:
            return
        try:
            socket.create_connection(self._place, timeout=_CONNECTED).close()
        except OSError as error:
            self._workers.clear()
            raise WorkerError(f"cluster {self.address}: was lost ({error}); the same command resumes") from error


@dataclass(eq=False)
class ActorWorker(PoolWorker):
    """A Ray actor, and the call that returns its next messages."""

    actor: Any
    pending: Any = None
    _sent: int = field(default=0, init=False)

    @classmethod
    def started(cls) -> ActorWorker:
        """Start an actor, on another machine than the last one where there are several."""
        from dreamfilters.executors.actor import WorkerActor

        ray = imported_ray()
        variables = {name: os.environ[name] for name in _SAME if name in os.environ}
        variables |= {"TF_NUM_INTRAOP_THREADS": str(backend.THREADS), "TF_CPP_MIN_LOG_LEVEL": "3"}
        remote = ray.remote(
            num_cpus=1,
            max_restarts=0,  # the pool replaces a lost worker, and counts how often
            scheduling_strategy="SPREAD",
            concurrency_groups={"inbox": 1, "outbox": 1},
            runtime_env={"env_vars": variables},
        )
        actor = remote(WorkerActor).remote()
        worker = cls(actor)
        worker.request()
        return worker

    def request(self) -> None:
        """Request the next messages."""
        self.pending = self.actor.take.options(concurrency_group="outbox").remote(_TAKEN)

    def messages(self) -> list[Any]:
        """Return the requested messages, and request the next ones; `Lost` if the actor has ended."""
        ray = imported_ray()
        try:
            found = [pickle.loads(content) for content in ray.get(self.pending)]
        except ray.exceptions.RayError as error:
            return [Lost(f"was lost: {_cause(error)}")]
        self.request()
        return found

    def send(self, message: Any) -> None:
        """See `PoolWorker`."""
        put = self.actor.put.options(concurrency_group="inbox")
        if isinstance(message, SharedPart):
            put.remote(self._sent, message.number, message.content)  # Ray passes the content for its reference
        else:
            put.remote(self._sent, None, pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))
        self._sent += 1

    def end(self) -> None:
        """See `PoolWorker`."""
        with suppress(Exception):  # the connection may be lost
            imported_ray().kill(self.actor)

    def join(self) -> None:
        """See `PoolWorker`; Ray ends it, and does not say when."""


def imported_ray() -> Any:
    """Return Ray, without its messages and statistics; raise a UsageError if it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # no warning about GPUs
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # a local cluster listens to this machine only
    if "RAY_AUTH_TOKEN" in os.environ or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # as the command 'ray start' does
    try:
        import ray
    except ImportError:
        raise UsageError(NEEDS_RAY) from None
    return ray


_QUIET: dict[str, Any] = {
    "include_dashboard": False,
    "log_to_driver": False,
    "configure_logging": False,
    "logging_level": logging.ERROR,
}


@contextmanager
def _connecting(address: str) -> Iterator[None]:
    """Turn what Ray raises and writes while it connects into one line."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        raise WorkerError(
            f"cluster {address}: cannot be reached ({reason(error)}); start it with 'ray start --head', "
            "or use --cluster local; a cluster with a token needs it here too, see RAY_AUTH_TOKEN"
        ) from error


def _silence(ray: Any) -> None:
    """Keep Ray from printing what happens to its processes to stdout, where commands print their results."""
    worker = getattr(getattr(ray, "_private", None), "worker", None)
    if worker is not None and hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = _ignored


def _ignored(*_: Any, **__: Any) -> None:
    """Print nothing."""


def _cause(error: Exception) -> str:
    """Return why an actor has ended, in one line."""
    text = " ".join(str(error).split())
    causes = {
        "out of memory": "out of memory; use fewer workers or a smaller --batch",
        "node died": "its machine was lost",
        "unavailable": "its machine cannot be reached",
        "unexpected": "its process ended unexpectedly",
        "killed": "its process was killed",
    }
    return next((cause for sign, cause in causes.items() if sign in text.lower()), text[:200])
