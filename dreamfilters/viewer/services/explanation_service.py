"""Why a class or unit has its score on an image: heatmaps by the attribution methods, and the units behind a logit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.viewer.byte_cache import ByteCache
from dreamfilters.viewer.messages import CLASS_LAYER, JOB, Cancelled, NetworkDescription, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.image_store import StoredImage
from dreamfilters.viewer.services.snippets import image_path

_CACHE = 2**26  # bytes
_INTERACTIVE, _SLOW = 0, 2  # priorities, see `messages.Request`
BACKWARD = ("gradient", "deconvnet", "guided-backprop")  # one pass backward each
SIGNALS = ("signal", "gray", "norm", "blurred-norm")  # what is drawn of a pass backward instead of a heatmap


class ExplanationService:
    """Explanations of images by their ids; cached by image, target, method and what the target is compared with."""

    def __init__(self, catalog: Catalog, images: Path | None) -> None:
        """Explain the units of a catalog; `images` is the folder or file that the viewer was started with."""
        self._catalog, self._images = catalog, images
        self._trusts: dict[str, set[int]] = {}  # by the name of its events: the numbers of the requests
        self._cache: ByteCache[tuple[Any, ...], Values] = ByteCache(_CACHE, size_of=lambda values: len(str(values)))

    async def heatmap(
        self,
        layer: str,
        unit: int,
        image: str,
        method: str,
        against: int | None = None,
        change: str = "",
        drawn: str = "",
    ) -> Values:
        """Return a heatmap of a unit's score, and what makes it again; see `worker.explanations.pixel_heatmap`.

        The first method of the network's description is quick: it does not wait for dreams.

        Args:
            layer, unit, image: what is explained, by ids.
            method: name of an attribution method.
            against: another unit of the layer, whose score is subtracted.
            change: changed units of the network, see `Catalog.changed_units`.
            drawn: one of `SIGNALS`, which is drawn of a method of `BACKWARD` instead of the heatmap; "" for that.

        Raises:
            UnknownNameError, TargetError: unknown names, or a unit without gradient.
        """
        _, names = await self.checked_method(layer, unit, against, method, drawn)
        quick = method == names[0]
        values = await self._computed(
            "heatmap" if quick else "slow_heatmap", _INTERACTIVE if quick else _SLOW, image, change,
            layer=layer, unit=unit, method=method, against=against, drawn=drawn,
        )  # fmt: skip
        changed = bool(change or drawn)
        return {**values, **await self.reproduction(layer, unit, image, method, against, changed=changed)}

    async def reproduction(
        self, layer: str, unit: int, image: str, method: str, against: int | None = None, *, changed: bool = False
    ) -> Values:
        """Return the command and the code that make a heatmap again; both are "" for a changed network or image."""
        stored = await self._catalog.image(image)
        if changed or stored.cropped:
            return {"command": "", "python": ""}
        description = await self._catalog.network()
        target, other = (None if each is None else description.target(layer, each) for each in (unit, against))
        command, python = self._catalog.snippets.attribution(
            str(target), self._path(stored), method, other, description.chosen_size
        )
        return {"command": command, "python": python}

    async def trust(
        self, layer: str, unit: int, image: str, method: str, against: int | None = None, change: str = ""
    ) -> Values:
        """Return how far the heatmap of these arguments can be trusted; see `worker.explanations.heatmap_trust`.

        It waits for everything else, and its progress is the event `trust`, whose id is `_trust_name`. Where it is
        canceled, the reason says so.

        Raises:
            UnknownNameError, TargetError: as `heatmap`.
        """
        await self.checked_method(layer, unit, against, method)
        name, number = _trust_name(layer, unit, image, method, against), self._catalog.worker.new_number()
        self._trusts.setdefault(name, set()).add(number)
        try:
            return await self._computed(
                "trust", JOB, image, change, number,
                layer=layer, unit=unit, method=method, against=against, name=name,
            )  # fmt: skip
        except Cancelled:
            return {"reason": "canceled"}
        finally:
            self._trusts[name].discard(number)
            if not self._trusts[name]:
                del self._trusts[name]

    def cancel_trust(self, layer: str, unit: int, image: str, method: str, against: int | None = None) -> Values:
        """Cancel what `trust` computes for these arguments, if it does."""
        for number in self._trusts.get(_trust_name(layer, unit, image, method, against), ()):
            self._catalog.worker.cancel(number)
        return {}

    async def logit_units(self, unit: int, image: str, against: int | None = None, change: str = "") -> Values:
        """Return the units that carry the logit of a class, or its margin; see `worker.explanations.logit_units`.

        Raises:
            UnknownNameError, TargetError: as `heatmap`.
        """
        await self._described(CLASS_LAYER, unit, against)
        values = await self._computed("logit_units", _SLOW, image, change, unit=unit, against=against)
        stored = await self._catalog.image(image)
        plain = not (change or stored.cropped)
        code = self._catalog.snippets.logit_attribution(self._path(stored), unit, against) if plain else ""
        return {**values, "python": code}

    async def checked_method(
        self, layer: str, unit: int, against: int | None, method: str, drawn: str = ""
    ) -> tuple[NetworkDescription, list[str]]:
        """Return the description of `_described` and the names of the methods, of which `method` is one."""
        description = await self._described(layer, unit, against)
        names = [each["name"] for each in description.values["attributions"]]
        if method not in names:
            raise UnknownNameError(f"attribution method {method[:40]}: there is none. {close_names(method, names)}")
        if drawn and (method not in BACKWARD or drawn not in SIGNALS):
            signals = close_names(drawn, SIGNALS)
            raise UnknownNameError(f"filter {drawn[:40]} of {method}: there is none. {signals}")
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

    async def _computed(
        self, action: str, priority: int, image: str, change: str, number: int | None = None, **arguments: Any
    ) -> Values:
        """Return what the worker computes for an image, from the cache where it is there; `number` as in `request`.

        What was computed for earlier versions of the image, such as frames of the webcam, is dropped.
        """
        changes = await self._catalog.changed_units(change)
        input_key, pixels = await self._catalog.network_input(image)
        description = self._catalog.description
        key = (action, input_key, description and description.form_key, changes, *arguments.items())
        values = self._cache.get(key)
        if values is None:
            values = await self._catalog.worker.request(
                action, priority=priority, number=number, image=pixels, changes=changes, **arguments
            )
            if description is self._catalog.description:  # the network has the same input form
                self._cache.drop(lambda known: known[1][0] == image and known[1][1] < input_key[1])
                self._cache[key] = values
        return values

    def _path(self, image: StoredImage) -> str:
        return image_path(image.name, self._images, uploaded=image.uploaded)


def _trust_name(layer: str, unit: int, image: str, method: str, against: int | None) -> str:
    return ":".join(map(str, (layer, unit, image, method, "" if against is None else against)))
