"""Reductions on a device against the maps, and against those on the CPU. A CPU can do both."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.evidence.scan.reductions import reducer
from dreamfilters.evidence.scan.scan_job import ScanJob, scan
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import LOGITS, InputForm, Network, before
from tests.evidence.scan.map_numbers import numbers_of_maps

LAYERS = ["conv1", "pool1", "conv2", before("conv2"), "flat", "classes", LOGITS]


@pytest.fixture(scope="module")
def network(tiny):
    return Network(tiny, InputForm.from_range(0, 1, size=(16, 16)), tuple("abc"))


def images(n=5, seed=0):
    return np.random.default_rng(seed).random((n, 16, 16, 3), dtype=np.float32)


def both(network, names, given, thresholds):
    """Return the statistics by the device and by the CPU."""
    reduce = reducer(network, names)
    with backend.executing(reduces=True):
        on_device = reduce(given, thresholds)
    return on_device, reduce(given, thresholds)


def test_the_numbers_are_those_of_the_maps(network):
    expected = numbers_of_maps(network, LAYERS, images())
    units = expected["maximum"].shape[1]
    found, by_cpu = both(network, LAYERS, images(), np.full((4, units), -np.inf, np.float32))
    for name, numbers in expected.items():
        values = getattr(found, name)
        np.testing.assert_allclose(values, numbers, rtol=1e-5, atol=1e-6, err_msg=name)
        assert values.dtype == getattr(by_cpu, name).dtype


def test_positions_are_given_above_the_thresholds_only(network):
    thresholds = np.full((4, 8), np.inf, np.float32)
    thresholds[0, 2] = -np.inf
    found, by_cpu = both(network, ["conv1"], images(), thresholds)
    assert found.position[:, 2].any()
    assert not np.delete(found.position, 2, axis=1).any()
    assert found.position.tolist() == by_cpu.position.tolist()


def test_a_map_that_is_not_finite_has_no_numbers():
    """The second filter divides by 0 where a pixel is 0."""
    inputs = keras.Input((4, 4, 1))
    maps = layers.Concatenate(name="both")([inputs, layers.Rescaling(np.inf, name="inf")(inputs)])
    network = Network(keras.Model(inputs, maps), InputForm.from_range(0, 1, size=(4, 4), channels=1))
    given = np.ones((2, 4, 4, 1), np.float32)
    given[0, 1, 2] = 0.0
    found, by_cpu = both(network, ["both"], given, np.full((4, 2), -np.inf, np.float32))
    assert np.isnan(found.mean).tolist() == np.isnan(by_cpu.mean).tolist() == [[False, True], [False, True]]
    assert np.isnan(found.maximum).tolist() == [[False, True], [False, True]]
    assert found.zeros[:, 0].tolist() == [1, 0]
    assert found.position[:, 1].tolist() == [0, 0]


def test_a_scan_on_the_device_is_that_of_the_cpu(network):
    given = images(11, seed=3)
    with backend.executing(reduces=True, scanned=4):
        found = scan(network, given, ["conv2", "classes"], k=3)
    expected = scan(network, given, ["conv2", "classes"], k=3)
    for layer in ("conv2", "classes"):
        one, other = found.layer(layer), expected.layer(layer)
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(one.maximum, other.maximum, rtol=1e-5, atol=1e-7)
        assert one.always_silent.tolist() == other.always_silent.tolist()
    assert found.predicted.tolist() == expected.predicted.tolist()


def test_the_batch_is_sized_by_the_memory_of_the_device(network, monkeypatch):
    job = ScanJob(network, source_of(images(80), None), ("conv1",))  # maps of 16 * 16 * 8 * 4 = 8,192 bytes an image
    assert job._batch_size == 64
    monkeypatch.setattr(backend, "device", lambda: backend.Device("gpu", "H", 1, 8 * 5 * 8192))
    with backend.executing(scanned=256):
        assert ScanJob(network, job.source, ("conv1",))._batch_size == 5  # an eighth of the memory
