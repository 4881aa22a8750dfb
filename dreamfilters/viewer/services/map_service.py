"""What there is to see: images, and what layers answer to them. Nothing is computed twice while it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from dreamfilters.errors import TargetError
from dreamfilters.images import png_bytes
from dreamfilters.viewer.messages import CLASSES, LayerMaps, Values
from dreamfilters.viewer.services.byte_cache import ByteCache
from dreamfilters.viewer.services.image_store import StoredImage
from dreamfilters.viewer.services.registry import Registry

_ROOM = 2**27  # bytes of maps
_FARTHEST = 2**20  # rows and columns of a map at most

Key: TypeAlias = tuple[str, str, int]  # layer, image, version of the image


class MapService:
    """Images and maps by their ids."""

    def __init__(self, directory: Registry, changed: Callable[[], None]) -> None:
        """Take what is to be seen, and what to call when the list of images has changed."""
        self._directory, self._changed = directory, changed
        self._maps: ByteCache[Key, LayerMaps] = ByteCache(_ROOM, weigh=lambda maps: maps.weight)
        self._underway: dict[Key, asyncio.Task[LayerMaps]] = {}

    def listed(self) -> list[Values]:
        """Return the images of the tray."""
        known = self._directory
        return [{**item.as_values(), "label": self._label(item)} for item in known.gallery.listed()]

    async def png(self, image: str, longest: int) -> bytes:
        """Return an image of at most so many pixels along its longer side."""
        await self._directory.item(image)
        return await asyncio.to_thread(self._directory.gallery.png, image, longest)

    async def shown_png(self, image: str) -> bytes:
        """Return an image as the network is shown it."""
        _, pixels = await self._directory.image(image)
        return await asyncio.to_thread(png_bytes, pixels)

    async def add(self, content: bytes, name: str) -> Values:
        """Take in an upload."""
        item = await asyncio.to_thread(self._directory.gallery.add, content, name)
        self._changed()
        return item.as_values()

    async def forget(self, image: str) -> Values:
        """Remove an upload."""
        self._directory.gallery.forget(image)
        self._maps.drop(lambda key: key[1] == image)
        self._changed()
        return {}

    async def frame(self, content: bytes) -> Values:
        """Take in the webcam's image, in place of the one before."""
        item = await asyncio.to_thread(self._directory.gallery.frame, content)
        self._maps.drop(lambda key: key[1] == item.id)
        if item.version == 0:
            self._changed()
        return item.as_values()

    async def predictions(self, image: str, top: int) -> Values:
        """Return the surest classes of an image."""
        if not (await self._directory.network()).classes:
            return {"classes": []}
        key, pixels = await self._directory.image(image)
        return {"classes": await self._directory.owner.ask("predictions", key=key, image=pixels, top=top)}

    async def maps(self, layer: str, image: str) -> Values:
        """Return the numbers of each unit of a layer for an image."""
        return {"layer": layer, "image": image, **(await self._layer_maps(layer, image)).values}

    async def sheet(self, layer: str, image: str) -> bytes:
        """Return the maps of a layer for an image, a byte a place; see `drawing.layer_maps`."""
        return (await self._layer_maps(layer, image)).sheet

    async def map(self, layer: str, image: str, unit: int) -> Values:
        """Return the map of one unit for an image, in full."""
        await self._directory.unit(layer, unit)
        key, pixels = await self._directory.image(image)
        found: Values = await self._directory.owner.ask("map", layer=layer, unit=unit, key=key, image=pixels)
        return found

    async def field(self, layer: str, row: int, column: int) -> Values:
        """Return what a place of a layer's maps sees, in fractions of the image."""
        facts = await self._directory.layer(layer)
        if not (0 <= row < _FARTHEST and 0 <= column < _FARTHEST):
            raise TargetError(f"row {row}, column {column}: no place of a map")
        return {"box": list(facts.seen_from(layer, row, column))}

    async def _layer_maps(self, layer: str, image: str) -> LayerMaps:
        facts, item = await self._directory.layer(layer), await self._directory.item(image)
        if layer != CLASSES and self._directory.layer_values(layer)["display"] == "none":
            raise TargetError(f"{facts.addresses[layer]}: has no maps and no numbers for units")
        key = (layer, image, item.version)
        return self._maps.get(key) or await self._once(key, self._computed(key))

    async def _computed(self, key: Key) -> LayerMaps:
        told, pixels = await self._directory.image(key[1])
        found: LayerMaps = await self._directory.owner.ask("maps", layer=key[0], key=told, image=pixels)
        if told == key[1:]:  # the webcam may have gone on
            self._maps[key] = found
        return found

    async def _once(self, key: Key, work: Coroutine[Any, Any, LayerMaps]) -> LayerMaps:
        """Return what is computed for a key; many may wait for it, and one may leave without ending it."""
        if key in self._underway:
            work.close()
        else:
            task = asyncio.get_running_loop().create_task(work)
            self._underway[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(self._underway[key])

    def _done(self, key: Key, task: asyncio.Task[LayerMaps]) -> None:
        self._underway.pop(key, None)
        if not task.cancelled():
            task.exception()  # taken notice of, though all who waited may have left

    def _label(self, item: StoredImage) -> str | None:
        return self._directory.class_name(item.label) or None
