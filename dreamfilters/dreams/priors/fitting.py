"""`fit_prior`: train a denoiser on images and compare it with a linear one on images that were held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.dreams.priors.denoiser import denoised
from dreamfilters.dreams.priors.denoiser_training import DenoiserTraining, State, mean_loss
from dreamfilters.dreams.priors.denoiser_weights import Architecture
from dreamfilters.dreams.priors.learned_prior import SIGMAS, LearnedPrior, TrainingRecord
from dreamfilters.dreams.priors.nearest_images import nearest_distances, thumbnails
from dreamfilters.dreams.priors.training_images import TrainingImages, training_images, working_size
from dreamfilters.dreams.priors.wiener_filter import WienerFilter
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.seeds import check_seed

STEPS = 3000  # about five minutes on two cores at 32x32 pixels
_TESTED = 256  # images held out on which denoisers are compared
_MEASURED = 2048  # images of which the Wiener filter has the statistics
_LEAST_SAMPLE, _MOST_SAMPLE, _SAMPLE_BYTES = 64, 256, 800_000  # images whose responses limit those of dreams
_THUMBNAIL_BYTES = 1_500_000  # of the images that dreams are compared with


@dataclass(frozen=True, eq=False)
class PriorJob:
    """The training of a prior.

    Attributes:
        name: of the images.
        images: what it is trained on.
        steps: number of training steps.
        seed: random seed.
    """

    name: str
    images: TrainingImages
    steps: int
    seed: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) of the images."""
        height, width = self.images.pixels.shape[1:3]
        return height, width

    @cached_property
    def training(self) -> DenoiserTraining:
        """The training on the images that are not held out."""
        architecture = Architecture(self.images.pixels.shape[-1])
        return DenoiserTraining(self.images.pixels, self.images.trained_on, architecture, self.steps, self.seed)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the prior."""
        return {
            "name": self.name,
            "images": self.images.digest,
            "held_out": int(self.images.held_out.sum()),
            "size": list(self.size),
            "steps": self.steps,
            "seed": self.seed,
            "versions": backend.versions(),
        }

    def within(self, minutes: float) -> PriorJob:
        """Return the job with as many steps as take this time on this machine, or raise RecipeError."""
        if not 0 < minutes < float("inf"):
            raise RecipeError(f"minutes={minutes}: must be above 0, usually 5 to 20")
        return replace(self, steps=self.training.steps_within(60 * minutes))

    def finished(self, state: State, losses: list[float]) -> LearnedPrior:
        """Return the prior of the state after the last step: its weights are the running average."""
        images, training = self.images, self.training
        weights = {name: np.array(value) for name, value in state["average"].items()}
        if not all(np.isfinite(value).all() for value in weights.values()):
            raise RecipeError("prior: a number was not finite during the training; choose another seed")
        held = images.sample(_TESTED, held_out=True)
        own, linear = _errors(weights, images.sample(_MEASURED), held)
        _, height, width, channels = images.pixels.shape
        count = max(_LEAST_SAMPLE, min(_MOST_SAMPLE, _SAMPLE_BYTES // (height * width * channels)))
        small = thumbnails(images.sample(_THUMBNAIL_BYTES // (64 * channels)))
        apart = nearest_distances(thumbnails(held), small)
        record = TrainingRecord(
            images=len(images.trained_on),
            held_out=int(images.held_out.sum()),
            found=images.found,
            images_digest=images.digest,
            steps=self.steps,
            seed=self.seed,
            loss=mean_loss(losses),
            held_out_errors=own,
            wiener_errors=linear,
            held_out_distances=tuple(np.quantile(apart, (0.05, 0.5, 0.95)).round(3).tolist()),
            versions=backend.versions(),
        )
        return LearnedPrior(self.name, self.size, training.architecture, record, weights, images.sample(count), small)


def fit_prior(
    images: ImageFolder | str | Path | Sequence[ArrayLike] | NDArray[Any],
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    steps: int = STEPS,
    minutes: float | None = None,
    seed: int = 0,
    name: str | None = None,
    progress: OnProgress | None = None,
) -> LearnedPrior:
    """Return a prior for the recipe `learned`: a denoiser that is trained on images, without labels.

    A tenth of the images is held out, see `training_images`. `LearnedPrior.record` has the error on them, next to that
    of a Wiener filter. The same images, steps and seed give the same bytes on one machine.

    Args:
        images: a folder or its path, or images (n, h, w, c) in [0, 1] or of uint8; at least 100 that differ.
        size: side in pixels, or (height, width), 8 to 96; default: that of the images, at most 48.
        channels: of each image, 1 to 4; default: those of the images, 3 for a path.
        steps: number of training steps, each on 48 images.
        minutes: train about this long instead; the number of steps is in the record.
        seed: random seed.
        name: of the images; default: that of the folder.
        progress: called after each step.

    Raises:
        RecipeError: a setting is out of range, or there are too few images.

    Example:
        >>> stripes = np.sin(np.arange(8) + np.arange(120)[:, None, None])[..., None] / 2 + 0.5
        >>> fit_prior(np.tile(stripes, (1, 8, 1, 1)), steps=2, name="stripes").size
        (8, 8)
    """
    job = prior_job(images, size=size, channels=channels, steps=steps, minutes=minutes, seed=seed, name=name,
                    progress=progress)  # fmt: skip
    losses: list[float] = []
    state = job.training.run(job.training.start(), losses, on_step(job.steps, progress))
    return job.finished(state, losses)


def warning_of_other_images(
    prior: LearnedPrior,
    images: ImageFolder | str | Path | Sequence[ArrayLike] | NDArray[Any],
    *,
    progress: OnProgress | None = None,
) -> str:
    """Return a line if a prior was trained on other images than these, '' if it was trained on them.

    Args:
        prior: whose digest of its images is compared.
        images: as `fit_prior` takes them.
        progress: called after each image.
    """
    found = opened_images(images, prior.channels)
    try:
        digest = training_images(found, prior.size, prior.channels, progress).digest
    except (ImageError, RecipeError):  # too few to train a prior on
        digest = ""
    if digest == prior.record.images_digest:
        return ""
    what = f" of {found.folder}" if isinstance(found, ImageFolder) else ""
    return (
        f"prior {prior.name}: was trained on {prior.record.images + prior.record.held_out} other images than the "
        f"{len(found)}{what}; its dreams look like its own"
    )


def prior_job(
    images: ImageFolder | str | Path | Sequence[ArrayLike] | NDArray[Any],
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    steps: int = STEPS,
    minutes: float | None = None,
    seed: int = 0,
    name: str | None = None,
    progress: OnProgress | None = None,
    folder: Path | None = None,
) -> PriorJob:
    """Return the job of `fit_prior`, whose images have been read; many of them are in a temporary file in `folder`."""
    if steps < 1:
        raise RecipeError(f"steps={steps}: must be 1 or more, usually {STEPS}")
    if channels is not None and not 1 <= channels <= 4:
        raise RecipeError(f"channels={channels}: must be 1 to 4")
    check_seed(seed)
    found = opened_images(images, channels or 3)
    depth = channels or (
        found.channels if isinstance(found, ImageFolder) else np.shape(found[0])[-1] if len(found) else 3
    )
    read = training_images(found, working_size(found, size), depth, progress, folder=folder)
    name = name or (found.folder.resolve().name if isinstance(found, ImageFolder) else "") or "images"
    job = PriorJob(name, read, steps, seed)
    return job if minutes is None else job.within(minutes)


def on_step(steps: int, progress: OnProgress | None) -> Callable[[State, list[float]], None]:
    """Return a callback for the steps of a training that reports them with their loss."""

    def report(state: State, losses: list[float]) -> None:
        if progress is not None:
            progress(Progress(len(losses), steps, f"loss {mean_loss(losses):.3f}"))

    return report


def _errors(
    weights: dict[str, np.ndarray], measured: NDArray[np.uint8], held: NDArray[np.uint8]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean square errors of the denoiser and of the Wiener filter on images held out, by noise level.

    Args:
        weights: of the denoiser.
        measured: (n, h, w, c) the images whose statistics the Wiener filter has.
        held: (n, h, w, c) the images held out.
    """
    linear = WienerFilter.measured(_signed(measured))
    images = _signed(held)
    run = backend.compile(lambda noisy, sigma: denoised(weights, noisy, sigma))
    own_errors, linear_errors = [], []
    for number, sigma in enumerate(SIGMAS):
        noise = np.random.default_rng(number).normal(0, sigma, images.shape).astype(np.float32)
        noisy, levels = images + noise, np.full((len(images), 1, 1, 1), sigma, np.float32)
        clean = np.asarray(run(backend.tensor(noisy), backend.tensor(levels)))
        own_errors.append(float(np.mean((clean - images) ** 2, dtype=np.float64)))
        linear_errors.append(float(np.mean((linear.denoised(noisy, sigma) - images) ** 2)))
    return tuple(own_errors), tuple(linear_errors)


def _signed(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images in [-1, 1]."""
    return pixels.astype(np.float32) / np.float32(127.5) - 1
