"""The map of the images of the last embedding, whose points open images of the viewer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from dreamfilters.errors import UnknownNameError
from dreamfilters.runs.storage.stored_files import read_file
from dreamfilters.viewer.messages import CLASS_LAYER, JobResult, NetworkDescription, Values
from dreamfilters.viewer.services.catalog import Catalog

_MAX_SHEET = 2**26  # bytes


@dataclass(eq=False)
class EmbeddingService:
    """The last embedding of the images.

    Attributes:
        values: what the page draws, see `worker.jobs.embedding_values`; None without an embedding.
    """

    catalog: Catalog
    values: Values | None = None
    _folder: Path = field(default=Path(), init=False)
    _version: int = field(default=0, init=False)  # of the thumbnails

    def set(self, result: JobResult | None) -> None:
        """Replace the embedding by that of a run; None drops it."""
        self._version += 1
        self.values = None if result is None else result.embedding
        self._folder = Path() if result is None else result.folder

    async def summary(self) -> Values:
        """Return the map: places, names, classes, neighbors, and the id of each image, null for one not in the viewer.

        The last `dreams` of them are dreams; `units` has the id of the layer and the unit of each of these.
        `sheets` are the addresses of the thumbnails. Without an embedding it has only `ready` and the `obstacle` to
        one, null if there are images.
        """
        await self.catalog.images_listed.wait()
        request = self.catalog.scan_request
        if self.values is None or request is None:
            none = "there are no images; start the viewer with a folder of images"
            return {"ready": False, "obstacle": none if request is None else None}
        ids = dict(zip(request.images.names, request.image_ids, strict=True))
        description = await self.catalog.network()
        titles = dict(zip(description.class_names, description.values["classes"], strict=True))
        names, dreams = self.values["names"], self.values["dreams"]
        images = len(names) - dreams
        return {
            **self.values,
            "ready": True,
            "obstacle": None,
            "classes": [titles.get(name, name) for name in self.values["classes"]],  # not by number: "20" is a name
            "images": [ids.get(name) for name in names[:images]] + [None] * dreams,
            "units": [_unit_of(description, name) for name in names[images:]],
            "sheets": [
                f"api/embedding/sheets/{number}.jpg?v={self._version}" for number in range(len(self.values["sheets"]))
            ],
        }

    async def sheet(self, number: int) -> bytes:
        """Return a file of thumbnails.

        Raises:
            UnknownNameError: there is no such file.
            DamagedError: it cannot be read any more.
        """
        names = [] if self.values is None else self.values["sheets"]
        if not 0 <= number < len(names):
            raise UnknownNameError(f"sheet {number}: the embedding has {len(names)}")
        return await asyncio.to_thread(read_file, self._folder, names[number], _MAX_SHEET)


def _unit_of(description: NetworkDescription, target: str) -> tuple[str, int] | None:
    """Return the layer and the number of the unit of a target; None where the network has no such unit."""
    if target in description.class_targets:
        return CLASS_LAYER, description.class_targets.index(target)
    layer, _, unit = target.rpartition(":")
    ids = {name: key for key, name in description.layer_targets.items()}
    return (ids[layer], int(unit)) if layer in ids and unit.isdecimal() else None
