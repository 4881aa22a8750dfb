"""Dreams on order: asked for, told while they grow, cancelled, kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from dreamfilters.dreams import builtin_recipes
from dreamfilters.errors import DreamfiltersError, RecipeError, TargetError, UnknownNameError
from dreamfilters.viewer.messages import CLASSES, Cancelled, NetworkDescription, Values
from dreamfilters.viewer.server.events import EventHub
from dreamfilters.viewer.services.dream_jobs import TILE, DreamQueue, QueuedDream, columns_of, png_of
from dreamfilters.viewer.services.registry import Registry
from dreamfilters.viewer.services.snippets import Snippets

RECIPE, CLASS_RECIPE = "standard", "natural"  # that are proposed; classes are far easier to read by the second
_MOST_SEED = 2**31 - 1


def usual_recipe(layer: str) -> str:
    """Return the recipe that is proposed for the units of a layer."""
    return CLASS_RECIPE if layer == CLASSES else RECIPE


class DreamService:
    """All dreams of a viewer.

    Attributes:
        bookings: every one of them.
    """

    def __init__(
        self,
        directory: Registry,
        hub: EventHub,
        out: str | None,
        spawn: Callable[[Coroutine[Any, Any, None]], Any],
        wording: Snippets,
    ) -> None:
        """Take where the units are, who listens, the folder for what is kept, what starts a task, and words."""
        self._wording = wording
        self.bookings = DreamQueue()
        self._directory, self._hub, self._out, self._spawn = directory, hub, out, spawn
        self._wish: tuple[str, int, str] | None = None  # what is to be made ready next
        self._preparing = False

    def listed(self, layer: str | None = None) -> Values:
        """Return all dreams, or a layer's."""
        return {"dreams": [booking.as_values() for booking in self.bookings.of(layer)]}

    async def book(self, layer: str, unit: int, recipe: str, seed: int) -> Values:
        """Ask for a dream; it comes after those that were asked for before.

        Raises:
            UnknownNameError, TargetError, RecipeError: no such unit, none that can be dreamt, no such recipe or seed.
            BusyError: as many wait as may.
        """
        recipe = recipe or usual_recipe(layer)
        facts = await self._dreamable(layer, unit, recipe)
        if not 0 <= seed <= _MOST_SEED:
            raise RecipeError(f"seed {seed}: from 0 to {_MOST_SEED}")
        number = self._directory.owner.new_number()
        booking = self.bookings.add(layer, unit, recipe, seed, name=facts.target(layer, unit), number=number)
        booking.command, booking.python = self._wording.dream(booking.name, recipe, seed, facts.chosen)
        self._publish(booking)
        self._spawn(self._made(booking))
        return booking.as_values()

    async def prepare(self, layer: str, unit: int, recipe: str) -> Values:
        """Let the worker compile what a dream of this unit would wait for, when it has nothing else to do.

        Only the last wish waits: who leafs through a network opens more layers than he dreams of.

        Raises:
            UnknownNameError, TargetError, RecipeError: as for `book`.
        """
        await self._dreamable(layer, unit, recipe)
        self._wish = (layer, unit, recipe)
        if not self._preparing:
            self._preparing = True
            self._spawn(self._prepared())
        return {}

    def cancel(self, dream: str) -> Values:
        """Cancel a dream that is not done."""
        booking = self.bookings.get(dream)
        if booking.is_open:
            booking.phase = "cancelled"
            self._directory.owner.cancel(booking.number)
            self._publish(booking)
        return booking.as_values()

    async def save(self, dream: str) -> Values:
        """Write a dream that is done into a run folder of its own, as `dreamfilters dream` would.

        Raises:
            UnknownNameError: it is not done, or the worker was started anew since.
            OutputError: it cannot be written.
        """
        booking = self.bookings.get(dream)
        if booking.phase != "done":
            raise UnknownNameError(f"dream {dream}: is {booking.phase}; only one that is done can be kept")
        booking.saved_to = await self._directory.owner.ask("save", dream=dream, out=self._out)
        self._publish(booking)
        return booking.as_values()

    def png(self, dream: str) -> bytes:
        """Return a dream's image as it is now."""
        booking = self.bookings.get(dream)
        if booking.png is None:
            raise UnknownNameError(f"dream {dream}: has no image yet")
        return booking.png

    def thumb(self, dream: str) -> bytes:
        """Return a dream's image as a tile."""
        self.png(dream)
        return png_of(self.bookings.get(dream).thumb)

    def map(self, dream: str) -> Values:
        """Return the unit's map on its own dream."""
        booking = self.bookings.get(dream)
        if booking.map is None:
            raise UnknownNameError(f"dream {dream}: is not done, so there is no map of it")
        return booking.map

    async def sheet(self, layer: str) -> Values:
        """Return which dreams are on the sheet of a layer."""
        await self._directory.layer(layer)
        found = self.bookings.newest(layer)
        return {
            "tile": TILE,
            "columns": columns_of(len(found)),
            "units": [booking.asked.unit for booking in found],
            "dreams": [booking.asked.id for booking in found],
        }

    async def sheet_png(self, layer: str) -> bytes:
        """Return the newest dreams of a layer as one image of tiles."""
        await self._directory.layer(layer)
        return png_of(self.bookings.sheet(layer))

    def grown(self, news: Values) -> None:
        """Take over what the worker tells of a dream that it is at."""
        booking = self.bookings.find(news["id"])
        if booking is not None and booking.is_open:
            booking.grow(news)
            self._publish(booking)

    async def _dreamable(self, layer: str, unit: int, recipe: str) -> NetworkDescription:
        facts = await self._directory.unit(layer, unit)
        if recipe not in builtin_recipes.names():
            raise RecipeError(f"recipe {recipe[:40]}: there are {', '.join(builtin_recipes.names())}")
        known = {} if layer == CLASSES else self._directory.layer_values(layer)
        if not known.get("dreamable", True):
            raise TargetError(f"{known['name']}: cannot be dreamt: {known['reason']}")
        return facts

    async def _prepared(self) -> None:
        try:
            while self._wish is not None:
                (layer, unit, recipe), self._wish = self._wish, None
                with contextlib.suppress(DreamfiltersError):  # who dreams it is told
                    await self._directory.owner.ask("prepare", rank=3, layer=layer, unit=unit, recipe=recipe)
        finally:
            self._preparing = False

    async def _made(self, booking: QueuedDream) -> None:
        try:
            made = await self._directory.owner.ask("dream", rank=1, number=booking.number, asked=booking.asked)
            if booking.is_open:
                booking.finish(made)
        except Cancelled:
            booking.phase = "cancelled"
        except DreamfiltersError as error:
            booking.phase, booking.note = "failed", str(error)
        self._publish(booking)

    def _publish(self, booking: QueuedDream) -> None:
        self._hub.publish("dream", booking.as_values(), key=booking.asked.id)
