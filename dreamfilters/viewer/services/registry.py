"""What the ids in addresses mean; whoever asks before the network or the images are there waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamfilters.errors import UnknownNameError
from dreamfilters.viewer.messages import CLASSES, Evidence, ImageArray, NetworkDescription
from dreamfilters.viewer.server.errors import BusyError
from dreamfilters.viewer.services.image_store import ImageStore, StoredImage
from dreamfilters.viewer.services.worker_client import WorkerClient


@dataclass(eq=False)
class Registry:
    """The network, its images and what they showed.

    Attributes:
        owner: of the model.
        gallery: the images.
        facts: of the network, None until it is open.
        evidence: of the images, None until all were looked at.
        images_known: set when the folder was looked through, or could not be.
    """

    owner: WorkerClient
    gallery: ImageStore = field(default_factory=ImageStore)
    facts: NetworkDescription | None = None
    evidence: Evidence | None = None
    images_known: asyncio.Event = field(default_factory=asyncio.Event)

    async def network(self) -> NetworkDescription:
        """Return the network's facts.

        Raises:
            BusyError: it could not be opened.
        """
        if self.facts is None:
            await self.owner.opened()
        if self.facts is None:
            raise BusyError(self.owner.note)
        return self.facts

    async def layer(self, layer: str) -> NetworkDescription:
        """Return the network's facts if it has a layer of this id, or raise UnknownNameError."""
        facts = await self.network()
        if layer not in facts.addresses or (layer == CLASSES and not facts.classes):
            raise UnknownNameError(f"layer {layer[:20]}: there is none of this id")
        return facts

    async def unit(self, layer: str, unit: int) -> NetworkDescription:
        """Return the network's facts if it has this unit, or raise UnknownNameError."""
        facts = await self.layer(layer)
        if not 0 <= unit < facts.units(layer):
            raise UnknownNameError(f"{facts.addresses[layer]}:{unit}: has {facts.units(layer)} units")
        return facts

    async def item(self, image: str) -> StoredImage:
        """Return an image's facts, or raise UnknownNameError."""
        await self.images_known.wait()
        return self.gallery.item(image)

    async def image(self, image: str) -> tuple[tuple[str, int], ImageArray]:
        """Return what tells an image from all others, and the image as the network is shown it."""
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
