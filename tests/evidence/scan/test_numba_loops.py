"""Loops that numba compiles: once, and stored only where the user says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamfilters.evidence.scan import numba_loops
from tests.evidence.scan.test_compiled_reductions import needs_numba


def loop(values):
    for number in range(len(values)):
        values[number] += 1


def test_a_loop_is_compiled_where_it_pays_and_is_kept(monkeypatch):
    monkeypatch.setattr(numba_loops, "_compiled", {})
    assert numba_loops.compiled(loop, pays=False) is None
    monkeypatch.setattr(numba_loops, "find_spec", lambda name: None)
    assert numba_loops.compiled(loop, pays=True) is None
    monkeypatch.setitem(numba_loops._compiled, loop, print)
    assert numba_loops.compiled(loop, pays=False) is print


@needs_numba
@pytest.mark.parametrize("named", [True, False])
def test_it_is_stored_only_where_the_user_names_a_folder(named, tmp_path):
    code = "import numpy as np; from dreamfilters.evidence.scan.compiled_additions import compiled_additions\n"
    code += "compiled_additions(1e9).bin(np.ones((1, 1), 'f4'), np.ones(1), np.zeros(1, int), np.zeros((1, 9), 'u4'))"
    given = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    given |= {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} if named else {}
    subprocess.run([sys.executable, "-c", code], check=True, env={**given, "HOME": str(tmp_path), "XDG_CACHE_HOME": ""})
    stored = [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.nbi")]
    assert stored == (["cache"] if named else [])
    assert list(Path(numba_loops.__file__).parent.rglob("*.nbi")) == []
