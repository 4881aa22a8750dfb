"""Matplotlib figures: what they show, where Matplotlib is installed, and the error where it is not."""

import sys

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.errors import DreamfiltersError, OutputError


@pytest.fixture(scope="module")
def dreams(network):
    return df.dream(network, "conv1:0-7", df.Recipe(steps=1))


@pytest.fixture(scope="module")
def scan(network):
    images = np.random.default_rng(0).random((12, 16, 16, 3)).astype("float32")
    return df.scan(network, images, ["conv1"], k=3)


@pytest.fixture
def matplotlib():
    return pytest.importorskip("matplotlib", reason="Matplotlib is not installed (pip install matplotlib)")


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.images]


def test_dreams_are_a_grid(dreams, tmp_path, matplotlib):
    drawn = df.figure(dreams)
    assert titles(drawn) == [dream.caption for dream in dreams]
    assert len(drawn.axes) == 12  # two rows of six
    drawn.savefig(tmp_path / "dreams.pdf")
    assert len(df.figure(dreams[0]).axes) == 1
    assert len(df.figure(list(dreams), columns=3).axes) == 9


def test_a_comparison_is_a_row_for_each_unit(compared, matplotlib):
    drawn = df.figure(compared)
    assert len(titles(drawn)) == sum(1 + len(unit.real) for unit in compared.units)
    assert titles(df.figure(compared.units[0]))[0].startswith("conv:0\ndream: ")


def test_a_scan_is_drawn_as_curves_that_rise_to_the_maximum(scan, matplotlib):
    (axes,) = df.figure(scan.layer("conv1")).axes
    assert len(axes.lines) == 8
    for line in axes.lines:
        assert np.all(np.diff(line.get_ydata()) >= 0)
    (unit,) = df.figure(scan.unit("conv1", 2)).axes[0].lines
    assert unit.get_ydata()[-1] == pytest.approx(scan.unit("conv1", 2).maximum)


def test_a_figure_is_composed_of_others(dreams, scan, matplotlib):
    from matplotlib.figure import Figure

    whole = Figure(layout="constrained")
    left, right = whole.subfigures(1, 2)
    df.figure(dreams[:2], into=left)
    df.figure(scan.unit("conv1", 0), into=right)
    assert len(whole.axes) == 3


def test_without_matplotlib_one_line_says_how_to_install_it(dreams, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(DreamfiltersError, match=r"^figure: needs Matplotlib, .*; pip install matplotlib$"):
        df.figure(dreams)


@pytest.mark.parametrize("value", [(), "conv1", 3, np.zeros((2, 2, 3))])
def test_what_has_no_figure_is_refused(value):
    with pytest.raises(OutputError, match="has no figure; give dreams, a comparison"):
        df.figure(value)
