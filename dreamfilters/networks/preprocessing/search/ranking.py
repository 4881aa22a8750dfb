"""The search for the input form and class order that a network was trained with, by its accuracy on labeled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.labels import evenly_spread, label_texts
from dreamfilters.images.resizing import RULES
from dreamfilters.networks import AnyNetwork, InputForm, Network, network_of
from dreamfilters.networks.classes.class_labels import class_labels
from dreamfilters.networks.preprocessing.channel_orders import Order
from dreamfilters.networks.preprocessing.model_preprocessing import implied_range
from dreamfilters.networks.preprocessing.search.result import FormRanking, sort_key
from dreamfilters.networks.preprocessing.search.trial import Reals, Trial, TrialRunner, read_images
from dreamfilters.progress import OnProgress, Progress

PER_CLASS = 10
_SEVERAL = "an image of several classes counts as correct only if that of its label is the most probable one"
_RANGES = ((0, 1), (0, 255), (-1, 1), (-0.5, 0.5))
# ImageNet means and stds of Caffe and of PyTorch, in RGB, see `networks.io.applications`.
_CAFFE = (123.68, 116.779, 103.939)
_TORCH = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def rank_forms(
    network: AnyNetwork,
    images: ImageFolder | Sequence[ArrayLike] | str | Path,
    labels: Sequence[object] | None = None,
    *,
    per_class: int = PER_CLASS,
    progress: OnProgress | None = None,
) -> FormRanking:
    """Return the network's accuracy on labeled images for each input form and class order that it may expect.

    The trials are `candidates`, forms with the mean and std of these images, and the best of these with the other
    resize rules, which count only if they are significantly better. So does the order of the classes that the
    network's predictions imply. Each image is decoded once, and the network is compiled once.

    Args:
        network: the network; the size and channels of its form are kept.
        images: a folder, its `ImageFolder`, or arrays (h, w, c) in [0, 1] or of uint8.
        labels: the class of each image, by name or number, "" for none; default: the labels of the folder.
        per_class: number of images of each class, evenly spread over those there are.
        progress: called with the number of images decoded, then of input forms tried.

    Raises:
        ImageError: no labeled image can be read.
        UnknownNameError: the labels mean no classes of the network, see `class_labels`.
        ModelError: the network's output is not one number for each class.

    >>> rank_forms(network, image_folder("signs")).best.form.describe()
    '48x48 RGB, 0 to 1'
    """
    network = network_of(network)
    if not network.is_classifier:
        shape = network.output_layer.shape
        raise ModelError(
            f"{network.name}: its output {shape} is not one number for each of several classes, so input forms have no "
            f"accuracy; give the input form yourself, in model.toml or such as --range 0 255"
        )
    found = opened_images(images)
    own = found.labels if isinstance(found, ImageFolder) else ()
    given = label_texts(own if labels is None else labels, len(found))
    zeros = _held_at_zeros(network)
    try:
        labeled = class_labels(network, given)
    except UnknownNameError as error:
        raise UnknownNameError("; ".join(filter(None, [str(error), zeros]))) from None
    remark = "; ".join(filter(None, [labeled.remark, zeros, _SEVERAL if network.head.kind == "sigmoid" else ""]))
    shown = read_images(network, found, evenly_spread(labeled.labels, per_class), progress)
    runner = TrialRunner(network, shown, labeled.of(shown.indices))
    report = progress or (lambda _: None)
    trials: list[Trial] = []
    forms = [*candidates(network.form), *forms_of_images(runner)]
    for done, form in enumerate(forms):
        report(Progress(done, len(forms), form.describe()))
        trials += runner.trials(form)
    known = _known_form(network)
    best = best_of(trials, known, network.form)
    for rule in RULES:
        if not np.array_equal(shown.resized[rule], shown.resized[best.form.resize]):  # equal where all have the size
            report(Progress(len(forms), len(forms), rule))
            trials += [trial for trial in runner.trials(replace(best.form, resize=rule)) if trial.beats(best)]
    best = best_of(trials, known, network.form)
    others = sorted((trial for trial in trials if trial is not best), key=sort_key)
    failures = found.failures if isinstance(found, ImageFolder) else ()
    return FormRanking((best, *others), len(set(runner.labels.numbers)), failures, known, trials[0], remark)


def best_of(trials: Sequence[Trial], known: InputForm | None = None, assumed: InputForm | None = None) -> Trial:
    """Return the trial with the highest accuracy, then the lowest log loss, or one that is not significantly worse.

    That is a trial of the known form, or else one in a usual order of the classes: of the assumed form, which is the
    most common one, or else the same trial for RGB instead of BGR and for gray instead of an equalized histogram.
    """
    ranked = sorted(trials, key=sort_key)
    tied = [trial for trial in ranked if not ranked[0].beats(trial)]
    usual = [trial for trial in tied if trial.order.is_usual] or tied
    first = usual[0]
    plain = [trial for trial in usual if (trial.form, trial.order) == (first.form.in_plain_order, first.order)]
    of_known = [trial for trial in tied if trial.form == known]
    of_assumed = [trial for trial in usual if trial.form == assumed]
    return (*of_known, *of_assumed, *plain, first)[0]


def _held_at_zeros(network: Network) -> str:
    """Return which other inputs are held at zeros and how to give them values, '' if there are none."""
    names = [name for name in network.graph.held if name not in network.inputs]
    if not names:
        return ""
    return (
        f"{', '.join(names)} held at zeros in all trials, which the network may not know: --input {names[0]}=FILE sets "
        f"it, and --input {names[0]}=image gives it the same image"
    )


def _known_form(network: Network) -> InputForm | None:
    """Return the form of the network with the range that its first layers imply, or the form that is given."""
    implied = implied_range(network.graph)
    if implied is None:
        return None if network.origin.is_assumed else network.form
    return network.form.in_plain_order.in_range(implied.low, implied.high)


def candidates(form: InputForm) -> list[InputForm]:
    """Return the input forms that a network with this number of channels may expect, its own first."""
    forms = [form]
    for order in _orders(form):
        plain = InputForm(form.size, form.channels, order=order, resize=form.resize, bits=form.bits)
        forms += [plain.in_range(low, high) for low, high in _RANGES]
        forms.append(replace(plain, scale=255.0, standardized=True))
        if form.channels == 3:
            turn = -1 if order == "BGR" else 1
            forms.append(replace(plain, scale=255.0, mean=_CAFFE[::turn]))
            forms.append(replace(plain, mean=_TORCH[0][::turn], std=_TORCH[1][::turn]))
    return list(dict.fromkeys(forms))


def forms_of_images(runner: TrialRunner) -> list[InputForm]:
    """Return the forms with the mean and std of the images, over all channels and by channel."""
    forms = []
    for order in _orders(runner.form):
        given = runner.form
        plain = InputForm(given.size, given.channels, order=order, resize=given.resize, bits=given.bits)
        mean, std = runner.statistics(plain)
        overall = np.sqrt(np.mean(np.square(std) + np.square(mean - mean.mean())))
        for means, stds in ((mean, std), (mean.mean(keepdims=True), overall[None])):
            if min(_rounded(stds)) > 0:
                forms.append(replace(plain, mean=_rounded(means), std=_rounded(stds)))
    return list(dict.fromkeys(forms))


def _orders(form: InputForm) -> tuple[Order, ...]:
    orders: dict[int, tuple[Order, ...]] = {1: ("gray", "equalized"), 3: ("RGB", "BGR")}
    return orders.get(form.channels, ("channels",))


def _rounded(values: Reals) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)
