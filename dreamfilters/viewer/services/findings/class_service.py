"""One class: its images, the classes that it is confused with, and the units that carry it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError
from dreamfilters.viewer.byte_cache import ByteCache
from dreamfilters.viewer.messages import CLASS_LAYER, ImageArray, Values
from dreamfilters.viewer.services.catalog import Catalog

_SHOWN = 48  # images
_AVERAGED = 16  # images over which the contributions of the units are averaged
_MOST = 6  # classes that it is confused with
_CACHE = 2**22  # bytes


class ClassService:
    """The classes of a network by their numbers."""

    def __init__(self, catalog: Catalog) -> None:
        """Serve the classes of a catalog."""
        self._catalog = catalog
        self._units: ByteCache[tuple[object, ...], Values] = ByteCache(_CACHE, size_of=lambda values: len(str(values)))

    async def summary(self, number: int) -> Values:
        """Return the images of a class and what it is confused with, as far as the scan of the images goes.

        `right` is how many of the images are predicted as the class, None before the scan. `confused` lists the other
        classes with the number of images in both directions, the most confused first.

        Raises:
            UnknownNameError: the network has no such class.
        """
        await self._catalog.network_with_unit(CLASS_LAYER, number)
        images = await self._images(number)
        accuracy = None if self._catalog.evidence is None else self._catalog.evidence.accuracy
        values: Values = {"number": number, "count": len(images), "images": images[:_SHOWN], "right": None}
        if accuracy is None:
            return {**values, "confused": []}
        of_class, as_class = accuracy.labels == number, accuracy.predicted == number
        return {
            **values,
            "right": int((of_class & as_class).sum()),
            "confused": self._confused(accuracy.predicted[of_class & ~as_class], accuracy.labels[as_class & ~of_class]),
        }

    async def units(self, number: int) -> Values:
        """Return the units that carry the logit of a class on its images, against the class it is confused with most.

        See `worker.explanations.logit_units`; `images` is how many they are averaged over, `against` the other class.

        Raises:
            UnknownNameError: the network has no such class.
            ImageError: there are no images of the class.
        """
        summary = await self.summary(number)
        if not summary["images"]:
            title = self._catalog.class_title(str(number))
            raise ImageError(f"{title}: there are no images of this class, so it is not known which units carry it")
        against = next((each["number"] for each in summary["confused"] if each["number"] >= 0), None)
        description = await self._catalog.network()
        key = (number, against, description.form_key)
        values = self._units.get(key)
        if values is None:
            ids = [each["image"] for each in await self._images(number)]
            places = np.linspace(0, len(ids) - 1, min(_AVERAGED, len(ids))).astype(int)
            inputs = await self._inputs([ids[place] for place in places])
            found = await self._catalog.worker.request(
                "logit_units", priority=2, unit=number, image=inputs, against=against
            )
            values = self._units[key] = {**found, "images": len(inputs), "against": against}
        return values

    async def _images(self, number: int) -> list[Values]:
        """Return id, name and mistake of the images that are labeled with a class."""
        description, request = await self._catalog.network(), self._catalog.scan_request
        if request is None:
            return []
        accuracy = None if self._catalog.evidence is None else self._catalog.evidence.accuracy
        if accuracy is not None:
            indices = accuracy.indices[accuracy.labels == number].tolist()
        else:
            title, labels = description.values["classes"][number], request.images.labels
            indices = [
                index for index, label in enumerate(labels) if label and self._catalog.class_title(label) == title
            ]
        keys = [request.image_ids[index] for index in indices]
        return [
            {"image": key, "name": self._catalog.images.image(key).name, "mistake": self._catalog.mistake(key)}
            for key in keys
        ]

    async def _inputs(self, images: list[str]) -> ImageArray:
        """Return images as the network takes them, (n, h, w, c); those that cannot be read are left out."""
        found = []
        for image in images:
            try:
                _, pixels = await self._catalog.network_input(image)
            except ImageError:
                continue
            found.append(pixels)
        if not found:
            raise ImageError("none of the images of this class can be read")
        return np.stack(found)

    def _confused(self, predicted: NDArray[np.intp], labels: NDArray[np.intp]) -> list[Values]:
        """Return the other classes: how many images of the class are predicted as each, and of each as the class."""
        count = len(self._catalog.description.class_names) if self._catalog.description else 0
        outward, inward = (np.bincount(values + 1, minlength=count + 1) for values in (predicted, labels))
        order = np.argsort(-(outward + inward), kind="stable")[:_MOST]
        return [
            {"number": int(place) - 1, "predicted_as": int(outward[place]), "predicted_from": int(inward[place])}
            for place in order
            if outward[place] + inward[place]
        ]
