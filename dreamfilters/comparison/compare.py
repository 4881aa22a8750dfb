"""Dreams held against real images: from a network, targets and images to values and a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.comparison.cross_network import CrossNetwork
from dreamfilters.comparison.layer_comparison import MOVED, LayerComparison, portions
from dreamfilters.comparison.measures.class_transfer import as_seen_by, matched_classes
from dreamfilters.comparison.reference_sampling import REFERENCES
from dreamfilters.comparison.reference_set import NEIGHBOUR, ReferenceSet, reference_set
from dreamfilters.comparison.result import Comparison
from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.ascent.compiled_step import ROBUST_VIEWS
from dreamfilters.dreams.ascent.step_progress import step_progress
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError, UnknownNameError, close_names
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, OverallProgress

SCANNED, DREAMT = 0.25, 0.75  # shares of the whole


def compare(
    network: Network,
    targets: str | Sequence[str],
    images: ImageFolder | Sequence[Any] | NDArray[Any],
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    seeds: int = 3,
    top: int = 4,
    against: Network | None = None,
    user_image: tuple[str, Floats] | None = None,
    labels: Sequence[str] | None = None,
    progress: OnProgress | None = None,
) -> Comparison:
    """Return dreams of units beside the real images that excite them most, with every measure of how they compare.

    All images are scanned in one pass, in the layers in question only; what needs the images themselves takes at most
    512 of them, drawn by `seed`.

    Args:
        network: what `load` returned.
        targets: units in words, such as "conv6:0-15" or "class:STOP".
        images: what `images` returned, or (n, h, w, c) in [0, 1].
        recipe: how to dream; the standard one if None.
        seed: chance; equal seeds give equal results.
        seeds: how many dreams of each unit, of which the first is compared and all tell the spread.
        top: how many real images are shown for each unit.
        against: another network, to which the dreams are shown in its own input form.
        user_image: an image of one's own to stand beside them, (h, w, c) in [0, 1], with what to call it.
        labels: the class of each image, "" for none; those of the images by themselves.
        progress: called with the share of the whole that is done.

    Raises:
        TargetError, UnknownNameError: no such unit; or the other network lacks a class in question.
        ImageError: no image can be read, or fewer than `top`.
        RecipeError: `seeds` or `top` below 1, or a canvas that does not fit.

    Example:
        >>> compare(load("signs"), "class:STOP", image_folder("signs/")).units[0].response_rank.ratio
        1.62
    """
    for name, count in (("seeds", seeds), ("top", top)):
        if count < 1:
            raise RecipeError(f"{name}={count}: at least 1")
    how, overall = recipes.read_recipe("standard") if recipe is None else recipe, OverallProgress(progress)
    goals, subjects = units_of(network, targets, how)
    if against is not None:
        check_other(network, subjects, against)
    source = source_of(images, labels)
    real = reference_set(
        network, source, [subject.layer for subject in subjects], top=top, seed=seed,
        progress=overall.part(0, SCANNED, "scanning"),
    )  # fmt: skip
    dreams = _dreams(network, goals, how, range(seed, seed + seeds), overall)
    found = {}
    for study in layer_comparisons(real, subjects, dreams, against=against, user_image=user_image, top=top):
        for unit in study.compared():
            found[unit.name] = unit
            overall.report(DREAMT + (1 - DREAMT) * len(found) / len(subjects), f"measuring {unit.name}")
    units = tuple(found[subject.name] for subject in subjects)
    return Comparison(network.name, units, facts_of(real, how, seed, seeds, against), real.scan.failures)


def layer_comparisons(
    real: ReferenceSet,
    subjects: Sequence[ComparedUnit],
    dreams: Mapping[str, Sequence[Dream]],
    *,
    against: Network | None = None,
    user_image: tuple[str, Floats] | None = None,
    top: int = 4,
) -> Iterator[LayerComparison]:
    """Yield the studies of the units, each of a portion of them; `dreams` is only asked for those of the portion."""
    elsewhere = None if against is None else CrossNetwork(against, real)
    for portion in portions(real, subjects):
        made = {subject.name: tuple(dreams[subject.name]) for subject in portion}
        yield LayerComparison(real, portion, made, elsewhere, user_image, top)


def _dreams(
    network: Network, goals: Sequence[Objective], recipe: Recipe, seeds: range, overall: OverallProgress
) -> Mapping[str, tuple[Dream, ...]]:
    """Return each unit's dreams, one a seed; what the first did not wake is not dreamt again."""
    found: dict[str, tuple[Dream, ...]] = {}
    parts = [(seed, goal) for seed in seeds for goal in goals]
    for place, (seed, goal) in enumerate(parts):
        rows = [row for row, name in enumerate(goal.names) if name not in found or found[name][0].activated]
        if not rows:
            continue
        start, end = (SCANNED + (DREAMT - SCANNED) * part / len(parts) for part in (place, place + 1))
        on_step = step_progress(overall.part(start, end, f"seed {seed}:"), len(rows))
        for made in dream(network, goal[rows], recipe, seed=seed, on_step=on_step):
            found[made.name] = (*found.get(made.name, ()), made)
    return found


def check_other(network: Network, subjects: Sequence[ComparedUnit], other: Network) -> None:
    """Raise what would stop the transfer, before anything is computed."""
    as_seen_by(other, [np.zeros((1, 1, network.form.image_channels), np.float32)])
    wanted = [subject.unit for subject in subjects if subject.is_class]
    matches = matched_classes(network, other) if wanted else {}
    for number in wanted:
        if number not in matches:
            name = network.classes[number]
            raise UnknownNameError(f"class {name}: {other.name} has no such class. {close_names(name, other.classes)}")


def facts_of(real: ReferenceSet, recipe: Recipe, seed: int, seeds: int, other: Network | None) -> dict[str, str]:
    """Return how it was made, in words."""
    network, scan = real.network, real.scan
    bad = f"; {len(scan.failures)} more could not be read" if scan.failures else ""
    whole = len(real.drawn) == scan.readable
    drawn = "all of them" if whole else f"{len(real.drawn)} of them, drawn by chance"
    facts = {
        "Network": f"{network.name}: {network.form.describe()}, {len(network.classes)} classes",
        "Images": f"{scan.readable}, each shown once to the layers in question at {scan.size[0]} × {scan.size[1]}{bad}",
        "Sample": (
            f"Plausibility and transfer look at {drawn}; small motions at {min(MOVED, len(real.drawn))} and each "
            f"unit’s strongest; path similarity at {REFERENCES} references and as many others; plausibility is the "
            f"distance to neighbor {NEIGHBOUR}. Responses, histograms and rankings are of all images."
        ),
        "Small motions": f"{ROBUST_VIEWS} looks an image, turned by up to 5°, scaled by 5 %, shifted by 2 pixels",
        "Dreams": f"Recipe {recipe.name}, {recipe.steps} steps, seeds {', '.join(map(str, range(seed, seed + seeds)))}",
    }
    if other is not None:
        facts["Shown to"] = f"{other.name}: {other.form.describe()}, {len(other.classes)} classes"
    versions = ", ".join(f"{name} {version}" for name, version in backend.versions().items())
    return {**facts, "Versions": versions}
