"""Tests of a scan job: it stops after any batch and resumes from its state, also in another process."""

import numpy as np
import pytest

from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState
from dreamfilters.evidence.scan.sources import source_of


@pytest.fixture
def job(tiny, network_of):
    images = np.random.default_rng(0).random((17, 16, 16, 3), dtype=np.float32)
    return ScanJob(
        network_of(tiny), source_of(images, ["0", "1", ""] * 5 + ["2", "2"]), ("conv1", "//logits"), k=3, batch=4
    )


def test_a_resumed_scan_processes_the_remaining_images_only(job):
    complete = job.start()
    names = list(job.advance(complete))
    assert names == ["3", "7", "11", "15", "16"]
    for stop in range(5):
        interrupted = job.start()
        for _ in zip(range(stop), job.advance(interrupted), strict=False):
            pass
        arrays = {name: values.copy() for name, values in interrupted.accumulators.arrays.items()}
        resumed = ScanState(interrupted.done, Accumulators.from_arrays(arrays), interrupted.predicted.copy())
        assert list(job.advance(resumed)) == names[interrupted.done // 4 :]
        assert resumed.done == 17
        assert resumed.predicted.tolist() == complete.predicted.tolist()
        expected = complete.accumulators.arrays
        assert all(resumed.accumulators.arrays[name].tobytes() == expected[name].tobytes() for name in arrays)


def test_facts_describe_each_layer(job):
    conv, logits = job.facts
    assert (conv.type, conv.activation, conv.shape) == ("Conv2D", "relu", (16, 16, 8))
    assert conv.receptive_field.size == (3, 3)
    assert (logits.type, logits.shape, logits.receptive_field) == ("logits", (3,), None)
