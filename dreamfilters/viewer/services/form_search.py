"""The search for the input form on request: one at a time, published while it runs, canceled."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamfilters.errors import DreamfiltersError, ImageError, ModelError
from dreamfilters.viewer.messages import Cancelled, ScanRequest, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.snippets import Snippets


@dataclass(eq=False)
class FormSearch:
    """The search of a viewer, which is that of `dreamfilters inputs`.

    Attributes:
        spawn: starts a task.
        source, labels: the images and labels on the command line; the source is None for the samples.
        request: the images, None if there are none.
        phase: 'idle', 'running', 'done', 'cancelled' or 'failed'.
        share: how much of the search is done.
        note: what is being tried, or the error in one line.
        result: of the last search, see `worker.handlers.ranking_values`.
    """

    catalog: Catalog
    hub: EventHub
    spawn: Callable[[Coroutine[Any, Any, None]], Any]
    snippets: Snippets
    source: Path | None = None
    labels: Path | None = None
    request: ScanRequest | None = None
    phase: str = "idle"
    share: float = 0.0
    note: str = ""
    result: Values | None = None
    _number: int = field(default=-1, init=False)  # of the worker's request

    def as_values(self) -> Values:
        """Return the search as JSON values; its phase is 'none' where no search is possible."""
        phase = "none" if self._obstacle() else self.phase
        return {"phase": phase, "share": self.share, "note": self.note, "result": self.result}

    async def start(self) -> Values:
        """Start the search unless it is running, and return it.

        Raises:
            BusyError: the network could not be opened.
            ImageError, ModelError: there are no labeled images, or the network has no classes.
        """
        await self.catalog.network()
        await self.catalog.images_listed.wait()
        obstacle = self._obstacle()
        if obstacle is not None:
            raise obstacle
        if self.phase != "running":
            self.phase, self.share, self.note, self.result = "running", 0.0, "", None
            self._number = self.catalog.worker.new_number()
            self.spawn(self._run(self._number))
            self.publish()
        return self.as_values()

    def cancel(self) -> Values:
        """Cancel the search if it is running."""
        if self.phase == "running":
            self.phase = "cancelled"
            self.catalog.worker.cancel(self._number)
            self.publish()
        return self.as_values()

    def on_progress(self, progress: Values) -> None:
        """Apply and publish progress that the worker has sent."""
        if self.phase == "running" and progress["number"] == self._number:
            self.share, self.note = progress["share"], progress["note"]
            self.publish()

    def publish(self) -> None:
        """Send the search to all pages."""
        self.hub.publish("form_search", self.as_values())

    def _obstacle(self) -> DreamfiltersError | None:
        """Return why no search is possible, None if it is."""
        description = self.catalog.description
        if self.request is None or not any(self.request.images.labels):
            return ImageError(
                "no labeled images: start the viewer with a folder of images, one subfolder for each class, or --labels"
            )
        if description is None or not description.values["is_classifier"]:
            return ModelError("the output of the network is not one number for each of several classes")
        return None

    async def _run(self, number: int) -> None:
        try:
            found = await self.catalog.worker.request(
                "find_form", priority=2, number=number, images=self.request, search=number
            )
            phase, note, result = "done", "", {**found, **self._commands(found)}
        except Cancelled:
            return
        except DreamfiltersError as error:
            phase, note, result = "failed", str(error), None
        if number == self._number and self.phase == "running":
            self.phase, self.note, self.result = phase, note, result
            self.publish()

    def _commands(self, found: Values) -> Values:
        """Return the command that saves the best form beside the model, and the one that starts the viewer with it.

        Both are '' where the form is not saved: it does not fit, is that of the viewer, or the model is not a file.
        """
        if not found["fits"] or found["is_present"] or found["file"] is None or self.source is None:
            return {"save": "", "restart": ""}
        force = found["exists"] or not found["is_clear"]
        as_saved = self.snippets.without("form").without("classes")  # the file has both
        return {
            "save": self.snippets.inputs(self.source, self.labels, force=force),
            "restart": as_saved.serve(self.source, self.labels)[0],
        }
