"""Training script of the built-in network: `python -m dreamfilters.signs.train FOLDER... --test FOLDER --out DIR`.

The architecture is that of the blog post this project started from. Every training image is shifted, rotated, scaled,
sheared, blurred and relit by the transforms that dreams use, then perturbed in the direction that increases the loss
(adversarial training, Madry et al. 2018, with a single step as in Wong et al. 2020). The input gradients of robust
networks align with human perception (Engstrom et al. 2019, "Adversarial robustness as a prior for learned
representations"), which makes their dreams readable. `record.json` documents the training.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.transforms import Blur, Color, Noise, Rotate, Scale, Shear, Shift, apply
from dreamfilters.errors import ImageError
from dreamfilters.images import image_folder
from dreamfilters.writing.single_files import new_file, write_file

SIZE, CLASSES = 48, 43
DISTURBANCE = (
    Rotate(15.0), Scale(0.25), Shear(0.15), Shift(5.0),
    Blur(1.5), Color(brightness=0.12, contrast=0.7, saturation=0.3), Noise(normal=0.03),
)  # fmt: skip
_FRAME = re.compile(r"(\d+)_(\d+)_(\d+)")  # class, track, frame: 30 consecutive frames show one physical sign
_PRIOR_IMAGES = 2000  # enough for a smooth spectrum; fits in memory


@dataclass(frozen=True)
class TrainingSettings:
    """The hyperparameters of a training."""

    epochs: int = 40
    batch: int = 64
    rate: float = 1e-3  # of Adam; decays to 0 along a cosine
    decay: float = 0.0  # weight decay; 5e-5 with a push of 0.2 left 69 of 491 units not activated, 0 leaves 49
    push: float = 0.5  # largest L2 norm of the adversarial perturbation, for pixels in [0, 1]
    average: float = 0.998  # decay of the moving average of the weights; the average is saved
    held_out: float = 1 / 12  # share of each class's tracks; selects the best epoch
    seed: int = 7


@dataclass(frozen=True)
class LabeledImages:
    """Images (n, 48, 48, 3) uint8, with the class and the track of each."""

    images: np.ndarray
    classes: np.ndarray
    tracks: np.ndarray

    def __len__(self) -> int:
        return len(self.classes)

    def subset(self, chosen: np.ndarray) -> LabeledImages:
        """Return a selection of the images."""
        return LabeledImages(self.images[chosen], self.classes[chosen], self.tracks[chosen])


def build(last: str = "softmax") -> keras.Model:
    """Return the untrained network: three pairs of convolutions with pooling, a dense layer and 43 classes."""
    image = tensor = keras.Input((SIZE, SIZE, 3), name="image")
    for number, filters in enumerate((32, 64, 128), start=1):
        first, second = f"conv{2 * number - 1}", f"conv{2 * number}"
        tensor = layers.Conv2D(filters, 3, padding="same", activation="relu", name=first)(tensor)
        tensor = layers.Conv2D(filters, 3, activation="relu", name=second)(tensor)
        tensor = layers.MaxPooling2D(2, name=f"pool{number}")(tensor)
        tensor = layers.Dropout(0.2, name=f"dropout{number}")(tensor)
    tensor = layers.Flatten(name="flatten")(tensor)
    tensor = layers.Dense(512, activation="relu", name="dense")(tensor)
    tensor = layers.Dropout(0.5, name="dropout4")(tensor)
    return keras.Model(image, layers.Dense(CLASSES, activation=last, name="classes")(tensor), name="signs")


def read_labeled_images(folders: Sequence[Path]) -> LabeledImages:
    """Return every image below the folders, labeled by its parent folder.

    Raises:
        ImageError: a folder without class folders, or without images.
    """
    images, classes, tracks = [], [], []
    for folder in folders:
        found = image_folder(folder, size=(SIZE, SIZE))
        for index, image in found:
            path = found.paths[index]
            if not path.parent.name.isdecimal() or int(path.parent.name) >= CLASSES:
                raise ImageError(f"{path}: is not in a class folder, 00 to {CLASSES - 1}")
            frame = _FRAME.fullmatch(path.stem)
            images.append(np.rint(image * 255).astype("uint8"))
            classes.append(int(path.parent.name))
            tracks.append(int(frame[2]) if frame else -1)
    return LabeledImages(np.stack(images), np.asarray(classes, "int32"), np.asarray(tracks, "int32"))


def split_by_track(data: LabeledImages, share: float, seed: int) -> tuple[LabeledImages, LabeledImages]:
    """Return the training images and the held-out images; no physical sign is in both."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(data), bool)
    for number in np.unique(data.classes):
        in_class = data.classes == number
        tracks = np.unique(data.tracks[in_class])
        chosen = rng.choice(tracks, max(1, round(len(tracks) * share)), replace=False)
        held |= in_class & np.isin(data.tracks, chosen)
    return data.subset(~held), data.subset(held)


def _unit(tensor: Any) -> Any:
    """Scale each image of (n, h, w, c) to L2 norm 1."""
    return tensor / (ops.sqrt(ops.sum(ops.square(tensor), axis=(1, 2, 3), keepdims=True)) + 1e-9)


