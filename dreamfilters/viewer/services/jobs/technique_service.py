"""The techniques that start from an image or a unit: a form that a page has filled in becomes a job."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.errors import ImageError, RecipeError, TargetError, UnknownNameError, close_names
from dreamfilters.techniques.forms.argument import IMAGE, TARGET
from dreamfilters.viewer.messages import JobRequest, NetworkDescription, ScanRequest, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.image_store import CROPPED
from dreamfilters.viewer.services.jobs.job_service import JobService
from dreamfilters.viewer.services.jobs.technique_values import checked, word
from dreamfilters.viewer.services.snippets import image_path
from dreamfilters.viewer.technique_request import GivenFile, TechniqueRequest


@dataclass(eq=False)
class TechniqueService:
    """The techniques of a viewer, whose forms are in the description of the network.

    Attributes:
        images: what the viewer was started with.
    """

    catalog: Catalog
    jobs: JobService
    images: Path | None

    async def start(
        self, name: str, image: str = "", layer: str = "", unit: int = 0, values: Mapping[str, Any] | None = None
    ) -> Values:
        """Start a technique as a job, unless the same one is open already, and return the job.

        Args:
            name: of the technique.
            image: id of the image that it starts from, "" for a unit, or where it needs no image.
            layer, unit: what a technique of a unit starts from.
            values: the values of its arguments that differ from the default, see `Argument`: a class or unit as
                layer:unit, layers and images by their ids.

        Raises:
            UnknownNameError, TargetError, RecipeError: no such technique, argument or value.
            ImageError: an image is missing.
            BusyError: too many jobs are open, or the network could not be opened.
        """
        description = await self.catalog.network()
        form = _form(description, name)
        given = await self._values(form, values or {}, description)
        subject = await self._file(image, description) if image and form["subject"] == "image" else None
        target, images = "", None
        if form["subject"] == "unit":
            target, images = await self._unit(layer, unit), await self.catalog.scanned_images()
        elif form["subject"] == "image" and subject is None and not form["without"]:
            raise ImageError(f"{form['title']}: choose an image that it starts from")
        request = TechniqueRequest(name, tuple(given.items()), subject, target)
        files = [each for each in (subject, *given.values()) if isinstance(each, GivenFile)]
        is_cropped = any(each.key[0].endswith(CROPPED) for each in files)  # which no command does
        command = "" if is_cropped else self._command(form, request, description)
        targets = _targets(form, request)
        sent = {"name": name, "image": image, "layer": layer, "unit": unit, "values": dict(values or {})}
        return self.jobs.start_request(self._request(request, targets, images), command, sent)

    def _request(self, technique: TechniqueRequest, targets: tuple[str, ...], images: ScanRequest | None) -> JobRequest:
        return JobRequest("", "technique", targets, images, self.jobs.out, technique=technique)

    async def _unit(self, layer: str, unit: int) -> str:
        description = await self.catalog.network_with_unit(layer, unit)
        info = description.layers[layer]
        if not info.dreamable:
            raise TargetError(f"{info.name}: no dream is possible: {info.reason}")
        return description.target(layer, unit)

    async def _values(self, form: Values, values: Mapping[str, Any], description: NetworkDescription) -> dict[str, Any]:
        """Return the checked value of each argument."""
        arguments = {argument["name"]: argument for argument in form["arguments"]}
        unknown = next((key for key in values if key not in arguments), None)
        if unknown is not None:
            raise RecipeError(f"{form['title']} has no argument {unknown[:40]!r}. {close_names(unknown, arguments)}")
        found = {name: checked(each, values.get(name), description) for name, each in arguments.items()}
        for name, argument in arguments.items():
            if argument["kind"] == "image" and found[name] is not None:
                found[name] = await self._file(found[name], description)
        return found

    async def _file(self, image: str, description: NetworkDescription) -> GivenFile:
        """Return an image as the worker gets it: by its path, or as values where its file may change or is cut."""
        stored = await self.catalog.image(image)
        name, key = Path(stored.name).name, (image, stored.version)
        if not (stored.uploaded or stored.cropped):
            return GivenFile(name, stored.path, key=key)
        arguments = (image, description.size, description.channels, description.resize_rule, description.bits)
        values = await asyncio.to_thread(self.catalog.images.values, *arguments)
        return GivenFile(name, stored.path, values, key)

    def _command(self, form: Values, request: TechniqueRequest, description: NetworkDescription) -> str:
        """Return the command with the same arguments; those that have their default are left out."""
        values, arguments = dict(request.values), {each["name"]: each for each in form["arguments"]}
        words: dict[str, str] = {
            name: self._path(value) if isinstance(value, GivenFile) else word(arguments[name], value)
            for name, value in values.items()
            if value is not None
        }
        subject = self._path(request.image) if request.image else ""
        if form["subject"] == "unit":
            subject = "" if self.images is None else str(self.images)
            words[TARGET] = request.target
        words[IMAGE] = subject
        named = [each for each in form["arguments"] if each["flag"] and each["name"] in words]
        options = [
            part
            for each in named
            if values[each["name"]] != each["default"]
            for part in (each["flag"], words[each["name"]])
        ]
        plain = [words.get(name, "" if name in arguments else name) for name in form["words"]]
        return self.catalog.snippets.command(
            form["command"], [each for each in plain if each], size=description.chosen_size, options=options
        )

    def _path(self, file: GivenFile) -> str:
        stored = self.catalog.images.image(file.key[0])
        return image_path(stored.name, self.images, uploaded=stored.uploaded)


def _targets(form: Values, request: TechniqueRequest) -> tuple[str, ...]:
    """Return the names of what a technique starts from: its unit, its image, or the arguments that have no flag."""
    if form["subject"] == "network":
        plain = {each["name"] for each in form["arguments"] if not each["flag"]}
        return tuple(str(value) for name, value in request.values if name in plain)
    return (request.target or (form["without"] if request.image is None else request.image.name),)


def _form(description: NetworkDescription, name: str) -> Values:
    forms: dict[str, Values] = {form["name"]: form for form in description.values["techniques"]}
    if name not in forms:
        raise UnknownNameError(f"technique {name[:40]}: there is none. {close_names(name, forms)}")
    return forms[name]
