"""`attribute`: heatmaps of which pixels of an image a class, a unit or any other objective depends on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import ArrayLike

from dreamfilters import backend
from dreamfilters.attribution.attribution import Attribution, is_signed, remarks_of, with_own_names
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.result import Attributions
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.ascent.compiled_step import check_reach
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import parse
from dreamfilters.errors import DreamfiltersError, ImageError, RecipeError, TargetError
from dreamfilters.evidence.activations import Floats, activations, files_for
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of

Methods: TypeAlias = str | Attribution | Sequence[str | Attribution]

# Of each kind one that is quick: a gradient, a path of gradients, relevance, a class activation map, a perturbation.
DEFAULT_METHODS = ("gradient", "integrated-gradients", "lrp", "grad-cam", "occlusion")


def attribute(
    network: AnyNetwork,
    target: Objective | str | None,
    images: ImageFolder | ArrayLike | str | Path,
    *,
    methods: Methods | None = None,
    against: Objective | str | None = None,
) -> Attributions:
    """Return heatmaps of which pixels of the images raise or lower the score of a target, by several methods.

    A method that does not fit the network is left out, with its reason in `Attributions.reasons`.

    Args:
        network: a Keras model, or what `load` returned.
        target: one target such as "class:STOP" or "conv6:12", or an `Objective` of one image, such as a `direction`;
            None stands for the class that the network predicts, which may be another one for each image.
        images: (n, h, w, c) or (h, w, c) in [0, 1] or of uint8, dreams, a file, a folder or its `ImageFolder`. They
            are resized to the network's input size; unreadable files are left out.
        methods: names in `ATTRIBUTIONS`, values such as `Occlusion(window=0.1)` or a method of your own, or "*" for all
            that are registered. Default: `DEFAULT_METHODS`. Of two with the same name, the second is named by its
            settings.
        against: another target, such as "class:13": the heatmaps explain the score of `target` minus that of this one.

    Raises:
        TargetError, UnknownNameError: no such target or method, or several targets.
        RecipeError: a value is not a method.
        ImageError: no image can be read, or images differ in size and the network accepts any size.
        ModelError: no method fits the network.

    Example:
        >>> found = attribute(network, "class:STOP", images[:2], methods="gradient")
        >>> found.heatmaps["gradient"].shape
        (2, 48, 48)
    """
    network = network_of(network)
    chosen = chosen_methods(methods)
    if target is None and against is not None:
        raise TargetError(f"against={against}: needs a target that it is subtracted from, such as 'class:STOP'")
    fixed = None if target is None else objective_of(network, target, against)
    names, stack = _read(network, images)
    if fixed is not None:
        check_objective(network, fixed, stack.shape[1:])
    objectives = [fixed] * len(stack) if fixed else predicted_objectives(network, stack)
    return attribution_of(network, objectives, chosen, names, stack)


def attribution_of(
    network: Network,
    objectives: Sequence[Objective],
    methods: Sequence[Attribution],
    names: Sequence[str],
    images: Floats,
) -> Attributions:
    """Return the heatmaps of images (n, h, w, c), each for its own objective; arguments are those of `Attributions`."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, objective in enumerate(objectives):
        groups.setdefault(objective.names, []).append(row)
    heatmaps = {method.name: np.zeros(images.shape[:3], np.float32) for method in methods}
    scores, seconds, reasons = np.zeros(len(images), np.float32), dict.fromkeys(heatmaps, 0.0), dict[str, str]()
    remarks = {name: [""] * len(images) for name in heatmaps}
    for rows in groups.values():
        objective, stack = objectives[rows[0]], images[rows]
        made = heatmaps_of(network, objective, methods, stack)
        reasons |= made.reasons
        scores[rows] = Scorer(network, objective).scores(stack)
        for name, values in made.heatmaps.items():
            heatmaps[name][rows] = values
            seconds[name] += made.seconds[name]
            for row, remark in zip(rows, made.remarks[name], strict=True):
                remarks[name][row] = remark
    kept = {name: values for name, values in heatmaps.items() if name not in reasons}
    return Attributions(
        network.name,
        tuple(objectives),
        tuple(names),
        images,
        scores,
        kept,
        seconds,
        reasons,
        unsigned=frozenset(method.name for method in methods if not is_signed(method)),
        methods={method.name: method for method in methods if method.name in kept},
        remarks={name: tuple(remarks[name]) for name in kept if any(remarks[name])},
    )


