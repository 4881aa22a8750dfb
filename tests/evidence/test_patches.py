"""Tests of patches: changing any pixel outside a patch does not change the response."""

import numpy as np
import pytest

from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.patches import extract_patch
from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.layers.layer_info import ReceptiveField, TokenGrid


def conv(offset=(-1, -1)):
    return LayerInfo("conv", "Conv2D", (8, 8, 4), 4, "relu", ReceptiveField((3, 3), (2, 2), offset))


def test_a_patch_inside_the_image_is_cut_out():
    image = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    found = extract_patch(image, conv(), (2, 3))
    np.testing.assert_array_equal(found.image, image[3:6, 5:8])
    assert found.outside == (0, 0, 0, 0)
    assert found.describe() == "3x3 at (3, 5)"


def test_padding_is_a_checkerboard_and_described():
    image = np.full((15, 15, 1), 0.9, np.float32)
    found = extract_patch(image, conv(offset=(-2, -1)), (0, 7))
    assert found.box == (-2, 13, 1, 16)
    assert found.outside == (2, 0, 0, 1)
    assert found.image.shape == (3, 3, 1)
    assert found.image[2, :2, 0].tolist() == [pytest.approx(0.9)] * 2
    assert set(np.unique(found.image[:2])) == {np.float32(0.4), np.float32(0.6)}
    assert found.describe() == "3x3 at (-2, 13), 2 rows and 1 column outside the image"


def test_a_field_outside_the_image_shows_none_of_it():
    found = extract_patch(np.ones((4, 4, 3), np.float32), conv(offset=(-9, -9)), (0, 0))
    assert found.image.max() < 1


def test_a_dense_layer_has_the_whole_image():
    image = np.ones((5, 6, 3), np.float32)
    found = extract_patch(image, LayerInfo("dense", "Dense", (9,), 9, "relu", kind="vector"), (0, 0))
    assert found.whole_image
    assert found.describe() == "whole image"
    assert found.image.shape == (5, 6, 3)


def test_an_unknown_position_is_refused():
    with pytest.raises(TargetError, match=r"conv: position \(8, 0\) is outside its 8x8 positions"):
        extract_patch(np.ones((16, 16, 3), np.float32), conv(), (8, 0))


def test_a_token_has_the_patch_of_its_grid():
    """Eight by twelve pixels in patches of 4x4 after a class token: token 5 is the patch of row 1, column 1."""
    image = np.random.default_rng(0).random((8, 12, 3), dtype=np.float32)
    tokens = LayerInfo("mlp", "Dense", (7, 5), 5, "gelu", kind="tokens", grid=TokenGrid(2, 3, 1))
    found = extract_patch(image, tokens, (5, 0))
    np.testing.assert_array_equal(found.image, image[4:8, 4:8])
    assert found.describe() == "4x4 at (4, 4)"
    assert extract_patch(image, tokens, (0, 0)).whole_image  # the class token
    with pytest.raises(TargetError, match=r"position \(7, 0\) is outside its 7x1 positions"):
        extract_patch(image, tokens, (7, 0))


def test_the_response_depends_on_the_pixels_of_the_patch_only(tiny, network_of):
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
        response = activations(network, other[None], ["conv2"])["conv2"][0, *example.position, number]
        assert response == pytest.approx(example.score, rel=1e-5)
