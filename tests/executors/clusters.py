"""Ray clusters of this machine for tests: one process is a node of its own with a worker."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dreamfilters.errors import WorkerError
from dreamfilters.executors.cluster import ClusterExecutor, imported_ray

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install ray")


@contextmanager
def local_cluster(count: int) -> Iterator[ClusterExecutor]:
    """Yield the executor of a cluster of this machine; skip the test where Ray cannot start one."""
    executor = ClusterExecutor("local", count)
    try:
        executor.__enter__()
    except WorkerError as error:
        pytest.skip(f"no cluster can be started here: {error}")
    try:
        yield executor
    finally:
        executor.__exit__(None, None, None)


@contextmanager
def nodes(*cpus: int, **config: Any) -> Iterator[Any]:
    """Yield a cluster of nodes with so many CPUs each, which listen to this machine only.

    Args:
        cpus: of each node.
        config: Ray's internal settings.
    """
    ray = imported_ray()
    from ray.cluster_utils import Cluster

    head = {"num_cpus": cpus[0], "include_dashboard": False, "_system_config": config}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for count in cpus[1:]:
        cluster.add_node(num_cpus=count)
    cluster.wait_for_nodes()
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def workers_of_ray() -> list[int]:
    """Return the process ids of the actors on this machine."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                if (folder / "cmdline").read_bytes().startswith(b"ray::WorkerActor"):
                    found.append(int(folder.name))
    return found