def predicted_objectives(network: Network, images: Floats) -> list[Objective]:
    """Return for each image the logit of the class that the network predicts.

    Raises:
        TargetError: the network has no classes.
    """
    if not network.is_classifier:
        raise TargetError(f"{network.name}: predicts no class of an image; give a target, such as {_unit_of(network)}")
    logits = activations(network, images, [LOGITS])[LOGITS]
    every = parse(network, "class:*")
    return [every[[int(row.argmax())]] for row in logits]


def _unit_of(network: Network) -> str:
    last = next((info.name for info in reversed(network.layers) if info.dreamable and info.units), "conv1")
    return f"{last}:0"


def chosen_methods(methods: Methods | None = None) -> tuple[Attribution, ...]:
    """Return these methods and those of these names; "*" stands for all, None for `DEFAULT_METHODS`.

    Raises:
        UnknownNameError: there is no such method.
        TargetError: none is given.
        RecipeError: a value is not a method.
    """
    if methods is None:
        return tuple(ATTRIBUTIONS[name] for name in DEFAULT_METHODS if name in ATTRIBUTIONS)
    given = list(methods) if isinstance(methods, Sequence) and not isinstance(methods, str) else [methods]
    if not given:
        raise TargetError(f"methods: none given; known are {', '.join(ATTRIBUTIONS)}")
    if given == ["*"]:
        return tuple(ATTRIBUTIONS.values())
    found = [ATTRIBUTIONS[one] if isinstance(one, str) else _checked(one) for one in given]
    # the same method twice is one; a method of the user need not be hashable
    return with_own_names([one for place, one in enumerate(found) if one not in found[:place]])


def _checked(method: Any) -> Attribution:
    """Return a value that is an attribution method.

    Raises:
        RecipeError: it is not.
    """
    hint = f"give a name, such as {DEFAULT_METHODS[0]}, or a callable with a name and a meaning"
    if isinstance(method, type):
        raise RecipeError(f"methods: {method.__name__} is a class; give {method.__name__}()")
    known = callable(method) and all(isinstance(getattr(method, key, None), str) for key in ("name", "meaning"))
    if not known:
        raise RecipeError(f"methods: {method!r:.80} is no attribution method; {hint}")
    return method  # type: ignore[no-any-return]


def objective_of(network: Network, target: Objective | str, against: Objective | str | None = None) -> Objective:
    """Return the objective of one target, minus that of `against` if it is given.

    Raises:
        TargetError: several targets, a syntax error, or a target against itself.
        UnknownNameError: the network has no such layer or class.
    """
    objective = _one(network, target)
    if against is None:
        return objective
    other = _one(network, against)
    if _are_equal(objective, other):
        raise TargetError(f"against {other.names[0]}: is the target itself; give another, such as a class it resembles")
    return objective - other


def _are_equal(one: Objective, other: Objective) -> bool:
    """Return whether two objectives have the same score; a class can have two names."""
    if (one.kind, one.layers) != (other.kind, other.layers):
        return False
    pairs = zip(keras.tree.flatten(one.wanted), keras.tree.flatten(other.wanted), strict=True)
    return all(np.array_equal(first, second) for first, second in pairs)


def _one(network: Network, target: Objective | str) -> Objective:
    if not isinstance(target, Objective | str):
        raise TargetError(f"target of type {type(target).__name__}: give text such as 'class:STOP', or an Objective")
    objective = parse(network, target) if isinstance(target, str) else target
    if len(objective) != 1:
        given = target if isinstance(target, str) else ", ".join(objective.names[:3])
        raise TargetError(f"{given}: {len(objective)} targets; a heatmap explains one")
    return objective


