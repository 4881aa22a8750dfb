"""Dreams on request: queued, published while they run, canceled, saved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dreamfilters.dreams import builtin_recipes
from dreamfilters.errors import DreamfiltersError, RecipeError, TargetError, UnknownNameError
from dreamfilters.seeds import check_seed
from dreamfilters.viewer.messages import BACKGROUND, CLASS_LAYER, BusyError, Cancelled, NetworkDescription, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_queue import COLUMNS, TILE, DreamQueue, QueuedDream, encode_png
from dreamfilters.viewer.services.event_hub import EventHub

_AWAITED = 1  # priority of a dream that a page has requested
_MAX_BACKGROUND = 64  # units that wait for a dream in the background

Work: TypeAlias = Coroutine[Any, Any, None]


def default_recipe(description: NetworkDescription, layer: str) -> str:
    """Return the default recipe for the units of a layer."""
    return builtin_recipes.default_name(description.size, is_class=layer == CLASS_LAYER)


class DreamService:
    """The dreams of a viewer, all of which are in its `queue`."""

    def __init__(
        self,
        catalog: Catalog,
        hub: EventHub,
        out: Path | None,
        spawn: Callable[[Work], Any],
        *,
        has_prior: bool = False,
    ) -> None:
        """Serve the dreams of a catalog's units.

        Args:
            catalog, hub: the units, and what publishes the progress of dreams.
            out: the parent folder of saved dreams.
            spawn: starts a task.
            has_prior: whether the worker has a learned prior.
        """
        self.queue = DreamQueue()
        self.recipes = builtin_recipes.names() if has_prior else builtin_recipes.complete_names()
        self._catalog, self._hub, self._out, self._spawn = catalog, hub, out, spawn
        self._to_compile: tuple[str, int, str] | None = None
        self._compiling = False
        self._checking = asyncio.Lock()
        self._waiting: list[tuple[str, int]] = []  # units that are dreamed in the background
        self._dreaming = False

    def listed(self, layer: str | None = None) -> Values:
        """Return all dreams, or those of a layer."""
        return {"dreams": [dream.as_values() for dream in self.queue.of(layer)]}

    async def start(self, layer: str, unit: int, recipe: str, seed: int) -> Values:
        """Queue a dream and return it.

        Raises:
            UnknownNameError, TargetError, RecipeError: unknown unit, a unit without gradient, unknown recipe or seed.
            BusyError: too many dreams are waiting.
        """
        description = await self._check(layer, unit, recipe)
        check_seed(seed)
        dream = self._queued(description, layer, unit, recipe or default_recipe(description, layer), seed)
        self._spawn(self._run(dream))
        return dream.as_values()

    async def start_in_background(self, layer: str, units: Sequence[int]) -> Values:
        """Dream the units of a layer that have no dream, one after the other, while the worker has nothing else to do.

        They take the place of the units that still wait: more layers are opened than looked at.

        Raises:
            UnknownNameError, TargetError: as `start`.
            BusyError: the network could not be opened.
        """
        for unit in units[:_MAX_BACKGROUND]:
            await self._check(layer, unit, "")
        self._waiting = [(layer, unit) for unit in units[:_MAX_BACKGROUND]]
        if self._waiting and not self._dreaming:
            self._dreaming = True
            self._spawn(self._dream_waiting())
        return {}

    async def _dream_waiting(self) -> None:
        """Dream the waiting units until there is none; one that has a dream is left out."""
        try:
            while self._waiting:
                layer, unit = self._waiting.pop(0)
                if any(dream.is_open or dream.phase == "done" for dream in self.queue.of(layer, unit)):
                    continue
                description = await self._catalog.network()
                with contextlib.suppress(BusyError):  # requested dreams come first
                    recipe = default_recipe(description, layer)
                    await self._run(self._queued(description, layer, unit, recipe, in_background=True), BACKGROUND)
        finally:
            self._dreaming = False

    def _queued(
        self,
        description: NetworkDescription,
        layer: str,
        unit: int,
        recipe: str,
        seed: int = 0,
        *,
        in_background: bool = False,
    ) -> QueuedDream:
        """Return a new dream of the queue."""
        number = self._catalog.worker.new_number()
        dream = self.queue.add(layer, unit, recipe, seed, name=description.target(layer, unit), number=number)
        dream.command, dream.python = self._catalog.snippets.dream(dream.name, recipe, seed, description.chosen_size)
        dream.in_background = in_background
        self._publish(dream)
        return dream

    async def compile(self, layer: str, unit: int, recipe: str) -> Values:
        """Let the worker compile the programs of a likely dream while it is idle.

        Only the latest unit waits to be compiled: more layers are opened than dreamed.

        Raises:
            UnknownNameError, TargetError, RecipeError: as `start`.
        """
        await self._check(layer, unit, recipe)
        self._to_compile = (layer, unit, recipe)
        if not self._compiling:
            self._compiling = True
            self._spawn(self._compile())
        return {}

    def drop_all(self) -> None:
        """Cancel and drop all dreams: the network has another input form now."""
        self._waiting = []
        for dream in self.queue.of():
            if dream.is_open:
                self._catalog.worker.cancel(dream.number)
        self.queue.clear()

    def cancel(self, dream: str) -> Values:
        """Cancel a dream that is not done."""
        found = self.queue.get(dream)
        if found.is_open:
            found.phase = "cancelled"
            self._catalog.worker.cancel(found.number)
            self._publish(found)
        return found.as_values()

    async def save(self, dream: str) -> Values:
        """Write a finished dream into a run folder, as `dreamfilters dream` does.

        Raises:
            UnknownNameError: it is not done, or the worker was restarted since.
            OutputError: it cannot be written.
        """
        found = self.queue.get(dream)
        if found.phase != "done":
            raise UnknownNameError(f"dream {dream}: is {found.phase}; only a finished dream can be saved")
        found.saved_to = await self._catalog.worker.request("save_dream", dream=dream, out=self._out)
        self._publish(found)
        return found.as_values()

    def png(self, dream: str) -> bytes:
        """Return a dream's current image."""
        png = self.queue.get(dream).png
        if png is None:
            raise UnknownNameError(f"dream {dream}: has no image yet")
        return png

    def thumbnail(self, dream: str) -> bytes:
        """Return a dream's current image at the size of a tile."""
        self.png(dream)
        return encode_png(self.queue.get(dream).tile)

    def unit_map(self, dream: str) -> Values:
        """Return the unit's map on its own dream."""
        found = self.queue.get(dream)
        if found.map is None:
            raise UnknownNameError(f"dream {dream}: has no map until it is done")
        return found.map

    async def prior_check(self, dream: str) -> Values:
        """Return in lines what the learned prior of a finished dream hides, see `comparison.prior_check`.

        Raises:
            UnknownNameError: it is not done, has no learned prior, or the worker was restarted since.
        """
        return {"lines": (await self._prior_check(dream))["lines"]}

    async def prior_check_png(self, dream: str) -> bytes:
        """Return the images beside a dream with a learned prior as one; errors are those of `prior_check`."""
        png: bytes = (await self._prior_check(dream))["png"]
        return png

    async def _prior_check(self, dream: str) -> Values:
        found = self.queue.get(dream)
        if found.phase != "done" or not found.appearance:
            raise UnknownNameError(f"dream {dream}: is no finished dream with a learned prior")
        async with self._checking:  # the page requests the lines and the image together
            if found.check is None:
                found.check = await self._catalog.worker.request("prior_check", priority=2, dream=dream)
        return found.check

    async def sheet(self, layer: str) -> Values:
        """Return the layout of the sheet of a layer's dreams."""
        await self._catalog.network_with_layer(layer)
        dreams = self.queue.newest(layer)
        return {
            "tile": TILE,
            "columns": min(COLUMNS, len(dreams)),
            "units": [dream.request.unit for dream in dreams],
            "dreams": [dream.request.id for dream in dreams],
        }

    async def sheet_png(self, layer: str) -> bytes:
        """Return the newest dreams of a layer as one image of tiles."""
        await self._catalog.network_with_layer(layer)
        return encode_png(self.queue.sheet(layer))

    def on_step(self, step: Values) -> None:
        """Apply and publish a step that the worker has sent."""
        with contextlib.suppress(UnknownNameError):  # the dream was dropped
            dream = self.queue.get(step["id"])
            if dream.is_open:
                dream.on_step(step)
                self._publish(dream)

    async def _check(self, layer: str, unit: int, recipe: str) -> NetworkDescription:
        """Return the network's description if the unit can be dreamed of by the recipe, '' for the default one."""
        description = await self._catalog.network_with_unit(layer, unit)
        if recipe and recipe not in self.recipes:
            raise RecipeError(f"recipe {recipe[:40]}: choose one of {', '.join(self.recipes)}")
        info = description.layers[layer]
        if not info.dreamable:
            raise TargetError(f"{info.name}: no dream is possible: {info.reason}")
        return description

    async def _compile(self) -> None:
        try:
            while self._to_compile is not None:
                (layer, unit, recipe), self._to_compile = self._to_compile, None
                with contextlib.suppress(DreamfiltersError):  # the dream itself reports it
                    await self._catalog.worker.request(
                        "compile_dream", priority=3, layer=layer, unit=unit, recipe=recipe
                    )
        finally:
            self._compiling = False

    async def _run(self, dream: QueuedDream, priority: int = _AWAITED) -> None:
        try:
            values = await self._catalog.worker.request(
                "dream", priority=priority, number=dream.number, request=dream.request
            )
            if dream.is_open:
                dream.on_done(values)
        except Cancelled:
            dream.phase = "cancelled"
        except DreamfiltersError as error:
            dream.phase, dream.note = "failed", str(error)
        self._publish(dream)

    def _publish(self, dream: QueuedDream) -> None:
        if dream in self.queue.of():
            self._hub.publish("dream", dream.as_values(), key=dream.request.id)
