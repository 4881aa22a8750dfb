"""Frames of the webcam with what a unit makes of them: one frame at a time, and only the newest one waits."""

from __future__ import annotations

import asyncio
from typing import Any

from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.viewer.messages import Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.explanation_service import BACKWARD, ExplanationService
from dreamfilters.viewer.services.image_service import ImageService

MAX_FRAME = 2**21  # bytes


class LiveService:
    """Live frames.

    A frame that arrives while another one is computed waits; one more replaces it, so that frames are dropped and
    never queued, however many pages send them.
    """

    def __init__(self, catalog: Catalog, images: ImageService, explanations: ExplanationService, top: int) -> None:
        """Serve frames as the image of the webcam of `images`, with the top-k classes."""
        self._catalog, self._images, self._explanations, self._top = catalog, images, explanations, top
        self._is_busy = False
        self._waiting: asyncio.Future[bool] | None = None  # whether it is the turn of the frame that waits

    async def frame(
        self, content: bytes, layer: str, unit: int, method: str = "", change: str = "", drawn: str = ""
    ) -> Values:
        """Return the image of a frame and what a unit makes of it.

        Args:
            content: an image file, which replaces the last frame.
            layer, unit: ids of the unit.
            method: of the heatmap, one of `BACKWARD`, "" for none.
            change: changed units of the network, see `Catalog.changed_units`.
            drawn: what is drawn of the backward pass, see `ExplanationService.heatmap`.

        Returns:
            `image` as in the list of images, the unit's `map`, the predicted `classes`, for a changed network also the
            `plain_classes`, and the `heatmap`, None without a method; `{"dropped": True}` where a newer frame has
            replaced this one before its turn.

        Raises:
            UnknownNameError, TargetError: unknown names, another method, or a unit without gradient.
            ImageError, OutputError: the content is not an image, or cannot be stored.
        """
        if not await self._is_its_turn():
            return {"dropped": True}
        try:
            return await self._computed(content, layer, unit, method, change, drawn)
        finally:
            self._is_busy = False
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(True)

    async def _is_its_turn(self) -> bool:
        """Wait while another frame is computed; return False once a newer one waits instead."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(False)
        while self._is_busy:
            own = self._waiting = asyncio.get_running_loop().create_future()
            if not await own:
                return False
        self._is_busy = True
        return True

    async def _computed(self, content: bytes, layer: str, unit: int, method: str, change: str, drawn: str) -> Values:
        if method:
            if method not in BACKWARD:
                raise UnknownNameError(f"backward pass {method[:40]}: there is none. {close_names(method, BACKWARD)}")
            await self._explanations.checked_method(layer, unit, None, method, drawn)
        await self._catalog.network_with_unit(layer, unit)
        changes = await self._catalog.changed_units(change)
        image = await self._images.set_camera_frame(content)
        key, pixels = await self._catalog.network_input(image["id"])
        arguments: dict[str, Any] = {"layer": layer, "unit": unit, "method": method, "changes": changes, "drawn": drawn}
        found: Values = await self._catalog.worker.request(
            "live_frame", key=key, image=pixels, top=self._top, **arguments
        )
        if found["heatmap"] is not None:
            found["heatmap"] |= await self._explanations.reproduction(
                layer, unit, image["id"], method, changed=bool(change)
            )
        return {"dropped": False, "image": image, **found}
