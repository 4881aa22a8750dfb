"""Every `>>>` example of the package runs and prints what its docstring shows.

An example may use the names of its own module, the public names of `dreamfilters`, `df`, `np`, `network` (the built-in
network), `images` (16 of its rendered signs) and `dreams` (quick dreams of `conv6:12` and `conv6:13`). It runs in a
folder where `signs/` holds the rendered signs, one subfolder for each class, `outputs/scan` a scan of them,
`outputs/evaluation` an evaluation, `outputs/embedding` a map, `outputs/neighbors` a search by conv6, `outputs/audit`
an audit of conv2, `outputs/ablation` an ablation of conv6:12, `outputs/diff` a diff of the network with itself and
`outputs/training` a training of two epochs.
"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from itertools import islice

import keras
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
        ["diff", "signs", "signs", str(path / "signs"), "--most", "16", "--out", str(outputs / "diff")],
    ):  # fmt: skip
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    train(outputs / "training")
    return path


def train(folder):
    """Train a small network on noise for two epochs, and monitor it."""
    stack = [
        keras.Input((12, 12, 3)), keras.layers.Conv2D(8, 3, activation="tanh", name="conv1"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, name="classes"),
    ]  # fmt: skip
    model = keras.Sequential(stack, name="noisy")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = np.random.default_rng(0).random((8, 12, 12, 3))
    monitor = df.TrainingMonitor(images, units=(), out=folder, share=None)
    model.fit(images, np.arange(8) % 2, epochs=2, verbose=0, callbacks=[monitor])


@pytest.fixture(scope="module")
def names(folder):
    """The names that every example may use, besides those of its module."""
    images = np.stack([image for _, image in islice(df.image_folder(folder / "signs", size=(48, 48)), 16)])
    public = {name: getattr(df, name) for name in df.__all__}
    network = df.load("signs")
    dreams = df.dream(network, "conv6:12-13", df.Recipe(steps=8), seed=7)
    return {**public, "df": df, "np": np, "network": network, "images": images, "dreams": dreams}


def modules():
    """The names of all modules, but for those of the backend that Keras does not run on: it need not be installed."""
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
    left_out = ("dreamfilters.__main__", f"dreamfilters.backend.{other}")
    names = [found.name for found in pkgutil.walk_packages(df.__path__, "dreamfilters.")]
    return [name for name in names if not name.startswith(left_out)]


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
