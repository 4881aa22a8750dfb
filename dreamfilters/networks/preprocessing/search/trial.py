"""A network is shown the same labelled pictures in many input forms, and its answers are judged by their labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.errors import InputFormError, PictureError
from dreamfilters.images import Photos, Picture, resize
from dreamfilters.images.resizing import RULES, Rule
from dreamfilters.networks import LOGITS, InputForm, Network
from dreamfilters.networks.activation_functions import activation_name
from dreamfilters.networks.preprocessing.search.class_orders import ClassOrder
from dreamfilters.networks.watching import logits_step

Reals: TypeAlias = NDArray[np.float64]

_BATCH = 64
_ROOM = 2**29  # bytes of pictures that are held
_LEAST = 1e-7  # no probability is taken for less, or one sure mistake would outweigh all the rest; as Keras has it
_FAR = 700.0  # exp of more is no number
_DEVIATIONS = 1.96  # a difference of more comes about by chance one time in twenty


@dataclass(frozen=True, eq=False)
class Trial:
    """How a network does with one input form and one order of its classes.

    Attributes:
        form: how pictures became its input.
        order: which class each output was.
        right: (n,) which pictures it recognised.
        losses: (n,) -log(probability of the right class).
    """

    form: InputForm
    order: ClassOrder
    right: NDArray[np.bool_]
    losses: Reals

    @property
    def accuracy(self) -> float:
        """The share of pictures that it recognised."""
        return float(self.right.mean())

    @property
    def log_loss(self) -> float:
        """The mean of `losses`."""
        return float(self.losses.mean())

    def describe(self) -> str:
        """Return the form and the order in a few words."""
        return f"{self.form.describe()}, {self.order.name}"

    def beats(self, other: Trial) -> bool:
        """Say whether it recognises more of these pictures, or gives the right class more, than chance would have it.

        By the sign test of McNemar (1947) on what one recognises and the other does not, and by the mean difference of
        the losses against its deviation.
        """
        won, lost = int(np.sum(self.right & ~other.right)), int(np.sum(other.right & ~self.right))
        if won - lost > _DEVIATIONS * math.sqrt(won + lost):
            return True
        gain = other.losses - self.losses
        return bool(gain.mean() * math.sqrt(len(gain)) > _DEVIATIONS * gain.std())


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures that were decoded once, at the network's size, resized by each rule.

    Attributes:
        indices: (n,) which pictures they are, among those given.
        resized: (n, h, w, c) in [0, 1] by each rule.
    """

    indices: tuple[int, ...]
    resized: Mapping[Rule, NDArray[np.float16]]


def read_pictures(
    network: Network,
    pictures: Photos | Sequence[ArrayLike],
    chosen: Sequence[int],
    told: Callable[[int, int], None] = lambda done, whole: None,
) -> Shown:
    """Return the chosen pictures but those that cannot be read; where they are too large to hold, some of them.

    Raises:
        InputFormError: the network takes any size, and none was said.
        PictureError: none of them can be read.
    """
    form = network.form
    height, width = form.size
    if height is None or width is None:
        raise InputFormError(f"{network.name}: takes pictures of any size; say size = [224, 224] or such in its TOML")
    most = max(1, _ROOM // (2 * len(RULES) * height * width * form.channels))
    chosen = chosen[:: math.ceil(len(chosen) / most)]
    indices: list[int] = []
    resized: dict[Rule, list[NDArray[np.float16]]] = {rule: [] for rule in RULES}
    for index, picture in _read(pictures, chosen, form.picture_channels):
        whole = picture.shape[:2] == (height, width)
        for rule, made in resized.items():
            made.append(np.asarray(picture if whole else resize(picture, (height, width), rule), np.float16))
        indices.append(index)
        told(len(indices), len(chosen))
    if not indices:
        raise PictureError(f"none of the {len(chosen)} labelled pictures can be read")
    return Shown(tuple(indices), {rule: np.stack(made) for rule, made in resized.items()})


def _read(
    pictures: Photos | Sequence[ArrayLike], chosen: Sequence[int], channels: int
) -> Iterator[tuple[int, Picture]]:
    if isinstance(pictures, Photos):
        return pictures.fitted(None, channels).only(chosen)
    return ((index, np.asarray(pictures[index], np.float32)) for index in chosen)


class Exam:
    """A network, pictures, and where the class of each is in every order of the classes."""

    def __init__(self, network: Network, shown: Shown, orders: Sequence[ClassOrder]) -> None:
        self.form, self.shown, self.orders = network.form, shown, orders
        self.activation = activation_name(logits_step(network.graph))
        watch = network.watch(frozenset({LOGITS}))
        self.look = backend.compile(lambda x: watch(x)[LOGITS])

    def trials(self, form: InputForm) -> list[Trial]:
        """Return how the network does with one form, in each order of the classes."""
        odds = np.concatenate([self._odds(form, stack) for stack in self._stacks(form.resize)])
        best, rows = odds.argmax(axis=1), np.arange(len(odds))
        trials = []
        for order in self.orders:
            at = order.positions
            chance = np.where(at < 0, 0, odds[rows, at])
            trials.append(Trial(form, order, best == at, -np.log(np.maximum(chance, _LEAST))))
        return trials

    def spread(self, form: InputForm) -> tuple[Reals, Reals]:
        """Return the mean and the deviation of each channel of the network's input over all pictures."""
        first, second = np.zeros(form.channels), np.zeros(form.channels)
        for stack in self._stacks(form.resize):
            values = np.asarray(form.to_input(stack), np.float64)
            first += values.mean(axis=(1, 2)).sum(axis=0)
            second += np.square(values).mean(axis=(1, 2)).sum(axis=0)
        mean = first / len(self.shown.indices)
        return mean, np.sqrt(np.maximum(second / len(self.shown.indices) - np.square(mean), 0))

    def _stacks(self, rule: Rule) -> Iterator[Picture]:
        pictures = self.shown.resized[rule]
        for start in range(0, len(pictures), _BATCH):
            yield pictures[start : start + _BATCH].astype(np.float32)

    def _odds(self, form: InputForm, stack: Picture) -> Reals:
        """Return the probability of each output, (n, outputs)."""
        missing = min(_BATCH, len(self.shown.indices)) - len(stack)  # filled up, or it would be compiled for anew
        filled = np.concatenate([stack, np.repeat(stack[-1:], missing, axis=0)])
        logits = np.asarray(self.look(form.to_input(filled)), np.float64)[: len(stack)]
        logits = np.nan_to_num(logits, nan=0, posinf=_FAR, neginf=-_FAR)
        if self.activation == "sigmoid":
            odds = 1 / (1 + np.exp(-np.clip(logits, -_FAR, _FAR)))
        else:
            odds = np.exp(np.maximum(logits - logits.max(axis=1, keepdims=True), -_FAR))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))
