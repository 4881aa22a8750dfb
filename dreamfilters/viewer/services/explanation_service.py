"""Why a class or unit has its score on an image: heatmaps by the attribution methods, and the units behind a logit."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.viewer.byte_cache import ByteCache
from dreamfilters.viewer.messages import CLASS_LAYER, JOB, NetworkDescription, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.image_store import StoredImage

_CACHE = 2**26  # bytes
_INTERACTIVE, _SLOW = 0, 2  # priorities, see `messages.Request`


class ExplanationService:
    """Explanations of images by their ids; cached by image, target, method and what the target is compared with."""

    def __init__(self, catalog: Catalog, images: Path | None) -> None:
        """Explain the units of a catalog; `images` is the folder or file that the viewer was started with."""
        self._catalog, self._images = catalog, images
        self._cache: ByteCache[Hashable, Values] = ByteCache(_CACHE, size_of=lambda values: len(str(values)))

    async def heatmap(self, layer: str, unit: int, image: str, method: str, against: int | None = None) -> Values:
        """Return a heatmap of a unit's score, and what makes it again; see `worker.explanations.pixel_heatmap`.

        The first method of the network's description is quick: it does not wait for dreams.

        Args:
            layer, unit, image: what is explained, by ids.
            method: name of an attribution method.
            against: another unit of the layer, whose score is subtracted.

        Raises:
            UnknownNameError, TargetError: unknown names, or a unit without gradient.
        """
        description, names = await self._with_method(layer, unit, against, method)
        quick = method == names[0]
        values = await self._computed(
            "heatmap" if quick else "slow_heatmap", _INTERACTIVE if quick else _SLOW, image,
            layer=layer, unit=unit, method=method, against=against,
        )  # fmt: skip
        target, other = (None if each is None else description.target(layer, each) for each in (unit, against))
        command, python = self._catalog.snippets.attribution(
            str(target), self._path(await self._catalog.image(image)), method, other, description.chosen_size
        )
        return {**values, "command": command, "python": python}

    async def trust(self, layer: str, unit: int, image: str, method: str, against: int | None = None) -> Values:
        """Return how far the heatmap of these arguments can be trusted; see `worker.explanations.heatmap_trust`.

        It waits for everything else, and its progress is the event `trust`, whose id joins the arguments by colons.

        Raises:
            UnknownNameError, TargetError: as `heatmap`.
        """
        await self._with_method(layer, unit, against, method)
        words = (layer, unit, image, method, "" if against is None else against)
        return await self._computed(
            "trust", JOB, image, layer=layer, unit=unit, method=method, against=against, name=":".join(map(str, words))
        )

    async def logit_units(self, unit: int, image: str, against: int | None = None) -> Values:
        """Return the units that carry the logit of a class, or its margin; see `worker.explanations.logit_units`.

        Raises:
            UnknownNameError, TargetError: as `heatmap`.
        """
        await self._described(CLASS_LAYER, unit, against)
        values = await self._computed("logit_units", _SLOW, image, unit=unit, against=against)
        path = self._path(await self._catalog.image(image))
        return {**values, "python": self._catalog.snippets.logit_attribution(path, unit, against)}

    async def _with_method(
        self, layer: str, unit: int, against: int | None, method: str
    ) -> tuple[NetworkDescription, list[str]]:
        """Return the description of `_described` and the names of the methods, of which `method` is one."""
        description = await self._described(layer, unit, against)
        names = [each["name"] for each in description.values["attributions"]]
        if method not in names:
            raise UnknownNameError(f"attribution method {method[:40]}: there is none. {close_names(method, names)}")
        return description, names

    async def _described(self, layer: str, unit: int, against: int | None) -> NetworkDescription:
        """Return the network's description if the units exist and have a gradient."""
        description = await self._catalog.network_with_unit(layer, unit)
        if against is not None:
            await self._catalog.network_with_unit(layer, against)
        info = description.layers[layer]
        if not info.dreamable:
            raise TargetError(f"{info.name}: no heatmap is possible: {info.reason}")
        return description

    async def _computed(self, action: str, priority: int, image: str, **arguments: Any) -> Values:
        """Return what the worker computes for an image, from the cache where it is there."""
        input_key, pixels = await self._catalog.network_input(image)
        description = self._catalog.description
        key = (action, input_key, description and description.form_key, *arguments.items())
        values = self._cache.get(key)
        if values is None:
            values = await self._catalog.worker.request(action, priority=priority, image=pixels, **arguments)
            if description is self._catalog.description:  # the network has the same input form
                self._cache[key] = values
        return values

    def _path(self, image: StoredImage) -> str:
        """Return an image's path from where the viewer was started; the name of one that is not of that folder."""
        if image.uploaded or self._images is None:
            return image.name
        return str(self._images if self._images.is_file() else self._images / image.name)
