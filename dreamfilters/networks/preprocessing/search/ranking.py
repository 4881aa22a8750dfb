"""Which input form and which order of classes a network was trained with, found by showing it labeled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.errors import ImageError, ModelError
from dreamfilters.images import ImageFolder
from dreamfilters.images.resizing import RULES, Rule
from dreamfilters.networks import InputForm, Network
from dreamfilters.networks.classes.predictions import has_classes
from dreamfilters.networks.preprocessing.input_form import Order
from dreamfilters.networks.preprocessing.search.class_orders import class_orders
from dreamfilters.networks.preprocessing.search.trial import Reals, ShownImages, Trial, TrialRunner, read_images
from dreamfilters.networks.watching import LOGITS
from dreamfilters.progress import OnProgress, Progress

PER_CLASS = 10
_RANGES = ((0, 1), (0, 255), (-1, 1), (-0.5, 0.5))
# The ImageNet means and stds of Caffe and of PyTorch, in RGB; see `networks.io.applications`.
_CAFFE = (123.68, 116.779, 103.939)
_TORCH = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, eq=False)
class FormRanking:
    """What `rank_forms` returns.

    Attributes:
        ranked: every trial, by accuracy and among equals by log-loss, the best first.
        classes: how many classes the images show.
        failures: each image that could not be read, and why.
    """

    ranked: tuple[Trial, ...]
    classes: int
    failures: tuple[tuple[Path, str], ...] = ()

    @property
    def best(self) -> Trial:
        """The first."""
        return self.ranked[0]

    @property
    def rivals(self) -> tuple[Trial, ...]:
        """Those that so many images do not tell from the best, see `Trial.beats`."""
        return tuple(trial for trial in self.ranked[1:] if not self.best.beats(trial))

    def describe_rivals(self) -> str:
        """Return in one line which do as well, '' if none does."""
        if not self.rivals:
            return ""
        named = ", ".join(f"{rival.describe()} ({rival.accuracy:.3f})" for rival in self.rivals[:3])
        more = f" and {len(self.rivals) - 3} more" if len(self.rivals) > 3 else ""
        count = len(self.best.right)
        return f"{named}{more} cannot be told from {self.best.describe()} on these {count} images"

    @property
    def fits(self) -> bool:
        """Whether the best recognizes at least half of the images."""
        return self.best.accuracy >= 0.5


def rank_forms(
    network: Network,
    images: ImageFolder | Sequence[ArrayLike],
    labels: Sequence[str] | None = None,
    *,
    per_class: int = PER_CLASS,
    progress: OnProgress | None = None,
) -> FormRanking:
    """Return how well the network recognizes labeled images in each input form and order of classes it may want.

    Tried are `candidates`, forms with the mean and the std of these images, and with the best of all these the
    other rules of resizing, which count where they do better than chance would have it. Each image is decoded once,
    the network compiled once.

    Args:
        network: what `load` returned; its form's size and channels are kept.
        images: what `images` returned, or arrays (h, w, c) in [0, 1].
        labels: the class of each, by name or number, "" for none; those of the images by themselves.
        per_class: so many images of each class are shown, spread over what there is.
        progress: called with the number of images decoded, then of input forms tried.

    Raises:
        ImageError: no labeled image that can be read.
        UnknownNameError: the labels are none of the network's classes.
        ModelError: its output is not one number for each class.

    Example:
        >>> rank_forms(load("net.h5"), image_folder("signs")).best.form.describe()  # doctest: +SKIP
        '30x30 BGR, 0 to 255'
    """
    _check_outputs(network)
    said = images.labels if isinstance(images, ImageFolder) and labels is None else tuple(labels or ())
    if len(said) != len(images):
        raise ImageError(f"{len(said)} labels for {len(images)} images: give one each, '' for none")
    chosen = _spread_over(said, per_class)
    shown = read_images(network, images, chosen, progress)
    names = [said[index] for index in shown.indices]
    exam = TrialRunner(network, shown, class_orders(network, names))
    trials: list[Trial] = []
    forms = [*candidates(network.form), *own_values(exam)]
    for done, form in enumerate(forms):
        if progress is not None:
            progress(Progress(done, len(forms), form.describe()))
        trials += exam.trials(form)
    best = min(trials, key=_standing)
    for rule in RULES:
        if rule != best.form.resize and not _alike(shown, rule, best.form.resize):
            if progress is not None:
                progress(Progress(len(forms), len(forms), rule))
            trials += [trial for trial in exam.trials(replace(best.form, resize=rule)) if trial.beats(best)]
    failures = images.failures if isinstance(images, ImageFolder) else ()
    return FormRanking(tuple(sorted(trials, key=_standing)), len(set(names)), failures)


def candidates(form: InputForm) -> list[InputForm]:
    """Return what a network of so many channels may have been trained with, its own form first."""
    found = [form]
    for order in _orders(form):
        plain = InputForm(form.size, form.channels, order=order, resize=form.resize)
        found += [plain.in_range(low, high) for low, high in _RANGES]
        found += [replace(plain, scale=255.0, standardized=True)]
        if form.channels == 3:
            turn = -1 if order == "BGR" else 1
            found += [
                replace(plain, scale=255.0, mean=_CAFFE[::turn]),
                replace(plain, mean=_TORCH[0][::turn], std=_TORCH[1][::turn]),
            ]
    return list(dict.fromkeys(found))


def own_values(exam: TrialRunner) -> list[InputForm]:
    """Return the forms that take the images' mean off and divide by their std: over all, and by channel."""
    found = []
    for order in _orders(exam.form):
        plain = InputForm(exam.form.size, exam.form.channels, order=order, resize=exam.form.resize)
        mean, std = exam.spread(plain)
        whole = np.sqrt(np.mean(np.square(std) + np.square(mean - mean.mean())))
        for off, by in ((mean, std), (mean.mean(keepdims=True), whole[None])):
            if min(_rounded(by)) > 0:
                found.append(replace(plain, mean=_rounded(off), std=_rounded(by)))
    return list(dict.fromkeys(found))


def _orders(form: InputForm) -> tuple[Order, ...]:
    orders: dict[int, tuple[Order, ...]] = {1: ("gray", "equalized"), 3: ("RGB", "BGR")}
    return orders.get(form.channels, ("channels",))


def _rounded(values: Reals) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


def _standing(trial: Trial) -> tuple[float, float]:
    return -trial.accuracy, trial.log_loss


def _alike(shown: ShownImages, one: Rule, other: Rule) -> bool:
    """Say whether two rules made the same of the images, as where none had to be resized."""
    return np.array_equal(shown.resized[one], shown.resized[other])


def _spread_over(labels: Sequence[str], per_class: int) -> list[int]:
    """Return so many of each class's images, evenly spread over them, for neighbors often show one thing."""
    if per_class < 1:
        raise ImageError(f"per_class={per_class}: at least 1")
    members: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        if label:
            members.setdefault(label, []).append(index)
    if not members:
        raise ImageError("no image has a label: lay them into a folder for each class, or give a CSV with --labels")
    spread = [np.linspace(0, len(own) - 1, min(per_class, len(own))).astype(int) for own in members.values()]
    return sorted(own[place] for own, places in zip(members.values(), spread, strict=True) for place in places)


def _check_outputs(network: Network) -> None:
    if not has_classes(network) or len(network.classes) < 2:
        shape = network.layer(LOGITS).shape
        raise ModelError(f"{network.name}: its output {shape} is not one number for each of several classes")
