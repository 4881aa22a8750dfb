"""Every `>>>` example of the package runs and prints what its docstring shows.

An example may use the names of its own module, the public names of `dreamfilters`, `df`, `np`, `network` (the built-in
network), `images` (16 of its rendered signs) and `dreams` (quick dreams of `conv6:12` and `conv6:13`). It runs in a
folder where `signs/` holds the rendered signs, one subfolder for each class, `outputs/scan` a scan of them,
`outputs/evaluation` an evaluation, `outputs/embedding` a map, `outputs/neighbors` a search by conv6, `outputs/audit` an
audit of conv2 and `outputs/ablation` an ablation of conv6:12.
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from itertools import islice

import numpy as np
import pytest
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli import app
from dreamfilters.signs.rendering.scenes import write_samples

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SKIPS = 1  # `gtsrb.archive.fetch` downloads 300 MB


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the rendered signs, a scan of them, an audit and an ablation."""
    path = tmp_path_factory.mktemp("examples")
    write_samples(path / "signs")
    outputs = path / "outputs"
    for command in (
        ["scan", "signs", str(path / "signs"), "--out", str(outputs / "scan")],
        ["evaluate", "signs", str(path / "signs"), "--pairs", "1", "--out", str(outputs / "evaluation")],
        ["embed", "signs", str(path / "signs"), "--out", str(outputs / "embedding")],
        [
            "neighbors",
            "signs",
            *[str(path / "signs")],
            str(path / "signs" / "14"),
            "--layer",
            "conv6",
            "--out",
            str(outputs / "neighbors"),
        ],
        ["audit", "signs", "--scan", str(outputs / "scan"), "--layers", "conv2", "--out", str(outputs / "audit")],
        ["ablate", "signs", "conv6:12", str(path / "signs"), "--controls", "2", "--out", str(outputs / "ablation")],
    ):  # fmt: skip
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def names(folder):
    """The names that every example may use, besides those of its module."""
    images = np.stack([image for _, image in islice(df.image_folder(folder / "signs", size=(48, 48)), 16)])
    public = {name: getattr(df, name) for name in df.__all__}
    network = df.load("signs")
    dreams = df.dream(network, "conv6:12-13", df.Recipe(steps=8), seed=7)
    return {**public, "df": df, "np": np, "network": network, "images": images, "dreams": dreams}


def modules():
    return [found.name for found in pkgutil.walk_packages(df.__path__, "dreamfilters.") if "__main__" not in found.name]


def failures_of(name, names):
    """The failure reports of one module's examples, how many ran and how many were skipped."""
    module = importlib.import_module(name)
    runner, reports, skipped = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False), [], 0
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name, globs={**names, **vars(module)}):
        runner.run(test, out=reports.append)
        skipped += sum(example.options.get(doctest.SKIP, False) for example in test.examples)
    return "".join(reports), runner.tries, skipped


@pytest.mark.slow
def test_examples_run(folder, names, monkeypatch, record_property):
    monkeypatch.chdir(folder)
    found = {name: failures_of(name, names) for name in modules()}
    broken = {name: report for name, (report, _, _) in found.items() if report}
    tries, skipped = (sum(row[index] for row in found.values()) for index in (1, 2))
    record_property("examples", tries - skipped)
    assert not broken, "\n".join(broken.values())
    assert skipped == SKIPS
    assert tries - skipped > 80
