"""What the ids of addresses name: layers, units and images; lookups wait until the network and images are known."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from dreamfilters.attribution.ablation.unit_change import MOST_UNITS, UnitChange
from dreamfilters.errors import (
    DreamfiltersError,
    ImageError,
    ModelError,
    TargetError,
    UnknownNameError,
    printable,
)
from dreamfilters.viewer.messages import (
    CLASS_LAYER,
    BusyError,
    ImageArray,
    ImageEvidence,
    NetworkDescription,
    ScanRequest,
)
from dreamfilters.viewer.services.image_store import ImageStore, StoredImage
from dreamfilters.viewer.services.snippets import Snippets
from dreamfilters.viewer.services.worker_client import WorkerClient

_NUMBER = r"[+-]?(?:nan|inf|\d{1,12}(?:\.\d{0,12})?(?:e[+-]?\d{1,3})?)"
_CHANGE = re.compile(rf"(\w{{1,12}}):(\d{{1,9}}):({_NUMBER})", re.ASCII)  # id of a layer, unit, factor


@dataclass(eq=False)
class Catalog:
    """A network, its images and the evidence, shared by the services.

    Attributes:
        description: of the network; None until it is open.
        scan_request: the images of the folder; None until they are listed, and without any.
        evidence: of the images; None until they are scanned.
        images_listed: set when the folder has been listed, or could not be.
        snippets: commands and code for the network in its present input form.
    """

    worker: WorkerClient
    images: ImageStore = field(default_factory=ImageStore)
    description: NetworkDescription | None = None
    scan_request: ScanRequest | None = None
    evidence: ImageEvidence | None = None
    images_listed: asyncio.Event = field(default_factory=asyncio.Event)
    snippets: Snippets = field(default_factory=lambda: Snippets(""))

    async def network(self) -> NetworkDescription:
        """Return the description of the network.

        Raises:
            BusyError: the network could not be opened.
        """
        if self.description is None:
            await self.worker.opened.wait()
        if self.description is None:
            raise BusyError(self.worker.note)
        return self.description

    async def network_with_layer(self, layer: str) -> NetworkDescription:
        """Return the description of the network if it has a layer of this id, or raise UnknownNameError."""
        description = await self.network()
        if layer not in description.layers:
            raise UnknownNameError(f"layer {layer[:20]}: no layer has this id")
        return description

    async def network_with_unit(self, layer: str, unit: int) -> NetworkDescription:
        """Return the description of the network if it has this unit, or raise UnknownNameError."""
        description = await self.network_with_layer(layer)
        info = description.layers[layer]
        if not 0 <= unit < info.units:
            raise UnknownNameError(f"{info.name}:{unit}: the layer has {info.units} units")
        return description

    async def changed_units(self, text: str) -> tuple[UnitChange, ...]:
        """Return the changed units that an address lists as layer:unit:factor, joined by commas; () for none.

        Units of factor 1 are left out.

        Raises:
            UnknownNameError, TargetError: no such layer or unit, no such factor, or too many units.
        """
        words = text.split(",") if text else []
        if len(words) > MOST_UNITS:
            raise TargetError(f"{len(words)} changed units: at most {MOST_UNITS}")
        found = []
        for word in words:
            match = _CHANGE.fullmatch(word)
            if match is None:
                raise TargetError(f"change {printable(word[:40])}: expected layer:unit:factor, such as L3:12:0")
            layer, unit = match[1], int(match[2])
            description = await self.network_with_unit(layer, unit)
            if layer == CLASS_LAYER:
                raise TargetError("the classes are the output of the network; change a unit of an earlier layer")
            found.append(UnitChange(description.layers[layer].name, unit, float(match[3])))
        return tuple(each for each in found if each.factor != 1)

    async def image(self, image: str) -> StoredImage:
        """Return an image's entry in the store, or raise UnknownNameError."""
        await self.images_listed.wait()
        return self.images.image(image)

    async def scanned_images(self, *, labeled: bool = False) -> ScanRequest:
        """Return the images of the folder.

        Raises:
            BusyError: the network could not be opened.
            ImageError, ModelError: there are none; `labeled`: none has a label, or the network has no classes.
        """
        await self.network()
        await self.images_listed.wait()
        if self.scan_request is None:
            raise ImageError("there are no images; start the viewer with a folder of images")
        obstacle = self.label_obstacle() if labeled else None
        if obstacle is not None:
            raise obstacle
        return self.scan_request

    def label_obstacle(self) -> DreamfiltersError | None:
        """Return why the network cannot be tested on labeled images, None if it can."""
        if self.scan_request is None or not any(self.scan_request.images.labels):
            return ImageError(
                "no labeled images: start the viewer with a folder of images, one subfolder for each class, or --labels"
            )
        if self.description is None or not self.description.values["is_classifier"]:
            return ModelError("the output of the network is not one number for each of several classes")
        return None

    async def network_input(self, image: str) -> tuple[tuple[str, int], ImageArray]:
        """Return an image resized for the network, after its (id, version), which identifies its content."""
        stored, description = await self.image(image), await self.network()
        pixels = await asyncio.to_thread(
            self.images.network_input,
            image,
            description.size,
            description.channels,
            description.resize_rule,
            description.bits,
        )
        return (image, stored.version), pixels

    def mistake(self, image: str) -> str | None:
        """Return the title of the class that is predicted for a labeled image, None if that is its label.

        It is also None before the scan and for images without a label.
        """
        number = None if self.evidence is None else self.evidence.mistakes.get(image)
        if number is None or self.description is None:
            return None
        titles = self.description.values["classes"]
        return str(titles[number]) if 0 <= number < len(titles) else "no class"

    def class_title(self, label: str) -> str:
        """Return the title of the class whose number or name a label is; any other label unchanged."""
        if self.description is None:
            return label
        names, titles = self.description.class_names, self.description.values["classes"]
        number = int(label) if label.isascii() and label.isdecimal() and len(label) < 9 else -1
        if not 0 <= number < len(names):
            number = names.index(label) if label in names else -1
        return str(titles[number]) if number >= 0 else label
