"""The comparison pipeline: scan the real images, dream each unit with every seed, compute every measure in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.comparison.batch import REFERENCES, batches_of
from dreamfilters.comparison.judges import Judge, Judgments, describe, judges_from, judges_of
from dreamfilters.comparison.measures.class_transfer import check_matched, in_channels_of, matched_classes
from dreamfilters.comparison.measures.plausibility import NEIGHBOR
from dreamfilters.comparison.measures.response_rank import TRANSFORMED
from dreamfilters.comparison.measuring import Measuring
from dreamfilters.comparison.reference_set import ReferenceSet, reference_set
from dreamfilters.comparison.result import Comparison, UnitComparison
from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams.ascent.ascent import step_progress
from dreamfilters.dreams.ascent.compiled_step import ROBUST_VIEWS
from dreamfilters.dreams.default_recipes import DefaultRecipes, given_recipe, recipe_of
from dreamfilters.dreams.engine import canvas_of, dream
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.sources import ImageSource, source_of
from dreamfilters.executors.executor import LOCAL, Executor
from dreamfilters.images import ImageFolder
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.progress import OnProgress, OverallProgress, Progress
from dreamfilters.seeds import check_seed

SCANNED, DREAMED = 0.25, 0.75  # shares of the whole

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class ComparePlan:
    """What is compared with what; see `compare` for the settings."""

    network: Network
    targets: tuple[str, ...]
    source: ImageSource
    recipe: Recipe | DefaultRecipes
    seed: int = 0
    seeds: int = 3
    top: int = 4
    against: Network | None = None
    user_image: tuple[str, Floats] | None = None
    judges: tuple[Network, ...] = ()
    prior: LearnedPrior | None = None

    @cached_property
    def _units(self) -> tuple[tuple[Objective, ...], tuple[ComparedUnit, ...]]:
        return units_of(self.network, self.targets, self.recipe)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives of all dreams."""
        return self._units[0]

    @property
    def units(self) -> tuple[ComparedUnit, ...]:
        """The units, each once, in the order of the targets."""
        return self._units[1]

    @cached_property
    def matched_judges(self) -> tuple[Judge, ...]:
        """The judges, with the classes of each."""
        return judges_of(self.network, self.judges, [unit.number for unit in self.classes])

    @property
    def classes(self) -> tuple[ComparedUnit, ...]:
        """The units that are classes."""
        return tuple(unit for unit in self.units if unit.is_class)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the units."""
        return tuple(dict.fromkeys(unit.layer for unit in self.units))

    def check(self) -> None:
        """Raise what would stop the comparison, before anything is computed."""
        for name, count in (("seeds", self.seeds), ("top", self.top)):
            if count < 1:
                raise RecipeError(f"{name}={count}: at least 1")
        check_seed(self.seed)
        for goal in self.objectives:
            canvas_of(self.network, recipe_of(self.network, goal, self.recipe), self.prior)
        self.matched_judges  # noqa: B018 - raises where a judge does not fit
        if self.against is None:
            return
        in_channels_of(self.against, [np.zeros((1, 1, self.network.form.channels), np.float32)])
        matches = matched_classes(self.network, self.against) if self.classes else {}
        for unit in self.classes:
            check_matched(matches, unit.number, self.network, self.against)

    def facts(self, references: ReferenceSet) -> dict[str, str]:
        """Return how the comparison was made: label -> text."""
        network, scan = self.network, references.scan
        used = dict.fromkeys(recipe_of(network, goal, self.recipe) for goal in self.objectives)
        recipes = " and ".join(f"{recipe.name} ({recipe.steps} steps)" for recipe in used)
        failed = f"; {len(scan.failures)} more could not be read" if scan.failures else ""
        sampled = len(references.sampled)
        sample = "all images" if sampled == scan.readable else f"a random sample of {sampled} images"
        facts = {
            "Network": f"{network.name}: {network.form.describe()}, {len(network.classes)} classes",
            "Images": f"{scan.readable} at {scan.size[0]} × {scan.size[1]}, scanned once for all layers{failed}",
            "Sample": (
                f"Responses, histograms and rankings are of all images. Plausibility and transfer use {sample}; robust "
                f"responses {min(TRANSFORMED, sampled)} and each unit’s strongest; path similarity {REFERENCES} "
                f"references and as many unrelated images; plausibility is the distance to neighbor {NEIGHBOR}."
            ),
            "Small transforms": (
                f"{ROBUST_VIEWS} views an image, rotated by up to 5°, scaled by 5 %, shifted by 2 pixels"
            ),
            "Dreams": (
                f"Recipe{'s' * (len(used) > 1)} {recipes}, "
                f"seeds {', '.join(map(str, range(self.seed, self.seed + self.seeds)))}"
            ),
        }
        if scan.remark:
            facts["Labels"] = f"{scan.remark[0].upper()}{scan.remark[1:]}."
        if self.against is not None:
            other = self.against
            facts["Other network"] = f"{other.name}: {other.form.describe()}, {len(other.classes)} classes"
        if self.prior is not None:
            facts["Prior"] = f"{self.prior.label}; {self.prior.text}"
        if self.judges:
            facts["Judges"] = "; ".join(describe(self.network, judge) for judge in self.judges)
        versions = ", ".join(f"{name} {version}" for name, version in backend.versions().items())
        return {**facts, "Versions": versions}

    def measured(
        self,
        references: ReferenceSet,
        dreams: Mapping[str, Sequence[Dream]],
        batches: Iterable[Sequence[ComparedUnit]],
        executor: Executor,
        on_unit: Callable[[str], None],
    ) -> Iterator[list[UnitComparison]]:
        """Yield the measured units of each batch; its dreams are read from `dreams` shortly before.

        Args:
            references: the real images.
            dreams: target -> its dreams, one a seed.
            batches: some of those of `batches_of`.
            executor: where they are measured; it never changes the result.
            on_unit: called with the name of each unit that is measured.
        """
        judgments = Judgments(self.matched_judges, self.classes, dreams) if self.judges else None
        measuring = Measuring(
            self.source,
            references.scan,
            references.seed,
            self.against,
            self.user_image,
            self.top,
            judgments,
            self.prior,
        )
        dreamed = ((tuple(units), {unit.name: tuple(dreams[unit.name]) for unit in units}) for units in batches)
        return measuring.measured(self.network, dreamed, executor, on_unit)


def compare(
    network: AnyNetwork,
    targets: str | Sequence[str],
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    *,
    recipe: Recipe | str | None = None,
    seed: int = 0,
    seeds: int = 3,
    top: int = 4,
    against: AnyNetwork | None = None,
    user_image: tuple[str, Floats] | None = None,
    judges: AnyNetwork | Sequence[AnyNetwork] = (),
    labels: Sequence[object] | None = None,
    prior: LearnedPrior | None = None,
    progress: OnProgress | None = None,
) -> Comparison:
    """Return dreams of units beside the real images that activate them most, with every measure of how they compare.

    All images are scanned in one pass, for the layers of the units. Measures that need the images themselves use a
    random sample of at most 512.

    Args:
        network: a Keras model, or what `load` returned.
        targets: units, such as "conv6:0-15" or "class:STOP".
        images: a folder, what `image_folder` returned, or (n, h, w, c) in [0, 1] or of uint8.
        recipe: of the dreams; default: as for `dream`.
        seed: random seed.
        seeds: number of dreams of each unit; the first is compared, all give the seed variation.
        top: greatest number of real images shown for each unit.
        against: another network, which is shown the dreams in its own input form.
        user_image: name and image, (h, w, c) in [0, 1], of an image to show beside them.
        judges: other networks of the same classes, each of which is shown the dreams of classes in its own input form.
        labels: the class of each image, "" for none; default: the labels of the folder.
        prior: for the recipe "learned", see `fit_prior`.
        progress: called with the share of the whole that is done.

    Raises:
        TargetError, UnknownNameError: no such unit, or the other network or a judge lacks one of the classes.
        ModelError: a judge predicts no classes.
        ImageError: no image can be read.
        RecipeError: `seeds` or `top` below 1, or a canvas that does not fit.

    Example:
        >>> found = compare(network, "conv6:12", image_folder("signs/"), recipe=read_recipe("fast"), seeds=1)
        >>> found.units[0].loses
        False
    """
    network, other = network_of(network), None if against is None else network_of(against)
    names = (targets,) if isinstance(targets, str) else tuple(targets)
    how = given_recipe(recipe)
    source, shown_to = source_of(images, labels), judges_from(judges)
    plan = ComparePlan(network, names, source, how, seed, seeds, top, other, user_image, shown_to, prior)
    plan.check()
    overall = OverallProgress(progress)
    references = reference_set(
        network, plan.source, plan.layers, top=top, seed=seed, progress=overall.part(0, SCANNED, "scanning")
    )
    dreams = _dreams(plan, overall)
    return compare_dreams(plan, references, dreams, overall.part(DREAMED, 1))


def compare_dreams(
    plan: ComparePlan,
    references: ReferenceSet,
    dreams: Mapping[str, Sequence[Dream]],
    progress: OnProgress,
    executor: Executor = LOCAL,
) -> Comparison:
    """Return the comparison of dreams, by target and one a seed, with real images."""
    named: set[str] = set()

    def on_unit(name: str) -> None:
        named.add(name)
        progress(Progress(len(named), len(plan.units), f"measuring {name}"))

    batches = batches_of(references, plan.units)
    found = {
        unit.name: unit for units in plan.measured(references, dreams, batches, executor, on_unit) for unit in units
    }
    units = tuple(found[unit.name] for unit in plan.units)
    return Comparison(plan.network.name, units, plan.facts(references), references.scan.failures)


def dreams_by_seed(
    plan: ComparePlan, dream_seed: Callable[[int, Sequence[str]], Iterable[tuple[str, bool, Made]]]
) -> dict[str, tuple[Made, ...]]:
    """Return each unit's dreams, one a seed; a unit that the first seed did not activate is dreamed once.

    `dream_seed` yields, for a seed and targets, each unit's target, whether it was activated, and its dream.
    """
    dreams: dict[str, tuple[Made, ...]] = {}
    active: list[str] = []
    for number in range(plan.seeds):
        targets = active if number else plan.targets
        if not targets:
            break
        active = []
        for name, activated, made in dream_seed(plan.seed + number, targets):
            dreams[name] = (*dreams.get(name, ()), made)
            if activated or number:
                active.append(name)
    return dreams


def _dreams(plan: ComparePlan, overall: OverallProgress) -> dict[str, tuple[Dream, ...]]:
    parts = plan.seeds * len(plan.objectives)

    def dream_seed(seed: int, targets: Sequence[str]) -> Iterator[tuple[str, bool, Dream]]:
        for number, goal in enumerate(plan.objectives):
            every = targets is plan.targets
            rows = [row for row, name in enumerate(goal.names) if every or name in targets]
            if not rows:
                continue
            part = (seed - plan.seed) * len(plan.objectives) + number
            start, end = (SCANNED + (DREAMED - SCANNED) * one / parts for one in (part, part + 1))
            on_step = step_progress(overall.part(start, end, f"seed {seed}:"), len(rows))
            how = recipe_of(plan.network, goal, plan.recipe)
            for made in dream(plan.network, goal[rows], how, seed=seed, prior=plan.prior, on_step=on_step):
                yield made.name, made.activated, made

    return dreams_by_seed(plan, dream_seed)
