"""Row group: epochs of a training with `TrainingMonitor` against the same epochs without it, in turn."""

from __future__ import annotations

import contextlib
import io
import os
import time
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table

_SHARE = 0.05  # of the training time that looks take by default
_EPOCHS = 12
_ROUNDS = 3
_COPIES = 8  # of the 172 rendered signs in an epoch


def measure(setting: Setting) -> Table:
    """Train the traffic-sign network without a monitor, with the default one, and with a look after each epoch."""
    rounds, epochs = (1, 2) if setting.quick else (_ROUNDS, _EPOCHS)
    cases: dict[str, dict[str, Any] | None] = {
        "no monitor": None,
        "monitor": {},
        "monitor, share=None": {"share": None},
    }
    times: dict[str, list[tuple[float, float, int]]] = {name: [] for name in cases}
    loads = []
    for _ in range(rounds):
        for name, options in cases.items():
            times[name].append(_train(setting, options, epochs))
            loads.append(os.getloadavg()[0])
    count = _COPIES * 172
    table = Table(
        f"Training: {epochs} epochs of the traffic-sign network with {count} images, {rounds} times in turn",
        ["what", "s per epoch, median", "s of the first epoch more", "looks", "share of the time without"],
    )
    plain = [after for _, after, _ in times["no monitor"]]
    for name, found in times.items():
        shares = [after / bare - 1 for (_, after, _), bare in zip(found, plain, strict=True)]
        first = median(first - after / (epochs - 1) for first, after, _ in found)
        per_epoch = median(after for _, after, _ in found) / (epochs - 1)
        table.rows.append([name, per_epoch, first, found[0][2], median(shares)])
        if name == "monitor":
            table.targets = [("the default monitor's share of the training time", median(shares), _SHARE)]
    table.notes = [
        "The first epoch more: compiling, with the monitor also its preparation and its first look.",
        f"Load average during the rows: {min(loads):.1f} to {max(loads):.1f}.",
    ]
    return table


def _train(setting: Setting, options: dict[str, Any] | None, epochs: int) -> tuple[float, float, int]:
    """Return the seconds of the first epoch and of all others together, and the number of looks."""
    import keras
    import numpy as np

    import dreamfilters as df
    from dreamfilters.signs.rendering.scenes import samples

    pairs = samples()
    images = np.concatenate([np.stack([image for _, image in pairs])] * _COPIES)
    numbers = np.array([number for number, _ in pairs] * _COPIES)
    model = keras.models.load_model(setting.signs)
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
    began: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: began.append(time.perf_counter()))
    with TemporaryDirectory() as folder:
        shown, labels = images[: len(pairs)], numbers[: len(pairs)].tolist()
        monitors = [] if options is None else [
            df.TrainingMonitor(shown, labels, out=f"{folder}/run", form={"range": [0, 1]}, **options)
        ]  # fmt: skip
        # The clock comes first, so that an epoch ends after its look; a last epoch gives the end of the one before.
        with contextlib.redirect_stdout(io.StringIO()):
            model.fit(images, numbers, batch_size=64, epochs=epochs + 1, verbose=0, callbacks=[clock, *monitors])
    looks = len(monitors[0].training.looks) if monitors and monitors[0].training else 0
    return began[1] - began[0], began[epochs] - began[1], looks
