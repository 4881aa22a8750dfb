"""The chart of an audit: bars in proportion to the shares, and no share invisible."""

from __future__ import annotations

import numpy as np
import pytest

from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.share_chart import COLORS, segments, shares_chart
from dreamfilters.verdicts.verdict import KINDS, Verdict


def layer(name, *kinds):
    findings = tuple(Finding(unit, Verdict(kind, "")) for unit, kind in enumerate(kinds))
    return LayerAudit(name, "Conv2D", "relu", findings)


def chart(*layers):
    return shares_chart(Audit("net", "f", 9, (8, 8), "standard", 0, layers))


def pixels(image, kind):
    return int((image == np.array(COLORS[kind])).all(axis=-1).sum())


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1, 1], [50, 50]),
        ([99, 1], [96, 4]),
        ([0, 0], [0, 0]),
        ([0, 5], [0, 100]),
        ([1, 1, 1], [33, 34, 33]),
        ([998, 1, 0, 1], [92, 4, 0, 4]),
    ],
)
def test_segments_fill_the_bar_and_show_every_share(counts, expected):
    assert segments(counts, 100) == expected


def test_every_kind_has_its_own_color():
    assert tuple(COLORS) == KINDS
    assert len(set(COLORS.values())) == len(KINDS)


def test_bars_are_as_long_as_their_shares():
    swatch = 14 * 14
    image = chart(layer("conv", "alive", "alive", "alive", "dead"))
    assert pixels(image, "alive") == swatch + 14 * 315  # three quarters of 420
    assert pixels(image, "dead") == swatch + 14 * 104  # one quarter, less a dark line before it
    assert pixels(image, "dormant") == swatch


def test_several_layers_have_a_row_in_total():
    one = chart(layer("conv", "alive"))
    two = chart(layer("conv", "alive"), layer("dense", "dormant", "dormant", "dormant"))
    assert two.shape[0] == one.shape[0] + 24 + 4 + 1 + 4 + 24 + 4
    assert pixels(two, "dormant") == 14 * (14 + 420 + 314)


def test_long_and_unusual_names_are_shortened_and_drawn():
    image = chart(layer("block/" * 60 + "größe", "alive"), layer("日本 $(rm)", "dead"))
    assert image.shape[1] < 1500