def training_step(model: keras.Model, average: keras.Model, settings: TrainingSettings, steps: int) -> Any:
    """Return a compiled (images, classes, seeds, step) -> loss that updates `model` and its moving average."""
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.rate, steps))
    optimizer.build(model.trainable_variables)
    kernels = [weight for weight in model.trainable_variables if weight.path.endswith("kernel")]

    def loss_of(images: Any, classes: Any, training: bool) -> Any:
        logits = model(images, training=training)
        return ops.mean(ops.sparse_categorical_crossentropy(classes, logits, from_logits=True))

    def perturbed(images: Any, classes: Any, seeds: Any, length: Any) -> Any:
        start = _unit(backend.normal(backend.fold(seeds, 1), (SIZE, SIZE, 3)))
        start = start * length * backend.uniform(backend.fold(seeds, 2), (1, 1, 1))

        def loss(push: Any) -> Any:
            return loss_of(ops.clip(images + push, 0, 1), classes, False), ()

        _, gradient = backend.value_and_gradient(loss)(start)
        push = start + _unit(gradient) * length * 1.25
        norm = ops.sqrt(ops.sum(ops.square(push), axis=(1, 2, 3), keepdims=True)) + 1e-9
        return ops.clip(images + push * ops.minimum(1.0, length / norm), 0, 1)

    def step(images: Any, classes: Any, seeds: Any, number: Any) -> Any:
        images = ops.clip(apply(DISTURBANCE, ops.cast(images, "float32") / 255, seeds), 0, 1)
        warm = ops.minimum(1.0, ops.cast(number, "float32") / (0.1 * steps))
        # each image draws its own length, from 0 to `push`: .5 for all images cost 3 points of test accuracy
        length = settings.push * warm * backend.uniform(backend.fold(seeds, 3), (1, 1, 1))
        images = perturbed(images, classes, seeds, length)

        def total(_: Any) -> Any:
            weights = sum(ops.sum(ops.square(kernel)) for kernel in kernels)
            return loss_of(images, classes, True) + settings.decay * 0.5 * weights, ()

        (loss, _), gradient = backend.value_and_gradient(total)([weight.value for weight in model.trainable_variables])
        optimizer.apply(gradient, model.trainable_variables)
        decay = ops.minimum(settings.average, (1 + ops.cast(number, "float32")) / (10 + ops.cast(number, "float32")))
        for mean, weight in zip(average.trainable_variables, model.trainable_variables, strict=True):
            mean.assign(decay * mean + (1 - decay) * weight)
        return loss

    return backend.compile(step)


def accuracy(model: keras.Model, data: LabeledImages) -> float:
    """Return the share of images that the network classifies correctly."""
    correct = 0
    for first in range(0, len(data), 256):
        images = data.images[first : first + 256].astype("float32") / 255
        predicted = np.argmax(ops.convert_to_numpy(model(images, training=False)), axis=1)
        correct += int(np.sum(predicted == data.classes[first : first + 256]))
    return correct / len(data)


def train(
    data: LabeledImages, test: LabeledImages | None, out: Path, settings: TrainingSettings, report: Any
) -> dict[str, Any]:
    """Train, select the best epoch by held-out accuracy, and write signs.keras, prior.npz and record.json to `out`."""
    keras.utils.set_random_seed(settings.seed)
    training, held = split_by_track(data, settings.held_out, settings.seed)
    model, average = build("linear"), build("linear")
    average.set_weights(model.get_weights())
    per_epoch = len(training) // settings.batch
    step = training_step(model, average, settings, per_epoch * settings.epochs)
    rng = np.random.default_rng(settings.seed)
    best: dict[str, Any] = {"held_out_accuracy": 0.0}
    history = []
    for epoch in range(settings.epochs):
        began, losses = time.perf_counter(), []
        order = rng.permutation(len(training))
        for number in range(per_epoch):
            chosen = order[number * settings.batch : (number + 1) * settings.batch]
            seeds = rng.integers(0, 2**63, len(chosen)).astype("uint64")
            count = np.float32(epoch * per_epoch + number)
            losses.append(step(*map(backend.tensor, (training.images[chosen], training.classes[chosen], seeds, count))))
        held_out = accuracy(average, held)
        history.append({"loss": round(float(np.mean(losses)), 4), "held_out_accuracy": round(held_out, 4)})
        report(f"epoch {epoch + 1}: {history[-1]}, {time.perf_counter() - began:.0f} s")
        if held_out >= best["held_out_accuracy"]:
            best = {"epoch": epoch + 1, "held_out_accuracy": held_out}
            final = build()
            final.set_weights(average.get_weights())
            out.mkdir(parents=True, exist_ok=True)
            with new_file(out / "signs.keras") as part:
                final.save(part)
    final = keras.saving.load_model(out / "signs.keras", compile=False)
    record = {
        "data": "GTSRB (Stallkamp et al., Man vs. computer, Neural Networks 32, 2012)",
        "learnt_from": len(training), "held_out": len(held), "tested_on": len(test) if test else 0,
        "test_accuracy": round(accuracy(final, test), 4) if test else None,
        **best, "settings": asdict(settings), "disturbance": [repr(transform) for transform in DISTURBANCE],
        "versions": backend.versions(), "history": history,
    }  # fmt: skip
    write_file(out / "record.json", (json.dumps(record, indent=1) + "\n").encode())
    every = max(1, len(training) // _PRIOR_IMAGES)
    priors.measure_prior(training.images[::every].astype("float32") / 255, name="signs").save(out / "prior.npz")
    return record


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m dreamfilters.signs.train", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folders", nargs="+", type=Path, help="folders of class folders 00 to 42")
    parser.add_argument("--test", type=Path, help="class folders to measure the final accuracy on")
    parser.add_argument("--out", type=Path, default=Path("outputs/signs"), help="output directory")
    for name, value in asdict(TrainingSettings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    folders, test, out = options.pop("folders"), options.pop("test"), options.pop("out")
    data = read_labeled_images(folders)
    tested = read_labeled_images([test]) if test else None
    settings = TrainingSettings(**options)
    record = train(data, tested, out, settings, lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    print(json.dumps({key: record[key] for key in ("epoch", "held_out_accuracy", "test_accuracy")}))  # noqa: T201


if __name__ == "__main__":
    main()
