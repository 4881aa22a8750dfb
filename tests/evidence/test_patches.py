"""A crop is exactly what a place sees: changing any other pixel changes nothing there."""

import numpy as np
import pytest

from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.patches import extract_patch
from dreamfilters.evidence.scan.result import LayerFacts, field_of
from dreamfilters.evidence.scan.scanner import scan


def facts(shape=(8, 8, 4), offset=(-1, -1), size=(3, 3), stride=(2, 2)):
    return LayerFacts("conv", "Conv2D", "relu", shape, field_of(size, stride, offset))


def test_inside_it_is_cut_out():
    image = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    found = extract_patch(image, facts(), (2, 3))
    np.testing.assert_array_equal(found.image, image[3:6, 5:8])
    assert found.beyond == (0, 0, 0, 0)
    assert found.describe() == "3x3 at (3, 5)"


def test_beyond_the_edge_it_is_chequered_and_said():
    image = np.full((15, 15, 1), 0.9, np.float32)
    found = extract_patch(image, facts(offset=(-2, -1)), (0, 7))
    assert found.box == (-2, 13, 1, 16)
    assert found.beyond == (2, 0, 0, 1)
    assert found.image.shape == (3, 3, 1)
    assert found.image[2, :2, 0].tolist() == [pytest.approx(0.9)] * 2
    assert set(np.unique(found.image[:2])) == {np.float32(0.4), np.float32(0.6)}
    assert found.describe() == "3x3 at (-2, 13), 2 rows and 1 column beyond the image"


def test_a_field_wholly_beyond_the_image_shows_none_of_it():
    found = extract_patch(np.ones((4, 4, 3), np.float32), facts(offset=(-9, -9)), (0, 0))
    assert found.image.max() < 1


def test_the_whole_image_is_said_honestly():
    image = np.ones((5, 6, 3), np.float32)
    found = extract_patch(image, LayerFacts("dense", "Dense", "relu", (1, 1, 9), None), (0, 0))
    assert found.whole
    assert found.describe() == "whole image"
    assert found.image.shape == (5, 6, 3)


def test_a_place_that_is_not_there_is_refused():
    with pytest.raises(TargetError, match="maps are 8x8"):
        extract_patch(np.ones((16, 16, 3), np.float32), facts(), (8, 0))


def test_only_the_pixels_of_the_crop_count(tiny, network_of):
    network = network_of(tiny)
    images = np.random.default_rng(1).random((9, 16, 16, 3), dtype=np.float32)
    found = scan(network, images, ["conv2"], k=1)
    for number in range(8):
        example = found.unit("conv2", number).strongest["max"][0]
        top, left, bottom, right = extract_patch(
            images[example.index], found.layer("conv2").facts, example.position
        ).box
        other = np.random.default_rng(2).random((16, 16, 3), dtype=np.float32)
        rows, columns = slice(max(top, 0), bottom), slice(max(left, 0), right)
        other[rows, columns] = images[example.index][rows, columns]
        answer = activations(network, other[None], ["conv2"])["conv2"][0, *example.position, number]
        assert answer == pytest.approx(example.score, rel=1e-5)
