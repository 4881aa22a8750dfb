"""Worker processes, which start once for all tests of this folder: each takes seconds to import TensorFlow."""

from collections.abc import Iterator

import pytest

from dreamfilters.executors.processes import ProcessExecutor


@pytest.fixture(scope="session")
def workers() -> Iterator[ProcessExecutor]:
    """Two worker processes."""
    with ProcessExecutor(2) as executor:
        yield executor
