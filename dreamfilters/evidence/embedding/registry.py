"""The methods that place images on a map; Python, the command line, pages and the viewer iterate over this registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from dreamfilters.errors import RecipeError, UnknownNameError, close_names
from dreamfilters.evidence.embedding.methods.method import EmbeddingMethod
from dreamfilters.evidence.embedding.methods.pca import PCA
from dreamfilters.evidence.embedding.methods.tsne import TSNE
from dreamfilters.evidence.embedding.methods.umap import UMAP
from dreamfilters.registry import Registry

EMBEDDING_METHODS: Registry[EmbeddingMethod] = Registry("embedding method", [PCA(), TSNE(), UMAP()])


def method_of(method: str | EmbeddingMethod, settings: Iterable[str] = ()) -> EmbeddingMethod:
    """Return the method of a name, with settings such as "perplexity=50".

    Raises:
        UnknownNameError: there is no such method, or it has no such setting.
        RecipeError: a value is not a number.

    >>> method_of("tsne", ["perplexity=50"])
    TSNE(perplexity=50.0)
    """
    found: Any = EMBEDDING_METHODS[method] if isinstance(method, str) else method
    kinds = {field.name: str(field.type) for field in fields(found)}
    for setting in settings:
        key, _, text = (part.strip() for part in setting.partition("="))
        if key not in kinds:
            raise UnknownNameError(f"{key}: {found.name} has no such setting. {close_names(key, kinds)}")
        found = replace(found, **{key: _number(key, text, whole=kinds[key] == "int")})
    return found  # type: ignore[no-any-return]


def _number(key: str, text: str, *, whole: bool) -> float:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise RecipeError(f"{key}={text}: must be a {'whole number' if whole else 'number'}") from None