def check_objective(network: Network, objective: Objective, shape: tuple[int, ...]) -> None:
    """Raise the error of an objective that reads what the network does not have, for images of this (h, w, c)."""
    watch = network.watch(objective.layers)
    shapes = backend.output_shapes(lambda images: watch(network.to_input(images)), (1, *shape))
    check_reach(network, objective, shapes)


@dataclass(frozen=True, eq=False)
class MadeHeatmaps:
    """The heatmaps of several methods for images.

    Attributes:
        heatmaps: method -> (n, h, w).
        seconds: method -> time for all images.
        reasons: method -> why it has no heatmaps.
        remarks: method -> (n,) what a reader has to know, '' for nothing.
    """

    heatmaps: Mapping[str, Floats]
    seconds: Mapping[str, float]
    reasons: Mapping[str, str]
    remarks: Mapping[str, Sequence[str]]


def heatmaps_of(network: Network, objective: Objective, methods: Iterable[Attribution], images: Floats) -> MadeHeatmaps:
    """Return the heatmaps of every method that fits the network, for images (n, h, w, c) of its size.

    Raises:
        DreamfiltersError: the error of the first method, if none fits.
    """
    heatmaps: dict[str, Floats] = {}
    seconds: dict[str, float] = {}
    errors: dict[str, DreamfiltersError] = {}
    remarks: dict[str, Sequence[str]] = {}
    for method in methods:
        began = time.perf_counter()
        try:
            heatmaps[method.name] = _shaped(method, method(network, objective, images), images.shape[:3])
            seconds[method.name] = time.perf_counter() - began
            remarks[method.name] = remarks_of(method, network, objective, images, heatmaps[method.name])
        except DreamfiltersError as error:
            errors[method.name] = error
    if not heatmaps and errors:
        raise next(iter(errors.values()))
    reasons = {name: str(error).removeprefix(f"{name}: ") for name, error in errors.items()}
    return MadeHeatmaps(heatmaps, seconds, reasons, remarks)


def _shaped(method: Attribution, heatmaps: Any, shape: tuple[int, ...]) -> Floats:
    """Return the heatmaps of a method as float32.

    Raises:
        RecipeError: they are not one for each image, of its size.
    """
    try:
        values = np.asarray(heatmaps, np.float32)
    except (TypeError, ValueError):
        raise RecipeError(f"{method.name}: returned a {type(heatmaps).__name__}, not heatmaps {shape}") from None
    if values.shape != shape:
        raise RecipeError(f"{method.name}: returned heatmaps {values.shape}, not {shape}")
    return values


def _read(network: Network, images: ImageFolder | ArrayLike | str | Path) -> tuple[tuple[str, ...], Floats]:
    """Return the names of the images, and the images (n, h, w, c) at the network's size."""
    found: Any = opened_images(images)
    if isinstance(found, ImageFolder):
        files = files_for(network, found)
        pairs = [(files.names[index], image) for index, image in files]
        if not pairs:
            first = next(iter(files.failures), (found.folder, "it has no images"))
            raise ImageError(f"none of {len(files)} images can be read; first error: {first[0]}: {first[1]}")
    else:
        arrays = ImageArrays.of(found)
        names = [getattr(image, "name", name) for name, image in zip(arrays.names, arrays.images, strict=True)]
        pairs = [
            (name, network.form.fit(image))
            for name, (_, image) in zip(names, arrays.only(range(len(arrays))), strict=True)
        ]
    if not pairs:
        raise ImageError("no images: give at least one")
    shapes = {image.shape for _, image in pairs}
    if len(shapes) > 1:
        one, other = sorted(shapes)[:2]
        raise ImageError(f"images of shapes {one} and {other}: give images of one size and number of channels")
    return tuple(name for name, _ in pairs), np.stack([image for _, image in pairs]).astype(np.float32)
