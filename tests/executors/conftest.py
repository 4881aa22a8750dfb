"""Worker processes, which start once for all tests of this folder: each takes seconds to import TensorFlow."""

from collections.abc import Iterator

import pytest

from dreamfilters.executors.cluster import ClusterExecutor
from dreamfilters.executors.processes import ProcessExecutor
from tests.executors.clusters import local_cluster


@pytest.fixture(scope="session")
def workers() -> Iterator[ProcessExecutor]:
    """Two worker processes."""
    with ProcessExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterExecutor]:
    """A local cluster with two workers."""
    with local_cluster(2) as executor:
        yield executor


@pytest.fixture
def sending(cluster: ClusterExecutor, monkeypatch: pytest.MonkeyPatch) -> ClusterExecutor:
    """The same, which sends the image files to its workers."""
    monkeypatch.setattr(cluster, "_ships_images", True)
    return cluster
