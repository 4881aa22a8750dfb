"""`check_prior`: what a learned prior hides in a dream: the raw dream, other seeds, and the part that the score needs.

A dream that one recognizes does not show that the network uses what one recognizes: the prior draws the rest of an
object around the part that the network demands. Four things beside the dream distinguish the two. The raw dream has no
prior. The dream after some steps without the prior shows what the network adds to it. What differs between seeds was
not demanded. And covering a part of the dream costs score only where the network looks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.methods.occlusion import Occlusion, mean_drop
from dreamfilters.comparison.prior_check import CheckedImage, CoveredPart, PriorCheck, PriorChecks
from dreamfilters.dreams.ascent.ascent import OnStep
from dreamfilters.dreams.default_recipes import given_recipe, recipe_of
from dreamfilters.dreams.engine import canvas_of, dream
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.optimizers import Normalized
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.priors.appearance import Appearance
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.priors.response_limits import is_of_classes, real_scores
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import AnyNetwork, Network, network_of

SEEDS = 3  # dreams of each unit
RAW_STEPS = 30  # without the prior, from the dream
_RAW_RATE = 0.05  # rms of one of these steps, in the logits of pixels: about a hundredth of the range of colors
_WINDOW = Occlusion(window=0.25, stride=0.125, fill="mean")
_QUANTILES = (0.05, 0.5, 0.95)  # of the scores of real images


def check_prior(
    network: AnyNetwork,
    dreams: Dream | Sequence[Dream],
    prior: LearnedPrior,
    *,
    goal: Objective | None = None,
    seeds: int = SEEDS,
    raw: Recipe | str | None = None,
    on_step: OnStep | None = None,
) -> PriorChecks:
    """Return what a learned prior hides in dreams, one `PriorCheck` for each.

    Beside each dream stand the raw dream of the same unit (without the prior, seed 0), the dream after 30 raw steps,
    dreams of other seeds, a map of what covering each part costs (occlusion, Zeiler and Fergus 2014), and the scores of
    the real images in the prior.

    Args:
        network: that the dreams are of.
        dreams: made with the recipe `learned` and this prior, each of another target.
        prior: the one that they were made with.
        goal: their objective; default: that of their names.
        seeds: number of seeds that are shown, that of the dream among them.
        raw: the recipe of the raw dream, or its name; default: the default one of its kind.
        on_step: callback after each step.

    Raises:
        RecipeError: `seeds` below 1, two dreams of one target, or one without a learned prior.
        TargetError: a dream is not of a single unit.

    Example:
        >>> prior = fit_prior(np.random.default_rng(0).random((120, 8, 8, 3)), steps=1)
        >>> check_prior(network, dreams, prior)
        Traceback (most recent call last):
        dreamfilters.errors.RecipeError: dream conv6:12: was not made with a learned prior
    """
    network, given = network_of(network), [dreams] if isinstance(dreams, Dream) else list(dreams)
    if seeds < 1:
        raise RecipeError(f"seeds={seeds}: at least 1, usually {SEEDS}")
    found: dict[str, list[Dream]] = {one.name: [one] for one in given}
    if len(found) < len(given):
        raise RecipeError(f"check_prior: {len(given)} dreams of {len(found)} targets; give one dream of each target")
    _appearances(given)
    for objective in _objectives(network, given, goal):
        how = found[objective.names[0]][0].recipe
        for seed in range(seeds):
            names = [name for name, (first, *others) in found.items() if first.seed != seed and len(others) < seeds - 1]
            rows = [row for row, name in enumerate(objective.names) if name in names]
            for one in dream(network, objective[rows], how, seed=seed, prior=prior, on_step=on_step) if rows else ():
                found[one.name].append(one)
    checks = checks_of(network, list(found.values()), prior, goal=goal, raw=raw, on_step=on_step)
    return PriorChecks(checks)


def checks_of(
    network: Network,
    dreams: Sequence[Sequence[Dream]],
    prior: LearnedPrior,
    *,
    goal: Objective | None = None,
    raw: Recipe | str | None = None,
    on_step: OnStep | None = None,
) -> list[PriorCheck]:
    """Return the check of the first dream of each target; further ones are of other seeds. See `check_prior`."""
    by_name = {of_unit[0].name: of_unit for of_unit in dreams}
    looks = _appearances([of_unit[0] for of_unit in dreams])
    found: dict[str, PriorCheck] = {}
    for objective in _objectives(network, [of_unit[0] for of_unit in dreams], goal):
        of_units = [by_name[name] for name in objective.names]
        how = _raw_recipe(network, objective, of_units[0][0].recipe, raw)
        for check in _of_objective(network, objective, of_units, prior, looks, how, on_step):
            found[check.target] = check
    return [found[name] for name in by_name]


def _objectives(network: Network, dreams: Sequence[Dream], goal: Objective | None) -> list[Objective]:
    """Return the objectives of dreams of different targets, each with its rows."""
    if not dreams:
        return []
    if goal is not None:
        rows = {name: row for row, name in enumerate(goal.names)}
        return [goal[[rows[one.name] for one in dreams]]]
    by_score = defaultdict(list)
    for one in dreams:
        by_score[one.recipe.class_score].append(one.name)
    return [found for score, names in by_score.items() for found in goals(network, names, class_score=score)]


def _of_objective(
    network: Network,
    objective: Objective,
    dreams: Sequence[Sequence[Dream]],
    prior: LearnedPrior,
    looks: Mapping[str, Appearance],
    raw_recipe: Recipe,
    on_step: OnStep | None,
) -> list[PriorCheck]:
    firsts = [of_unit[0] for of_unit in dreams]
    how = firsts[0].recipe
    raw = dream(network, objective, raw_recipe, on_step=on_step)
    start = np.stack([one.image for one in firsts])
    stepped = dream(network, objective, _raw_steps(raw_recipe), start=start, on_step=on_step)
    scores = real_scores(network, objective, canvas_of(network, how, prior))
    of_class = is_of_classes(network, objective)
    checks = []
    for row, of_unit in enumerate(dreams):
        named = [("dream", of_unit[0]), ("raw dream", raw[row]), (f"{RAW_STEPS} raw steps", stepped[row])]
        named += [(f"seed {one.seed}", one) for one in of_unit[1:]]
        real = scores[row][np.isfinite(scores[row])]
        images = tuple(
            CheckedImage(name, one.image, one.score, float(np.mean(real <= one.score)) if real.size else float("nan"))
            for name, one in named
        )
        low, middle, high = np.quantile(real, _QUANTILES).tolist() if real.size else (float("nan"),) * 3
        covered = _covered(network, objective[[row]], of_unit[0].image)
        name = objective.names[row]
        checks.append(PriorCheck(name, looks[name], images, covered, (low, middle, high), len(real), of_class))
    return checks


def _appearances(dreams: Sequence[Dream]) -> dict[str, Appearance]:
    """Return the appearance of each dream by its name."""
    found = {one.name: one.appearance for one in dreams if one.appearance is not None}
    for one in dreams:
        if one.name not in found:
            raise RecipeError(f"dream {one.name}: was not made with a learned prior")
    return found


def _raw_recipe(network: Network, objective: Objective, learned: Recipe, raw: Recipe | str | None) -> Recipe:
    """Return the recipe of the raw dream of an objective, on the canvas of the recipe with the learned prior."""
    found = recipe_of(network, objective, given_recipe(raw))
    parameterization: Any = found.parameterization
    return replace(found, parameterization=replace(parameterization, size=learned.canvas_size), transparency=False)


def _raw_steps(raw: Recipe) -> Recipe:
    """Return the recipe of steps on pixels that have the motions of the raw dream, and no prior of any kind."""
    return replace(
        raw, parameterization=Pixels(raw.canvas_size), optimizer=Normalized(_RAW_RATE), schedule="constant",
        penalties=(), steps=RAW_STEPS, octaves=1, name="raw steps",
    )  # fmt: skip


def _covered(network: Network, objective: Objective, image: Floats) -> CoveredPart:
    """Return what covering the parts of an image costs."""
    shown = network.form.fit(image)
    boxes = _WINDOW.boxes(*shown.shape[:2])
    drops: NDArray[np.float64] = _WINDOW.drops(network, objective, shown[None])[0]
    worst = int(np.argmax(np.nan_to_num(drops, nan=-np.inf)))
    top, left, bottom, right = (int(edge) for edge in boxes[worst])
    apart = (boxes[:, 0] >= bottom) | (boxes[:, 2] <= top) | (boxes[:, 1] >= right) | (boxes[:, 3] <= left)
    elsewhere = float(drops[apart].max()) if apart.any() else None
    return CoveredPart(mean_drop(drops, boxes), (top, left, bottom, right), float(drops[worst]), elsewhere)
