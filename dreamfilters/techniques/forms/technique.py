"""`Technique`: a technique that starts from an image, a unit or the network, its arguments, and the plans of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from dreamfilters.dreams.recipe import Recipe
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.techniques.forms.argument import IMAGE, Argument
from dreamfilters.techniques.strip import TechniqueResult


@dataclass(frozen=True, eq=False)
class Plan:
    """A technique with its settings.

    Attributes:
        chosen: the settings as the run folder of the command stores them.
        make: makes the result of an image, None for noise, or of a target and its images; reports its progress.
    """

    chosen: Mapping[str, Any]
    make: Callable[..., TechniqueResult]


@dataclass(frozen=True, eq=False)
class DreamPlan:
    """A dream that starts from the image, which the command `dream` makes; the attributes are its options."""

    target: str
    recipe: Recipe
    seed: int
    frames: int


@dataclass(frozen=True, eq=False)
class WeightsPlan:
    """The weights of a layer, which the command `weights` draws."""

    layer: str


AnyPlan: TypeAlias = Plan | DreamPlan | WeightsPlan


@dataclass(frozen=True, eq=False)
class Technique:
    """A technique that Python, the command line and the viewer offer.

    Attributes:
        name: the key of the technique, which is its command unless `command` is another one.
        title: what it makes.
        meaning: what that shows, in one or two sentences.
        subject: what it starts from: "image", "unit" for a unit and a folder of images, "network" for nothing else.
        arguments: what else it takes.
        plan: returns the plan for a network and the value of each argument, or raises the error of a value. A unit is
            the target that names it, a layer is its name, an image is a `GivenImage`.
        words: the words of the command after the network, without the arguments that have a flag: names of arguments,
            `IMAGE` or `TARGET`, and words that are always the same.
        without: what it starts from where no image is given, "" if it needs one.
        command: the command, "" for that of its name.

    Example:
        >>> from dreamfilters.techniques.forms.registry import TECHNIQUES
        >>> TECHNIQUES["fool"].subject, TECHNIQUES["fool"].arguments[0].title
        ('image', 'Class')
    """

    name: str
    title: str
    meaning: str
    subject: Literal["image", "unit", "network"]
    arguments: tuple[Argument, ...]
    plan: Callable[[Network, Mapping[str, Any]], AnyPlan]
    words: tuple[str, ...] = (IMAGE,)
    without: str = ""
    command: str = ""

    def as_values(self) -> dict[str, Any]:
        """Return the form as JSON values."""
        return {
            "name": self.name,
            "title": self.title,
            "meaning": self.meaning,
            "subject": self.subject,
            "arguments": [argument.as_values() for argument in self.arguments],
            "words": list(self.words),
            "without": self.without,
            "command": self.command or self.name,
        }

    def with_defaults(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of each argument: the one that is given, else its default."""
        return {each.name: values.get(each.name, each.default) for each in self.arguments}


def reported(make: Callable[..., TechniqueResult]) -> Callable[..., TechniqueResult]:
    """Return a `Plan.make` of a technique that reports no progress itself.

    >>> reported(lambda image: image)("a.png", None)
    'a.png'
    """

    def made(subject: Any, progress: OnProgress) -> TechniqueResult:
        return make(subject)

    return made
