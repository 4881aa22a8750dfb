"""Killed at any moment and started again, every run comes to the bytes of one that nobody killed.

One kill a command; DREAMFILTERS_KILLS=50 asks for more.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("DREAMFILTERS_KILLS", "1"))


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and fork are of POSIX")
@pytest.mark.parametrize("kind", ["dream", "scan", "compare", "atlas"])
def test_killed_at_any_moment_it_comes_to_the_same_bytes(noisy, tmp_path, kind):
    command = [sys.executable, "-m", "tests.killing", kind, noisy / "tiny.keras", noisy / "images", tmp_path, KILLS, 7]
    root = Path(__file__).parents[1]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=root, check=False)
    assert said.returncode == 0, said.stderr[-2000:]
    found = json.loads(said.stdout.splitlines()[-1])
    assert found["kills"] >= KILLS
    assert found["different"] == []
    assert found["files"] > 2
