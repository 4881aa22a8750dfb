"""`EmbeddingMethod`: a way to place rows of features in two dimensions."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DreamfiltersError


@dataclass(frozen=True, eq=False)
class Placement:
    """A map of n rows.

    Attributes:
        positions: (n, 2) float64.
        facts: what a page says about it, label -> text.
    """

    positions: NDArray[np.float64]
    facts: Mapping[str, str] = field(default_factory=dict)


class EmbeddingMethod(Protocol):
    """A method with its settings: a frozen dataclass whose fields are numbers, so that the command can set them."""

    @property
    def name(self) -> str:
        """The key in the registry."""

    @property
    def meaning(self) -> str:
        """What the map shows and what it does not, in one or two sentences."""

    def check(self, count: int) -> None:
        """Raise before anything is computed if the method is not installed or does not fit so many images.

        Raises:
            ImageError: there are too few images.
            RecipeError: a setting does not fit.
            DreamfiltersError: the package that computes it is not installed.
        """

    def __call__(self, rows: NDArray[np.float32], images: int, *, seed: int) -> Placement:
        """Return the places of rows (n, d), of which the first `images` are real images and the others dreams.

        The same rows and seed give the same bytes on one machine. Euclidean distances of rows rank as the metric.
        """


def required(module: str, *, package: str, extra: str, what: str) -> ModuleType:
    """Return a module of a package that an extra installs.

    Raises:
        DreamfiltersError: it is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DreamfiltersError(
            f"{what}: needs {package}, which is not installed; pip install 'dreamfilters[{extra}]', or choose pca"
        ) from None


def settings_of(method: EmbeddingMethod) -> dict[str, Any]:
    """Return the settings of a method by name.

    >>> from dreamfilters.evidence.embedding.methods.umap import UMAP
    >>> settings_of(UMAP())
    {'neighbors': 15, 'min_distance': 0.1}
    """
    from dreamfilters.serialization import plain

    values: dict[str, Any] = plain(method)
    return values
