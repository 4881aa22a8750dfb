"""`Technique`: a technique that starts from an image or from a unit, with its arguments, and the plan of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.techniques.forms.argument import Argument
from dreamfilters.techniques.strip import TechniqueResult

IMAGE = "image"  # where the command line has the image, or the images of a unit, among the arguments without a name
TARGET = "target"  # where it has the unit


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
class Technique:
    """A technique that Python, the command line and the viewer offer.

    Attributes:
        name: the command.
        title: what it makes.
        meaning: what that shows, in one or two sentences.
        subject: what it starts from: "image", or "unit" for a unit and a folder of images.
        arguments: what else it takes.
        plan: returns the plan for a network and the value of each argument, or raises the error of a value. A unit is
            the target that names it, a layer is its name, an image is a `GivenImage`.
        words: the order of the arguments without a name on the command line.
        without: what it starts from where no image is given, "" if it needs one.

    Example:
        >>> from dreamfilters.techniques.forms.registry import TECHNIQUES
        >>> TECHNIQUES["fool"].subject, TECHNIQUES["fool"].arguments[0].title
        ('image', 'Class')
    """

    name: str
    title: str
    meaning: str
    subject: Literal["image", "unit"]
    arguments: tuple[Argument, ...]
    plan: Callable[[Network, Mapping[str, Any]], Plan]
    words: tuple[str, ...] = (IMAGE,)
    without: str = ""

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
