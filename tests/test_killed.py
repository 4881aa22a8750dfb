"""A run that is killed at a random moment resumes to the bytes of one that is not.

One kill for each command, three in a thorough run.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.killing import COMMANDS
from tests.thorough import THOROUGH

KINDS = ["dream", "scan", "compare", "atlas", "attribute", "evaluate"]
# Their parts are those of others: runs of techniques save like `attribute`, runs over images like `scan`.
RARE = [pytest.param(kind, marks=pytest.mark.thorough) for kind in ("film", "diff", *COMMANDS)]
KILLS = 3 if THOROUGH else 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and fork")
@pytest.mark.parametrize("kind", [*KINDS, *RARE])
def test_a_killed_run_resumes_to_the_same_bytes(noisy, tmp_path, kind):
    command = [sys.executable, "-m", "tests.killing", kind, noisy / "tiny.keras", noisy / "images", tmp_path, KILLS, 7]
    root = Path(__file__).parents[1]
    message = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=root, check=False)
    assert message.returncode == 0, message.stderr[-2000:]
    found = json.loads(message.stdout.splitlines()[-1])
    assert found["kills"] >= KILLS
    assert found["different"] == []
    assert found["files"] > 2
