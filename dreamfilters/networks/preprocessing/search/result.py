"""`FormRanking`: the trials of the search for an input form, the best first, and how certain the best one is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.display import frame, heading, table
from dreamfilters.networks import InputForm
from dreamfilters.networks.classes.accuracy import acceptable, chance
from dreamfilters.networks.classes.class_labels import listed
from dreamfilters.networks.preprocessing.search.trial import Trial
from dreamfilters.number_format import percent

_SHOWN = 20  # trials in a notebook
_NAMED = 3  # values of an open setting


@dataclass(frozen=True, eq=False)
class FormRanking:
    """The trials of `rank_forms`, the best first."""

    ranked: tuple[Trial, ...]  # all trials: the best, then the others by accuracy, then by log loss
    classes: int  # number of classes among the images
    failures: tuple[tuple[Path, str], ...] = ()  # each image that cannot be read, with the reason
    known: InputForm | None = None  # the form that the network's first layers imply or that is given, if any
    used: Trial | None = None  # of the form that the network has, in the order that its classes have
    remark: str = ""  # how the labels are read, see `ClassLabels.remark`, and which other inputs are held at zeros

    def __repr__(self) -> str:
        best = self.best
        return f"FormRanking({len(self.ranked)} trials, best: {best.describe()}, accuracy {best.accuracy:.3f})"

    def _repr_html_(self) -> str:
        rows = [
            {
                "input form": trial.form.describe(),
                "class order": trial.order.name,
                "accuracy": trial.accuracy,
                "log loss": trial.log_loss,
            }
            for trial in self.ranked[:_SHOWN]
        ]
        return frame(heading("Input forms", self.describe_rivals()), table("", rows))

    @property
    def best(self) -> Trial:
        """The best trial, see `best_of`."""
        return self.ranked[0]

    @property
    def rivals(self) -> tuple[Trial, ...]:
        """The trials that are not significantly worse than the best, see `Trial.beats`.

        A known form has only other orders of the classes as rivals, and a form has none that differs from it only by
        BGR for RGB or by an equalized histogram. An order that was found from the predictions is no rival of a usual
        one.
        """
        best, tied = self.best, [trial for trial in self.ranked[1:] if not self.best.beats(trial)]
        if best.order.is_usual:
            tied = [trial for trial in tied if trial.order.is_usual]
        if best.form == self.known:
            return tuple(trial for trial in tied if trial.form == best.form)
        return tuple(
            trial
            for trial in tied
            if trial.order != best.order or trial.form.in_plain_order != best.form.in_plain_order
        )

    def describe_rivals(self) -> str:
        """Return one line that names the rivals, '' if there are none."""
        if not self.rivals:
            return ""
        named = ", ".join(f"{rival.describe()} ({rival.accuracy:.3f})" for rival in self.rivals[:3])
        more = f" and {len(self.rivals) - 3} more" if len(self.rivals) > 3 else ""
        count = len(self.best.right)
        return f"{named}{more}: not significantly worse than {self.best.describe()} on these {count} images"

    @property
    def chance(self) -> float:
        """The accuracy of chance.

        For an order that was found from the predictions it is that of a network that assigns each class to a random
        output: the expected share of classes with an output of their own.
        """
        if not self.best.order.is_usual:
            return 1 - (1 - 1 / self.classes) ** self.classes
        return chance(self.classes)

    @property
    def fits(self) -> bool:
        """Whether the accuracy of the best trial is at least halfway from chance to 1."""
        return self.best.accuracy >= acceptable(self.chance)

    @property
    def is_clear(self) -> bool:
        """Whether the best trial fits and has no rivals."""
        return self.fits and not self.rivals

    @property
    def open(self) -> dict[str, tuple[str, ...]]:
        """The settings in which the best trial and its rivals differ, as keys of `model.toml` with the values in words.

        >>> rank_forms(network, image_folder("signs")).open
        {}
        """
        trials = (self.best, *self.rivals)
        forms = [trial.form for trial in trials]
        values: dict[str, dict[Any, str]] = {
            "range": {(f.scale, f.mean, f.std, f.standardized): f.describe_range() for f in forms},
            "order": {form.order: form.order for form in forms},
            "resize": {form.resize: form.resize for form in forms},
            "classes": {trial.order.classes: trial.order.name for trial in trials},
        }
        return {key: tuple(texts.values()) for key, texts in values.items() if len(texts) > 1}

    def describe_open(self) -> str:
        """Return the open settings with their values in one line, '' if there are none."""
        return "; ".join(f"{key} ({' or '.join(_few(values))})" for key, values in self.open.items())

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to know about the best trial, one line each: how the labels are read, rivals, a poor accuracy."""
        way_out = "give more images, or the values that the network was trained with, such as --range 0 1"
        lines = [self.remark] if self.remark else []
        if self.fits and not self.best.order.is_usual:
            lines.append(f"the order of the classes is found from the predictions: {listed(self.best.order.classes)}")
        lines += [f"near tie: {self.describe_rivals()}; {way_out}"] if self.rivals and self.fits else []
        if not self.fits:
            lines.append(
                f"no input form fits: the best accuracy is {percent(self.best.accuracy, 0)}, less than "
                f"{percent(acceptable(self.chance), 0)}, which is halfway from chance to 100 %; check the labels and "
                f"the weights{self._describe_weak()}"
            )
        return tuple(lines)

    def _describe_weak(self) -> str:
        """Return what to do if the network is only that good, '' without a form in use."""
        if self.used is None:
            return ""
        if self.best.beats(self.used):
            return f". {self.best.describe()} is significantly better than the form in use"
        return ". None is significantly better than the form in use, which can stay if the network is only that good"

    def describe_used(self) -> str:
        """Return how good the network's own form is, in one line; '' where the other lines say it."""
        if self.used is None or not self.fits:
            return ""
        if self.used is self.best:
            return "" if self.rivals else f"the form in use is the best: {self.used.describe()}"
        how = "significantly" if self.best.beats(self.used) else "not significantly"
        named = f"the form in use, {self.used.describe()}, has an accuracy of {percent(self.used.accuracy, 0)}"
        return f"{named}, {how} worse than {self.best.describe()} ({percent(self.best.accuracy, 0)})"


def _few(values: tuple[str, ...]) -> tuple[str, ...]:
    return values if len(values) <= _NAMED else (*values[:_NAMED], f"{len(values) - _NAMED} others")


def sort_key(trial: Trial) -> tuple[float, float]:
    """Return the key by which trials are sorted: the highest accuracy first, then the lowest log loss."""
    return -trial.accuracy, trial.log_loss
