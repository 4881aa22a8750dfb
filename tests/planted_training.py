"""A training with planted faults, monitored once for the tests of several packages."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BIAS_EPOCH, SHUFFLED_EPOCH, EPOCHS = 3, 5, 6  # the first epochs with a fault, and the last epoch


@pytest.fixture(scope="session")
def colored_images() -> tuple[np.ndarray, np.ndarray]:
    """Noisy images (120, 12, 12, 3) of three colors, and their classes."""
    rng = np.random.default_rng(0)
    images, classes = rng.random((120, 12, 12, 3)).astype("float32") * 0.4, np.arange(120) % 3
    for number, color in enumerate(classes):
        images[number, :, :, color] += 0.35
    return images, classes


@pytest.fixture(scope="session")
def make_learner() -> Callable[..., Any]:
    """A function that makes a compiled network for them: conv1, conv2 that is frozen, and classes."""
    import keras
    from keras import layers

    def made() -> keras.Model:
        keras.utils.set_random_seed(3)
        model = keras.Sequential(
            [
                layers.Input((12, 12, 3)),
                layers.Conv2D(8, 3, activation="relu", name="conv1"),
                layers.Conv2D(8, 3, activation="relu", name="conv2", trainable=False),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax", name="classes"),
            ],
            name="learner",
        )
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return made


def bias_callback() -> Any:
    """Return a callback that drives the bias of filter 3 of conv1 negative when epoch `BIAS_EPOCH` begins."""
    import keras

    def drive(epoch: int, logs: Any = None) -> None:
        if epoch == BIAS_EPOCH - 1:
            layer = callback.model.get_layer("conv1")
            kernel, bias = layer.get_weights()
            bias[3] = -100
            layer.set_weights([kernel, bias])

    callback = keras.callbacks.LambdaCallback(on_epoch_begin=drive)
    return callback


@pytest.fixture(scope="session")
def faulty(
    colored_images: tuple[np.ndarray, np.ndarray],
    make_learner: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Any, str]:
    """The run folder and the training with three faults, and what the monitor printed.

    See `bias_callback`; conv2 is frozen; the labels are shuffled from epoch `SHUFFLED_EPOCH` on, in a second `fit`.
    """
    from dreamfilters.training.monitor import TrainingMonitor

    images, classes = colored_images
    model, folder = make_learner(), tmp_path_factory.mktemp("trained") / "faulty"
    monitor = TrainingMonitor(
        images[:45], classes[:45], units=["conv1:2", "conv1:5"], out=folder, share=None, tensorboard=True
    )
    shuffled = (classes + np.random.default_rng(1).integers(1, 3, len(classes))) % 3
    printed, settings = io.StringIO(), {"batch_size": 12, "verbose": 0}
    with contextlib.redirect_stdout(printed):
        model.fit(images, classes, epochs=SHUFFLED_EPOCH - 1, callbacks=[monitor, bias_callback()], **settings)
        start = SHUFFLED_EPOCH - 1
        model.fit(images, shuffled, epochs=EPOCHS, initial_epoch=start, callbacks=[monitor], **settings)
    assert monitor.training is not None
    return folder, monitor.training, printed.getvalue()
