"""`Argument`: what a technique takes besides the image or unit that it starts from, as a form offers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

# What a value is: a class, a class or unit, a layer (`kernels`: one whose kernels can be drawn; `layer-target`: as the
# target layer:conv4), several layers (`maps`: with positions), another image, one of the choices, a recipe, a whole
# number or any number.
Kind: TypeAlias = Literal[
    "class", "target", "layer", "kernels", "layer-target", "layers", "maps", "image", "choice", "recipe", "integer",
    "number",
]  # fmt: skip
IMAGE = "image"  # among the words of a command: the image, or the images of a unit
TARGET = "target"  # the unit
MOST_STEPS, MOST_SEED = 5000, 2**31 - 1


@dataclass(frozen=True)
class Argument:
    """One argument of a technique.

    Attributes:
        name: the key of its value.
        kind: what its value is.
        title: its label.
        meaning: what it does, in one sentence.
        default: the value that it has if none is given; None for the choice of the technique itself.
        choices: the values of a choice.
        lowest, highest: the limits of a number, both included.
        flag: the option of the command line; "" for an argument without a name.
        prefix, suffix: what the command line puts before and behind the value.
        required: whether there is no default.
    """

    name: str
    kind: Kind
    title: str
    meaning: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    flag: str = ""
    prefix: str = ""
    suffix: str = ""
    required: bool = False

    def as_values(self) -> dict[str, Any]:
        """Return the argument as JSON values."""
        return {**vars(self), "choices": list(self.choices)}


def steps_argument(default: int) -> Argument:
    """Return the argument of the number of steps.

    >>> steps_argument(100).default
    100
    """
    return Argument(
        "steps",
        "integer",
        "Steps",
        "The number of steps at most.",
        default,
        lowest=1,
        highest=MOST_STEPS,
        flag="--steps",
    )


SEED = Argument("seed", "integer", "Seed", "Another seed gives another image.", 0, lowest=0, highest=MOST_SEED,
                flag="--seed")  # fmt: skip
RECIPE = Argument("recipe", "recipe", "Recipe", "How the dreams are made.", flag="--recipe")
FRAMES = Argument("frames", "integer", "Frames", "Images of an animation of the ascent; 0 for none.", 0, lowest=0,
                  highest=200, flag="--frames")  # fmt: skip
