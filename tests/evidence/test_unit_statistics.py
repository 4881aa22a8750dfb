"""Units measured on a sample: the numbers of a scan, of images that are spread over the classes."""

import numpy as np
import pytest

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.activations import activations, mean_responses
from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.evidence.unit_statistics import UnitMeter, sample_of
from dreamfilters.networks import LOGITS

LAYERS = ["conv1", "conv2", "classes"]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).random((40, 16, 16, 3)).astype("float32")


def test_the_statistics_are_those_of_a_scan(network, images):
    meter = UnitMeter.of(network, sample_of(network, source_of(images), 40), LAYERS)
    found, scanned = meter.measure(), scan(network, images, LAYERS)
    for name, units in meter.slices.items():
        layer, own = scanned.layer(name), found.statistics.of(units)
        for statistic in ("maximum", "minimum", "mean", "std", "zeros", "silent"):
            np.testing.assert_allclose(getattr(own, statistic), getattr(layer, statistic), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            found.responses[:, units], mean_responses(network, images, [name])[name], rtol=1e-5, atol=1e-6
        )
    np.testing.assert_allclose(found.logits, activations(network, images, [LOGITS])[LOGITS], rtol=1e-5, atol=1e-5)


def test_a_sample_is_spread_over_the_classes(network, images):
    labels = ["STOP"] * 30 + ["20"] * 8 + ["", "other"]
    sample = sample_of(network, source_of(images, labels), 9)
    assert sample.given == 40
    assert np.bincount(sample.truth[sample.truth >= 0]).tolist() == [3, 0, 3]
    assert len(sample) == 7  # and the image whose label is none of the classes
    assert "other" in sample.remark
    assert [int(name) for name in sample_of(network, source_of(images), 3).names] == [0, 20, 39]


def test_wrong_images_are_one_line(network, images):
    with pytest.raises(ImageError, match=r"images of 16x16x1: tiny takes 16x16 RGB"):
        sample_of(network, source_of(images[..., :1]), 9)
    with pytest.raises(ImageError, match="none given"):
        sample_of(network, source_of(images[:0]), 9)
    with pytest.raises(UnknownNameError, match="no such layer"):
        UnitMeter.of(network, sample_of(network, source_of(images), 4), ["conv9"])
