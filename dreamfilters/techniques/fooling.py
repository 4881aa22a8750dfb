"""Fooling images: an image, or noise, that a network predicts as a class after a change that a person hardly sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dreamfilters.dreams.ascent.ascent import OnStep
from dreamfilters.dreams.ascent.canvas_watch import layer_activations
from dreamfilters.dreams.ascent.prediction import DreamPrediction, dream_prediction
from dreamfilters.dreams.default_recipes import canvas_size
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.classes import logit, margin
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.optimizers import Normalized, Sign
from dreamfilters.dreams.perturbation import GRAY_LEVEL, Norm, Perturbation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import RecipeError, TargetError
from dreamfilters.images import ImageArray
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.seeds import check_seed
from dreamfilters.techniques.given_image import GivenImage, given_image, in_8_bits, name_of
from dreamfilters.techniques.strip import Strip, TechniqueResult

RADIUS = 8 * GRAY_LEVEL
CONFIDENCE = 0.99
STEPS = 100
_REACH = 4.0  # times the radius that all steps together could go
_SPARE = 0.3  # in log-odds beyond the confidence, so that it holds after the values are rounded to 8 bits
_BRIGHTEST = 0.45  # of the perturbation as it is drawn: its largest change becomes .05 or .95


@dataclass(frozen=True, eq=False)
class Fooling(TechniqueResult):
    """A fooling image: the given image plus a perturbation, rounded to 8 bits as a PNG stores it.

    Attributes:
        name: name of the given image; "noise" without one.
        target: the class that the network was made to predict.
        given: (h, w, c) the given image at the network's size, rounded to 8 bits.
        image: (h, w, c) the fooling image.
        before, after: what the network predicts for the given image and for the fooling image; `own` is the target.
        norm: "linf" or "l2", the norm that was bounded.
        radius: its bound, see `Perturbation`.
        steps: number of steps of the ascent.
        seed: random seed, of the noise.
    """

    name: str
    target: str
    given: ImageArray
    image: ImageArray
    before: DreamPrediction
    after: DreamPrediction
    norm: Norm
    radius: float
    steps: int
    seed: int

    @property
    def perturbation(self) -> ImageArray:
        """The change of each value, (h, w, c)."""
        return self.image - self.given

    @property
    def l2(self) -> float:
        """The L2 norm of the perturbation."""
        return float(np.linalg.norm(self.perturbation))

    @property
    def rms(self) -> float:
        """The root mean square of the perturbation: `l2` divided by the root of the number of values."""
        return self.l2 / math.sqrt(self.perturbation.size)

    @property
    def linf(self) -> float:
        """The largest change of a value."""
        return float(np.abs(self.perturbation).max())

    @property
    def confidence(self) -> float:
        """The probability of the target for the fooling image."""
        return float(self.after.own.probability or 0.0)

    @property
    def is_fooled(self) -> bool:
        """Whether the network predicts the target for the fooling image, and did not for the given one."""
        return self.after.is_predicted and not self.before.is_predicted

    @property
    def text(self) -> str:
        """What became of the image, in one line."""
        size = f"largest change {self.linf / GRAY_LEVEL:.3g}/255, L2 {self.l2:.3g}"
        if self.before.is_predicted:
            sizes = f"{self.before.own.size} before, {self.after.own.size} after"
            return f"already predicted as {self.target}: {sizes}; {size}"
        return f"{'fooled' if self.is_fooled else 'not fooled'}: {self.after.text}; {size}"

    @property
    def strip(self) -> Strip:
        """The given image, the perturbation and the fooling image."""
        factor = _BRIGHTEST / self.linf if self.linf else 1.0
        first, own = self.before.predictions[0], self.before.own
        return Strip(
            f"Fooling image: {self.name} as {self.target}",
            [self.given, np.clip(0.5 + factor * self.perturbation, 0, 1), self.image],
            [
                f"{self.name}\n{first.name}, {first.size}\n{own.name}, {own.size}",
                f"perturbation, {factor:.0f} times\nlargest change {self.linf / GRAY_LEVEL:.3g}/255\nL2 {self.l2:.3g}",
                f"fooling image\n{self.after.predictions[0].name}, {self.after.predictions[0].size}"
                + ("" if self.after.is_predicted else f"\n{self.after.own.name}, {self.after.own.size}"),
            ],
        )

    @property
    def images(self) -> dict[str, ImageArray]:
        """The fooling image."""
        return {"fooling-image": self.image}

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        return {
            "image": self.name,
            "target": self.target,
            "fooled": self.is_fooled,
            "confidence": self.confidence,
            "before": self.before.as_values(),
            "after": self.after.as_values(),
            "perturbation": {"l2": self.l2, "rms": self.rms, "linf": self.linf},
            "norm": self.norm,
            "radius": self.radius,
            "steps": self.steps,
            "seed": self.seed,
        }


def fool(
    network: AnyNetwork,
    target: str,
    image: GivenImage | None = None,
    *,
    norm: Norm = "linf",
    radius: float = RADIUS,
    confidence: float = CONFIDENCE,
    steps: int = STEPS,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Fooling:
    """Return a fooling image: the image plus a perturbation for which the network predicts the target.

    The steps go along the gradient of the target's log-odds and are projected onto the ball (Madry et al. 2018). They
    end where the confidence is reached, so that the perturbation is about as small as it can be. Szegedy et al.
    ("Intriguing properties of neural networks", ICLR 2014) found such images; without an image, the start is noise that
    shows nothing (Nguyen et al., "Deep neural networks are easily fooled", CVPR 2015).

    Args:
        network: a Keras model, or what `load` returned.
        target: one class, such as "class:STOP".
        image: (h, w, c) in [0, 1] or of uint8, a dream, or an image file; default: uniform noise.
        norm: "linf" bounds the largest change of a value, "l2" the root mean square of the changes.
        radius: the bound, in units of the range from black to white.
        confidence: the probability of the target at which the steps end.
        steps: number of steps at most.
        seed: random seed, of the noise.
        on_step: callback after each step.

    Raises:
        TargetError, UnknownNameError: the target is not one class of the network.
        RecipeError: norm, radius, confidence, steps or seed are out of range.
        ImageError: the image cannot be read.

    Example:
        >>> found = fool(network, "class:13", images[0], radius=0.1, steps=20)
        >>> found.before.is_predicted, found.linf < 0.11
        (False, True)
    """
    network = network_of(network)
    goal = class_objective(network, target)
    check_settings(norm, radius, confidence)
    check_seed(seed)
    rate = _REACH * radius / max(steps, 1)
    recipe = Recipe(
        Perturbation(norm=norm, radius=radius),
        transforms=(),
        optimizer=Sign(rate) if norm == "linf" else Normalized(rate),
        steps=steps,
        name="fooling image",
    )
    start = in_8_bits(_noise(network, recipe, seed) if image is None else given_image(network, image))
    limit = math.log(confidence / (1 - confidence)) + _SPARE
    bounded = goal.up_to(np.array([limit], np.float32))
    before = prediction_of(network, goal, start)
    is_reached = before.is_predicted and (before.own.probability or 0) >= confidence
    made = None if is_reached else dream(network, bounded, recipe, seed=seed, start=start, on_step=on_step)[0]
    fooled = start if made is None else in_8_bits(made.image)
    return Fooling(
        name="noise" if image is None else name_of(image),
        target=goal.names[0],
        given=start,
        image=fooled,
        before=before,
        after=prediction_of(network, goal, fooled),
        norm=norm,
        radius=radius,
        steps=0 if made is None else made.steps,
        seed=seed,
    )


def check_settings(norm: str, radius: float, confidence: float) -> Norm:
    """Return the norm; raise RecipeError for settings out of range."""
    if not 0 < confidence < 1:
        raise RecipeError(f"confidence={confidence}: above 0, below 1, usually 0.9 to 0.99")
    return Perturbation(norm=norm, radius=radius).norm  # type: ignore[arg-type]


def _noise(network: Network, recipe: Recipe, seed: int) -> ImageArray:
    height, width = canvas_size(network, recipe)
    return np.random.default_rng(seed).random((height, width, network.form.channels), np.float32)


def class_objective(network: Network, target: str) -> Objective:
    """Return the objective of the log-odds of one class: log(p / (1 - p)) of its probability p.

    That is its logit for a sigmoid, and its margin at temperature 1 for a softmax.

    Raises:
        TargetError, UnknownNameError: the target is not one class of the network.
    """
    goal = next(iter(goals(network, target)))
    if len(goal) != 1 or goal.kind != ("logit",) or not network.is_classifier:
        raise TargetError(f"{target}: not one class of {network.name}; give one, such as class:0")
    (number,) = goal.classes[0]
    odds = margin([number], temperature=1.0) if network.head.kind == "softmax" else logit([number])
    return replace(odds, names=goal.names)


def prediction_of(network: Network, goal: Objective, image: ImageArray) -> DreamPrediction:
    """Return what the network predicts for an image (h, w, c), with the class of the objective as `own`."""
    logits = layer_activations(network, [LOGITS], image[None])[LOGITS][0]
    return dream_prediction(network, logits, goal.classes[0][0])
