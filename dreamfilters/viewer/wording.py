"""What the page shows, as words for a shell and for Python: whoever copies them gets the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Wording:
    """How a network is opened, in words.

    Attributes:
        spec: what the command line calls it.
        options: the arguments of `load` that a line can say: paths, and what is true.

    Example:
        >>> Wording("signs").dream("conv1:3", "fast", 7)
        ('dreamfilters dream signs conv1:3 --recipe fast --seed 7', \
"df.dream(df.load('signs'), 'conv1:3', df.read_recipe('fast'), seed=7)")
    """

    spec: str
    options: tuple[tuple[str, str | bool], ...] = ()

    @classmethod
    def of(cls, spec: str, options: Mapping[str, Any]) -> Wording:
        """Return the words for what `load` is given."""
        paths = [(name, str(options[name])) for name in ("classes", "architecture") if _is_path(options.get(name))]
        return cls(spec, (*paths, *([("trust", True)] if options.get("trust") else [])))

    def serve(self, images: str | Path | None) -> tuple[str, str]:
        """Return how the same viewer is started again."""
        shown = [str(images)] if images is not None else []
        arguments = ", ".join([repr(self.spec), *(f"images={each!r}" for each in shown), *self._arguments])
        return shlex.join(["dreamfilters", "serve", self.spec, *shown, *self._words]), f"df.serve({arguments})"

    def dream(self, target: str, recipe: str, seed: int) -> tuple[str, str]:
        """Return how the same picture is dreamt again."""
        words = ["dreamfilters", "dream", self.spec, target, "--recipe", recipe, "--seed", str(seed), *self._words]
        loaded = f"df.load({', '.join([repr(self.spec), *self._arguments])})"
        return shlex.join(words), f"df.dream({loaded}, {target!r}, df.read_recipe({recipe!r}), seed={seed})"

    @property
    def _words(self) -> list[str]:
        return [word for name, value in self.options for word in (f"--{name}", value) if isinstance(word, str)]

    @property
    def _arguments(self) -> list[str]:
        return [f"{name}={value!r}" for name, value in self.options]


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path)
