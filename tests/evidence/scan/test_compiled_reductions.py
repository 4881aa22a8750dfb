"""The compiled loop gives the bytes of NumPy, for every shape and value."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from dreamfilters.evidence.scan import compiled_reductions
from dreamfilters.evidence.scan.compiled_reductions import WORTH, reduce_all
from dreamfilters.evidence.scan.lanes import LANES, ROWS, groups
from dreamfilters.evidence.scan.reductions import reduce_layers
from dreamfilters.evidence.scan.scan_job import scan

needs_numba = pytest.mark.skipif(
    compiled_reductions.find_spec("numba") is None, reason="numba is not installed (extra: fast)"
)


@pytest.fixture(scope="module")
def loop():
    return compiled_reductions.compiled_reductions(WORTH)


def maps_of(shape, seed, *, special=(), dtype="float32"):
    """Return maps with many zeros, negative zeros, and these values at random places."""
    chance = np.random.default_rng(seed)
    maps = chance.normal(size=shape).astype(dtype)
    maps[chance.random(shape) < 0.3] = 0
    maps[chance.random(shape) < 0.1] = -0.0
    for value in special:
        maps[chance.random(shape) < 0.02] = value
    return maps


def differing(one, other):
    """Return the names of the statistics whose bytes differ."""
    return [name for name in vars(one) if getattr(one, name).tobytes() != getattr(other, name).tobytes()]


def thresholds(units, value=-np.inf):
    return np.full((4, units), value, np.float32)


SHAPES = st.tuples(
    st.integers(1, 4), st.integers(1, 40), st.integers(1, 40), st.sampled_from((1, 2, 3, 7, 8, 31, 64, 130, LANES + 1))
)
SPECIAL = st.lists(st.sampled_from((np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-42)), max_size=3, unique=True)


@needs_numba
@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 999), special=SPECIAL, dtype=st.sampled_from(("float32", "float16")))
@example(shape=(1, 1, 1, 1), seed=0, special=[], dtype="float32")
@example(shape=(1, 2, 4, 1), seed=1, special=[], dtype="float32")  # a single lane would be added in pairs
@example(shape=(2, 150, 150, 3), seed=1, special=[], dtype="float32")  # several blocks of rows
@example(shape=(3, 197, 1, 768), seed=2, special=[np.nan], dtype="float32")
@example(shape=(1, 600, 1, 1), seed=3, special=[np.inf], dtype="float16")
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_the_bytes_are_those_of_numpy(loop, shape, seed, special, dtype):
    maps = maps_of(shape, seed, special=special, dtype=dtype)
    by_numpy = reduce_layers([maps], thresholds(shape[-1]))
    assert differing(by_numpy, reduce_layers([maps], thresholds(shape[-1]), loop)) == []
    alone = reduce_layers([maps[-1:]], thresholds(shape[-1]), loop)
    assert [getattr(alone, name).tobytes() for name in vars(alone)] == [
        getattr(by_numpy, name)[-1:].tobytes() for name in vars(alone)
    ]


@needs_numba
def test_layers_lie_side_by_side_and_positions_only_where_they_are_asked_for(loop):
    maps = [maps_of((3, 5, 6, 4), 0), maps_of((3, 1, 1, 9), 1), maps_of((3, 20, 20, 33), 2)]
    limits = thresholds(4 + 9 + 33, np.inf)
    limits[0, 20:] = 2.5
    one, other = (reduce_layers(maps, limits, each) for each in (None, loop))
    assert differing(one, other) == []
    assert one.position[:, 20:].any()
    assert not one.position[:, :20].any()


def test_the_loop_is_plain_python_with_numbers_worked_by_hand():
    """Two positions of three units: maximum, minimum, mean, mean square, zeros, and the place of the maximum."""
    numbers, place = np.empty((5, 1, 3), np.float32), np.empty((1, 3), np.int32)
    reduce_all(np.float32([[1, 0, -2, 3, 0, -4]]), 2, 3, groups(2, 3), numbers, place, 0)
    assert numbers[:, 0].tolist() == [[3, 0, -2], [1, 0, -4], [2, 0, -3], [5, 0, 10], [0, 2, 0]]
    assert place.tolist() == [[1, 0, 0]]


def test_sums_round_little_however_large_the_map():
    """A million times a tenth: added one by one in float32 it would be off by 0.9 %."""
    maps = np.full((1, 1000, 1000, 1), 0.1, np.float32)
    assert len(maps[0]) > ROWS
    assert reduce_layers([maps], thresholds(1)).mean[0, 0] == pytest.approx(0.1, rel=3e-6)


@needs_numba
def test_it_is_compiled_for_large_work_only():
    """In a process of its own, because it is kept once it is compiled."""
    code = "from dreamfilters.evidence.scan.compiled_reductions import WORTH, compiled_reductions as kept\n"
    code += (
        "import sys; found = [kept(WORTH / 2) is None, 'numba' in sys.modules, kept(WORTH) is None, kept(0) is None]"
    )
    done = subprocess.run([sys.executable, "-c", f"{code}; print(found)"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, False, False, False]"


@needs_numba
@pytest.mark.parametrize("named", [True, False])
def test_it_is_stored_only_where_the_user_names_a_folder(named, tmp_path):
    code = "from dreamfilters.evidence.scan.compiled_reductions import WORTH, compiled_reductions as c; c(WORTH)"
    given = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    given |= {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} if named else {}
    subprocess.run([sys.executable, "-c", code], check=True, env={**given, "HOME": str(tmp_path), "XDG_CACHE_HOME": ""})
    stored = [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.nbi")]
    assert stored == (["cache"] if named else [])
    assert list(Path(compiled_reductions.__file__).parent.rglob("*.nbi")) == []


def test_without_numba_there_is_no_loop(monkeypatch):
    monkeypatch.setattr(compiled_reductions, "find_spec", lambda name: None)
    assert compiled_reductions.compiled_reductions(WORTH) is None


@needs_numba
def test_a_scan_has_the_same_bytes_with_the_loop_and_without(tiny, network_of, monkeypatch):
    network = network_of(tiny)
    images = np.random.default_rng(3).random((21, 16, 16, 3), dtype=np.float32)
    monkeypatch.setattr(compiled_reductions, "find_spec", lambda name: None)
    without = scan(network, images, k=3).arrays
    monkeypatch.undo()
    monkeypatch.setattr(compiled_reductions, "WORTH", 0)
    assert compiled_reductions.compiled_reductions(0) is not None
    found = scan(network, images, k=3).arrays
    assert [name for name in found if found[name].tobytes() != without[name].tobytes()] == []
