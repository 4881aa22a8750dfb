"""Images, their predictions and their activation maps; maps are cached and never computed twice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from dreamfilters.attribution.ablation.unit_change import UnitChange
from dreamfilters.errors import TargetError
from dreamfilters.images import png_bytes
from dreamfilters.viewer.byte_cache import ByteCache
from dreamfilters.viewer.messages import LayerMaps, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.image_store import StoredImage

_CACHE = 2**27  # bytes of maps
_MAX_POSITION = 2**20  # rows and columns of a map

Changes: TypeAlias = tuple[UnitChange, ...]
MapKey: TypeAlias = tuple[str, str, int, Changes]  # layer, image, version of the image, changed units


class ImageService:
    """Images and maps by their ids.

    The argument `change` of a method lists changed units, see `Catalog.changed_units`.
    """

    def __init__(
        self, catalog: Catalog, top: int, confidence: Callable[[str], float | None], on_change: Callable[[], None]
    ) -> None:
        """Serve the images of a catalog and their top-k classes.

        `confidence` returns the probability of the class that is predicted for an image, None where it is not known;
        `on_change` is called when the images change.
        """
        self._catalog, self._top, self._confidence, self._on_change = catalog, top, confidence, on_change
        self._maps: ByteCache[MapKey, LayerMaps] = ByteCache(_CACHE, size_of=_size)
        self._running: dict[MapKey, asyncio.Task[LayerMaps]] = {}

    def listed(self) -> list[Values]:
        """Return the list of images; labels are class names where the network has them.

        Of a large folder these are the first ones and those that are not predicted as labeled.
        """
        evidence = self._catalog.evidence
        mistakes = () if evidence is None else evidence.mistakes
        return [self._values(image) for image in self._catalog.images.listed(mistakes)]

    async def info(self, image: str) -> Values:
        """Return one image as in the list, also one that it does not have."""
        return self._values(await self._catalog.image(image))

    async def png(self, image: str, longest: int) -> bytes:
        """Return an image as a PNG whose longer side has at most `longest` pixels."""
        await self._catalog.image(image)
        known = self._catalog.description
        return await asyncio.to_thread(self._catalog.images.png, image, longest, known.bits if known else 16)

    async def network_input_png(self, image: str) -> bytes:
        """Return an image, resized for the network, as a PNG."""
        _, pixels = await self._catalog.network_input(image)
        return await asyncio.to_thread(png_bytes, pixels)

    async def add(self, content: bytes, name: str) -> Values:
        """Add an upload."""
        image = await asyncio.to_thread(self._catalog.images.add, content, name)
        self._on_change()
        return self._values(image)

    async def remove(self, image: str) -> Values:
        """Remove an upload."""
        self._catalog.images.remove(image)
        self._maps.drop(lambda key: key[1] == image)
        self._on_change()
        return {}

    def drop_maps(self) -> None:
        """Drop all maps, also those that are being computed: the network has another input form now."""
        self._maps.drop(lambda _: True)
        self._running.clear()

    async def set_camera_frame(self, content: bytes) -> Values:
        """Add the camera's image, or replace its content."""
        image = await asyncio.to_thread(self._catalog.images.set_camera_frame, content)
        self._maps.drop(lambda key: key[1] == image.id)
        if image.version == 0:
            self._on_change()
        return self._values(image)

    async def predictions(self, image: str, change: str = "") -> Values:
        """Return the top-k classes predicted for an image."""
        changes = await self._catalog.changed_units(change)
        key, pixels = await self._catalog.network_input(image)
        worker = self._catalog.worker
        return {"classes": await worker.request("predictions", key=key, image=pixels, top=self._top, changes=changes)}

    async def mask_png(self, image: str, change: str = "") -> bytes:
        """Return an image with the mask of its predicted classes over it as a PNG, for a network with a map of classes.

        Raises:
            UnknownNameError, TargetError: unknown image, or the output is no map of classes.
        """
        changes = await self._catalog.changed_units(change)
        key, pixels = await self._catalog.network_input(image)
        png: bytes = await self._catalog.worker.request("class_mask_png", key=key, image=pixels, changes=changes)
        return png

    async def layer_maps(self, layer: str, image: str, change: str = "") -> Values:
        """Return the numbers of each unit of a layer for an image."""
        return {"layer": layer, "image": image, **(await self._layer_maps(layer, image, change)).values}

    async def map_sheet(self, layer: str, image: str, change: str = "") -> bytes:
        """Return the maps of a layer for an image, one byte per position; see `map_encoding.encode_layer_maps`."""
        return (await self._layer_maps(layer, image, change)).sheet

    async def unit_map(self, layer: str, image: str, unit: int, change: str = "") -> Values:
        """Return the map of a unit for an image, at full resolution."""
        await self._catalog.network_with_unit(layer, unit)
        changes = await self._catalog.changed_units(change)
        key, pixels = await self._catalog.network_input(image)
        values: Values = await self._catalog.worker.request(
            "unit_map", layer=layer, unit=unit, key=key, image=pixels, changes=changes
        )
        return values

    async def receptive_field(self, layer: str, row: int = 0, column: int = 0) -> Values:
        """Return the receptive field of a map position, as fractions of the image."""
        description = await self._catalog.network_with_layer(layer)
        if not (0 <= row < _MAX_POSITION and 0 <= column < _MAX_POSITION):
            raise TargetError(f"row {row}, column {column}: not a position of a map")
        return {"box": list(description.box_of(layer, row, column))}

    def _values(self, image: StoredImage) -> Values:
        label = self._catalog.class_title(image.label) or None
        return {
            **image.as_values(), "label": label, "mistake": self._catalog.mistake(image.id),
            "confidence": self._confidence(image.id),
        }  # fmt: skip

    async def _layer_maps(self, layer: str, image: str, change: str) -> LayerMaps:
        changes = await self._catalog.changed_units(change)
        description, stored = await self._catalog.network_with_layer(layer), await self._catalog.image(image)
        info = description.layers[layer]
        if not (info.is_visual and info.units):
            raise TargetError(f"{info.name}: has no units, so there are no maps of it")
        key = (layer, image, stored.version, changes)
        known = self._maps.get(key)
        if known is not None:
            return known
        if key not in self._running:
            task = asyncio.get_running_loop().create_task(self._compute(key))
            self._running[key] = task
            task.add_done_callback(lambda done: self._on_done(key, done))
        return await asyncio.shield(self._running[key])  # a canceled caller does not end the task for the others

    async def _compute(self, key: MapKey) -> LayerMaps:
        layer, image, _, changes = key
        input_key, pixels = await self._catalog.network_input(image)
        description = self._catalog.description
        maps: LayerMaps = await self._catalog.worker.request(
            "layer_maps", layer=layer, key=input_key, image=pixels, changes=changes
        )
        if input_key == key[1:3] and description is self._catalog.description:  # same camera's image, same input form
            self._maps[key] = maps
        return maps

    def _on_done(self, key: MapKey, task: asyncio.Task[LayerMaps]) -> None:
        if self._running.get(key) is task:
            self._running.pop(key)
        if not task.cancelled():
            task.exception()  # marks it as retrieved, in case all callers were canceled


def _size(maps: LayerMaps) -> int:
    return len(maps.sheet) + 160 * int(maps.values["units"])  # about five lists of Python floats
