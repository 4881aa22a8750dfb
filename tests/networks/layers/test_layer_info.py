"""Kinds of layers as values: axes, positions, and the grid of tokens."""

import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from dreamfilters.networks.layers.layer_info import (
    LayerInfo,
    ReceptiveField,
    TokenGrid,
    as_maps,
    position_axes,
    square_grid,
)


def info(kind, shape):
    return LayerInfo("layer", "Type", shape, shape[-1], "linear", kind=kind)


def test_a_kind_names_the_axes_and_counts_the_positions():
    assert info("map", (4, 5, 6)).axes == ("row", "column", "channel")
    assert info("map", (4, 5, 6)).positions == 20
    assert info("map", (None, 5, 6)).positions is None
    assert info("tokens", (17, 6)).axes == ("token", "channel")
    assert info("tokens", (17, 6)).positions == 17
    assert info("vector", (6,)).axes == ("unit",)
    assert info("vector", (6,)).positions == 1
    assert not info("not visual", (2, 3, 4, 5)).axes


def test_the_positions_of_an_activation():
    shapes = {(2, 4, 5, 6): (1, 2), (2, 17, 6): (1,), (2, 6): ()}
    for shape, axes in shapes.items():
        assert position_axes(np.zeros(shape)) == axes


def test_every_visual_activation_is_laid_out_as_maps():
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert as_maps(values).shape == (2, 3, 1, 4)
    assert as_maps(values)[1, 2, 0, 3] == values[1, 2, 3]
    assert as_maps(values[:, 0]).shape == (2, 1, 1, 4)
    maps = np.zeros((2, 5, 6, 4))
    assert as_maps(maps) is maps or np.shares_memory(as_maps(maps), maps)


def test_patches_and_other_tokens_of_a_grid():
    """A class token 0, six patches 1 to 6 in two rows, and a trailing token 7."""
    grid = TokenGrid(2, 3, leading=1)
    values = np.stack([np.arange(8), 10 + np.arange(8)], axis=-1)
    assert grid.patches(values)[..., 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert grid.patches(values[None])[0, 1, 2].tolist() == [6, 16]
    assert grid.other_tokens(values).tolist() == [[0, 10], [7, 17]]
    assert [grid.position(token) for token in (0, 1, 6, 7)] == [None, (0, 0), (1, 2), None]
    assert grid.box(6, 32, 48) == (16, 32, 32, 48)
    assert grid.box(0, 32, 48) is grid.box(7, 32, 48) is None


def test_boxes_of_a_grid_cover_the_image_once():
    grid, seen = TokenGrid(3, 4), np.zeros((20, 30), int)
    for token in range(12):
        top, left, bottom, right = grid.box(token, 20, 30)
        seen[top:bottom, left:right] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(
    ("tokens", "size", "grid"),
    [
        (16, (32, 32), TokenGrid(4, 4)),
        (197, (224, 224), TokenGrid(14, 14, 1)),
        (198, (224, 224), TokenGrid(14, 14, 2)),  # DeiT: class and distillation token
        (261, (224, 224), TokenGrid(16, 16, 5)),  # DINOv2 with registers
        (197, (None, None, 3), TokenGrid(14, 14, 1)),
        (9, (48, 96), TokenGrid(2, 4, 1)),
        (33, (32, 32), TokenGrid(5, 5, 8)),
        (35, (32, 32), None),
        (1, (32, 32), None),
        (5, (32, 32), TokenGrid(2, 2, 1)),
    ],
)
def test_the_square_rule(tokens, size, grid):
    assert square_grid(tokens, size) == grid


def test_the_values_need_no_tensorflow():
    code = "import sys, dreamfilters.networks.layers.layer_info; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


KNOWN = LayerInfo("conv", "Conv2D", (None, 7, 8), 8, "relu", ReceptiveField((7, Fraction(7, 2)), (2, 2), (-3, 0)))


def test_a_layer_comes_back_from_json():
    tokens = LayerInfo("mlp", "Dense", (5, 9), 9, "gelu", kind="tokens", grid=TokenGrid(2, 2, 1))
    for info in (KNOWN, tokens):
        assert LayerInfo.from_values(json.loads(json.dumps(info.as_values()))) == info


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3}, {"units": "8"}, {"units": -1}, {"units": True}, {"shape": 3}, {"shape": [0, 7, 8]}, {"shape": [7]},
        {"shape": [2**60, 7, 8]}, {"kind": "page"}, {"grid": {}}, {"grid": {"rows": 0, "columns": 1}}, {"more": 1},
        {"grid": {"rows": 1, "columns": 1, "leading": -1}}, {"dreamable": 1}, {"receptive_field": 3},
        {"receptive_field": {}}, {"receptive_field": {"size": [1, 1], "stride": ["1", "1"], "offset": ["0", "0"]}},
        {"receptive_field": {"size": ["1e999999999", "1"], "stride": ["1", "1"], "offset": ["0", "0"]}},
        {"receptive_field": {"size": ["1/0", "1"], "stride": ["1", "1"], "offset": ["0", "0"]}},
    ],
)  # fmt: skip
def test_values_that_are_no_layer_are_refused(change):
    with pytest.raises(ValueError, match=r"."):
        LayerInfo.from_values({**KNOWN.as_values(), **change})
    with pytest.raises(ValueError, match="missing"):
        LayerInfo.from_values({key: value for key, value in KNOWN.as_values().items() if key != "name"})
