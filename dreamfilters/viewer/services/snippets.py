"""What the page shows, as words for a shell and for Python: whoever copies them gets the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_FORM_FLAGS = ("range", "order")  # the keys of a form that the command line says without a file


@dataclass(frozen=True)
class Snippets:
    """How a network is opened, in words.

    Attributes:
        spec: what the command line calls it.
        options: the arguments of `load` that change what is seen and that a line can say.

    Example:
        >>> Snippets("signs").dream("conv1:3", "fast", 7)
        ('dreamfilters dream signs conv1:3 --recipe fast --seed 7', \
"df.dream(df.load('signs'), 'conv1:3', df.read_recipe('fast'), seed=7)")
    """

    spec: str
    options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, spec: str, options: Mapping[str, Any]) -> Snippets:
        """Return the words for what `load` is given."""
        names = ("classes", "architecture", "form", "size", "input", "output", "trust")
        said = [(name, _sayable(options.get(name))) for name in names]
        return cls(spec, tuple((name, value) for name, value in said if value))

    def serve(self, images: str | Path | None) -> tuple[str, str]:
        """Return how the same viewer is started again."""
        shown = [str(images)] if images is not None else []
        arguments = ", ".join([repr(self.spec), *(f"images={each!r}" for each in shown), *self._arguments])
        return shlex.join(["dreamfilters", "serve", self.spec, *shown, *self._words]), f"df.serve({arguments})"

    def dream(self, target: str, recipe: str, seed: int, size: tuple[int, int] | None = None) -> tuple[str, str]:
        """Return how the same image is dreamt again; `size` is what the viewer chose for a network that takes any."""
        if size is not None and "size" not in dict(self.options):
            return replace(self, options=(*self.options, ("size", size))).dream(target, recipe, seed)
        words = ["dreamfilters", "dream", self.spec, target, "--recipe", recipe, "--seed", str(seed), *self._words]
        loaded = f"df.load({', '.join([repr(self.spec), *self._arguments])})"
        return shlex.join(words), f"df.dream({loaded}, {target!r}, df.read_recipe({recipe!r}), seed={seed})"

    @property
    def _words(self) -> list[str]:
        return [word for name, value in self.options for word in _flags(name, value)]

    @property
    def _arguments(self) -> list[str]:
        return [f"{name}={value!r}" for name, value in self.options]


def _sayable(value: Any) -> Any:
    """Return a value as a line says it, None where none can: a list of names, an object."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value) if set(value) <= set(_FORM_FLAGS) else None
    return tuple(value) if _is_size(value) else value if isinstance(value, str | int) else None


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(side, int) for side in value)


def _flags(name: str, value: Any) -> list[str]:
    """Return an option as the words of a command."""
    if value is True:
        return [f"--{name}"]
    if isinstance(value, dict):
        return [word for key, each in value.items() for word in _flags(key, each)]
    if isinstance(value, tuple | list):  # a size, or a range
        sides = [f"{each:g}" for each in value]
        return [f"--{name}", "x".join(sides)] if name == "size" else [f"--{name}", *sides]
    return [f"--{name}", str(value)]
