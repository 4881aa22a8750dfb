"""The connection to a Ray cluster: its address, its machines, and what happens when one of them is lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dreamfilters.dreams.ascent.machine_memory import available_bytes
from dreamfilters.errors import UsageError, WorkerError
from dreamfilters.executors.cluster import ClusterExecutor
from dreamfilters.executors.executor import Task
from tests.executors import toy_tasks
from tests.executors.clusters import local_cluster, needs_ray, nodes


@needs_ray
def test_a_cluster_that_cannot_be_reached_is_one_line():
    with pytest.raises(WorkerError, match=r"^cluster 127\.0\.0\.1:9: cannot be reached \(.*refused\); start it with"):
        ClusterExecutor("127.0.0.1:9").__enter__()


@needs_ray
@pytest.mark.ci
@pytest.mark.slow
def test_the_workers_end_with_the_executor():
    with local_cluster(1) as executor:
        ((_, worker),) = executor.map(Task(toy_tasks.scaled, 1, None), range(1))
        os.kill(worker, 0)  # it is there
    with pytest.raises(ProcessLookupError):
        os.kill(worker, signal.SIGCONT)


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_what_a_lost_node_computed_is_computed_again():
    with nodes(1, 1) as cluster, ClusterExecutor(cluster.address, 2) as executor:
        results = executor.map(Task(toy_tasks.slow, None, None), range(100))
        found = [next(results)]
        while len({node for _, node in found}) < 2:  # one worker may start long before the other
            found.append(next(results))
        cluster.add_node(num_cpus=1)  # where the lost worker is replaced
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        found += results
    assert [item for item, _ in found] == list(range(100))


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 99])
def test_the_item_of_a_worker_out_of_memory_is_computed_again_and_then_one_line(tmp_path, times):
    total, free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), available_bytes()
    if free is None or free < 6 * 2**30:
        pytest.skip("less than 6 GB of memory are free, of which a worker takes 4")
    limit = 1 - (free - 4 * 2**30) / total
    task = Task(toy_tasks.filling, None, (str(tmp_path), times))
    with (
        nodes(1, 1, memory_usage_threshold=limit, memory_monitor_refresh_ms=50) as cluster,
        ClusterExecutor(cluster.address, 2) as executor,
    ):
        results = executor.map(task, range(8))
        if times == 1:
            assert list(results) == list(range(8))
        else:
            with pytest.raises(
                WorkerError, match=r"was lost: out of memory; use fewer .*; the same work has failed 3 times"
            ) as error:
                list(results)
            assert "\n" not in str(error.value)
    # Ray can end a worker before it has made its file; and the first time, the item before it counts as the cause if
    # its result was not sent yet
    assert len(list(tmp_path.iterdir())) in ((1,) if times == 1 else (2, 3, 4))


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_more_workers_than_cpus_are_refused():
    with nodes(1, 1) as cluster:
        with pytest.raises(UsageError, match="--workers 3: the cluster has 2 CPUs; use at most 2 workers"):
            ClusterExecutor(cluster.address, 3).__enter__()
        with ClusterExecutor(cluster.address) as executor:
            assert executor.count == 2  # one for each machine


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_runs_whose_workers_nodes_and_drivers_are_killed_have_the_same_bytes(noisy, tmp_path):
    command = [sys.executable, "-m", "tests.executors.kill_cluster", noisy / "tiny.keras", noisy / "images", tmp_path]
    root = Path(__file__).parents[2]
    message = subprocess.run([*map(str, command), "6", "7"], capture_output=True, text=True, cwd=root, check=False)
    assert message.returncode == 0, message.stderr[-2000:]
    found = json.loads(message.stdout.splitlines()[-1])
    assert sum(found["kills"].values()) == 6
    assert found["runs"].keys() == {"dream", "scan", "atlas"}
    assert found["different"] == []
