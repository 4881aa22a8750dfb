"""Valid run folders of every command, with the same files each time."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from tests.fuzz.good_networks import NETWORK, write_network

CHECKPOINTS = "checkpoints"
RUNS = {
    "scan": ["scan", NETWORK, "images", "--out", "out/scan"],
    "dream": ["dream", NETWORK, "conv:0", "class:1", "--set", "steps=2", "--out", "out/dream"],
    "maps": ["maps", NETWORK, "images/one/0.png", "--out", "out/maps", "--arrays"],
    "evaluate": ["evaluate", NETWORK, "images", "--pairs", "1", "--out", "out/evaluate"],
    "audit": ["audit", NETWORK, "--scan", "out/scan", "--out", "out/audit"],
    "compare": ["compare", NETWORK, "conv:0", "images", "--set", "steps=2", "--seeds", "1", "--out", "out/compare"],
    "atlas": ["atlas", NETWORK, "images", "--set", "steps=2", "--seeds", "1", "--out", "out/atlas"],
    "film": ["film", CHECKPOINTS, "--images", "images", "--units", "conv:0", "--range", "0", "1", "--out", "out/film"],
    "attribute": ["attribute", NETWORK, "images/one", "--method", "gradient", "--arrays", "--out", "out/attribute"],
    "ablate": ["ablate", NETWORK, "conv:0", "images", "--out", "out/ablate"],
    "embed": ["embed", NETWORK, "images", "--layer", "conv", "--out", "out/embed"],
    "neighbors": ["neighbors", NETWORK, "images", "images/one", "--layer", "conv", "--out", "out/neighbors"],
    "fool": ["fool", NETWORK, "class:1", "images/one/0.png", "--steps", "2", "--out", "out/fool"],
    "invert": ["invert", NETWORK, "images/one/0.png", "--steps", "2", "--out", "out/invert"],
    "texture": ["texture", NETWORK, "images/one/0.png", "--steps", "2", "--out", "out/texture"],
    "style": ["style", NETWORK, "images/one/0.png", "images/two/0.png", "--steps", "2", "--out", "out/style"],
    "segment": ["segment", NETWORK, "images/one/0.png", "--out", "out/segment"],
    "unit": ["unit", NETWORK, "conv:0", "images", "--set", "steps=2", "--out", "out/unit"],
    "diff": ["diff", NETWORK, NETWORK, "--out", "out/diff"],
}  # the commands that make run folders


def write_runs(folder: Path) -> None:
    """Run every command that makes a run folder."""
    write_network(folder)
    (folder / "net.toml").write_text('range = [0.0, 1.0]\nclasses = ["one", "two", "three"]\n')
    (folder / CHECKPOINTS).mkdir()
    for number in range(2):
        shutil.copy(folder / NETWORK, folder / CHECKPOINTS / f"{number}.keras")
    here = Path.cwd()
    os.chdir(folder)
    try:
        for name, arguments in RUNS.items():
            _run(name, arguments)
    finally:
        os.chdir(here)
    shutil.rmtree(folder / "outputs", ignore_errors=True)


def _run(name: str, arguments: list[str]) -> None:
    from dreamfilters import cli

    output = StringIO()
    sys.argv = ["dreamfilters", *arguments]
    with redirect_stdout(output), redirect_stderr(output):
        try:
            cli.main()
        except SystemExit as stopped:
            if stopped.code:
                raise RuntimeError(f"{name}: {output.getvalue()}") from None
