"""What the ids in addresses mean; whoever asks before the network or the pictures are there waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamfilters.errors import UnknownNameError
from dreamfilters.viewer.messages import CLASSES, Described, Evidence, Picture
from dreamfilters.viewer.server.errors import BusyError
from dreamfilters.viewer.services.image_store import Gallery, Item
from dreamfilters.viewer.services.worker_client import Owner


@dataclass(eq=False)
class Directory:
    """The network, its pictures and what they showed.

    Attributes:
        owner: of the model.
        gallery: the pictures.
        facts: of the network, None until it is open.
        evidence: of the pictures, None until all were looked at.
        pictures_known: set when the folder was looked through, or could not be.
    """

    owner: Owner
    gallery: Gallery = field(default_factory=Gallery)
    facts: Described | None = None
    evidence: Evidence | None = None
    pictures_known: asyncio.Event = field(default_factory=asyncio.Event)

    async def network(self) -> Described:
        """Return the network's facts.

        Raises:
            BusyError: it could not be opened.
        """
        if self.facts is None:
            await self.owner.opened()
        if self.facts is None:
            raise BusyError(self.owner.note)
        return self.facts

    async def layer(self, layer: str) -> Described:
        """Return the network's facts if it has a layer of this id, or raise UnknownNameError."""
        facts = await self.network()
        if layer not in facts.addresses or (layer == CLASSES and not facts.classes):
            raise UnknownNameError(f"layer {layer[:20]}: there is none of this id")
        return facts

    async def unit(self, layer: str, unit: int) -> Described:
        """Return the network's facts if it has this unit, or raise UnknownNameError."""
        facts = await self.layer(layer)
        if not 0 <= unit < facts.units(layer):
            raise UnknownNameError(f"{facts.addresses[layer]}:{unit}: has {facts.units(layer)} units")
        return facts

    async def item(self, image: str) -> Item:
        """Return a picture's facts, or raise UnknownNameError."""
        await self.pictures_known.wait()
        return self.gallery.item(image)

    async def picture(self, image: str) -> tuple[tuple[str, int], Picture]:
        """Return what tells a picture from all others, and the picture as the network is shown it."""
        item, facts = await self.item(image), await self.network()
        shown = await asyncio.to_thread(self.gallery.shown, image, facts.size, facts.channels, facts.rule)
        return (image, item.version), shown

    def class_name(self, label: str) -> str:
        """Return a label in words: the class's name where it is the number of a class."""
        names = self.facts.values["classes"] if self.facts else []
        number = int(label) if label.isascii() and label.isdecimal() and len(label) < 9 else -1
        return str(names[number]) if 0 <= number < len(names) else label

    def layer_values(self, layer: str) -> Mapping[str, Any]:
        """Return what the page is told of a layer, by an id that is known."""
        assert self.facts is not None  # an id is known from the facts
        found: Mapping[str, Any] = next(each for each in self.facts.values["layers"] if each["id"] == layer)
        return found
