"""Two nodes of a Ray cluster, one of which is lost; the tests that use one local cluster are in test_cluster.py."""

import pytest

from dreamfilters.errors import UsageError
from dreamfilters.executors.cluster import ClusterExecutor
from dreamfilters.executors.executor import Task
from tests.executors import toy_tasks
from tests.executors.clusters import needs_ray, two_nodes


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_what_a_lost_node_computed_is_computed_again():
    with two_nodes() as nodes, ClusterExecutor(nodes.address, 2) as executor:
        results = executor.map(Task(toy_tasks.slow, None, None), range(40))
        found = [next(results) for _ in range(4)]
        assert len({node for _, node in found}) == 2
        nodes.add_node(num_cpus=1)  # where the lost worker is replaced
        nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
        found += results
    assert [item for item, _ in found] == list(range(40))


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_more_workers_than_cpus_are_refused():
    with two_nodes() as nodes:
        with pytest.raises(UsageError, match="--workers 3: the cluster has 2 CPUs; use at most 2 workers"):
            ClusterExecutor(nodes.address, 3).__enter__()
        with ClusterExecutor(nodes.address) as executor:
            assert executor.count == 2  # one for each machine
