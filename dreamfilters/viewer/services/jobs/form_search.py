"""The search for the input form: started, canceled, its best form applied to the network shown, and saved."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from dreamfilters.errors import DreamfiltersError, ModelError, UnknownNameError
from dreamfilters.viewer.messages import Cancelled, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub


@dataclass(eq=False)
class FormSearch:
    """The search of a viewer, which is that of `dreamfilters inputs`.

    Attributes:
        spawn: starts a task.
        phase: 'idle', 'running', 'done', 'cancelled' or 'failed'.
        share: how much of the search is done.
        note: what is being tried, or the error in one line.
        result: of the last search, see `worker.found_form.ranking_values`; also whether its best form was `applied`,
            and the outcome when it was `saved`, else None.
    """

    catalog: Catalog
    hub: EventHub
    spawn: Callable[[Coroutine[Any, Any, None]], Any]
    phase: str = "idle"
    share: float = 0.0
    note: str = ""
    result: Values | None = None
    _number: int = field(default=-1, init=False)  # of the worker's request

    def as_values(self) -> Values:
        """Return the search as JSON values; its phase is 'none' where no search is possible."""
        phase = "none" if self.catalog.label_obstacle() else self.phase
        return {"phase": phase, "share": self.share, "note": self.note, "result": self.result}

    async def start(self) -> Values:
        """Start the search unless it is running, and return it.

        Raises:
            BusyError: the network could not be opened.
            ImageError, ModelError: there are no labeled images, or the network has no classes.
        """
        await self.catalog.scanned_images(labeled=True)
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

    async def apply(self) -> Values:
        """Show the network with the best form, until the viewer ends, and return the search. Nothing is written.

        Raises:
            UnknownNameError: there is no finished search.
            ModelError: no form fits.
            BusyError: the network is not available.
        """
        result = self._finished()
        if not result["is_present"]:
            worker = self.catalog.worker
            worker.use_form(await worker.request("apply_form", search=self._number))
            self.catalog.snippets = self.catalog.snippets.with_form_file()
            self._update(result, is_present=True, applied=True)
        return self.as_values()

    async def save(self, force: bool) -> Values:
        """Save what is certain of the best form, with `force` all of it, beside the model, and return the search.

        Raises:
            UnknownNameError, ModelError, BusyError: as `apply`.
            OutputError, InputFormError: the model is not a file, or the file of its form cannot be written or read.
        """
        result = self._finished()
        saved = await self.catalog.worker.request("save_form", search=self._number, force=force)
        if saved["complete"] and result["is_present"]:
            self.catalog.snippets = self.catalog.snippets.without("form").without("classes")  # the file has both
        self._update(result, saved=saved, exists=result["exists"] or saved["complete"])
        return self.as_values()

    def _finished(self) -> Values:
        """Return the result of the last search, if its best form can be used."""
        if self.phase != "done" or self.result is None:
            raise UnknownNameError("there is no finished search for the input form")
        if not self.result["fits"]:
            raise ModelError("no input form fits, so none can be used")
        return self.result

    def _update(self, result: Values, **changes: Any) -> None:
        """Change the result, unless another search has been started since."""
        if self.result is result:
            self.result = {**result, **changes}
            self.publish()

    def on_progress(self, progress: Values) -> None:
        """Apply and publish progress that the worker has sent."""
        if self.phase == "running" and progress["number"] == self._number:
            self.share, self.note = progress["share"], progress["note"]
            self.publish()

    def publish(self) -> None:
        """Send the search to all pages."""
        self.hub.publish("form_search", self.as_values())

    async def _run(self, number: int) -> None:
        try:
            found = await self.catalog.worker.request(
                "find_form", priority=2, number=number, images=self.catalog.scan_request, search=number
            )
            phase, note, result = "done", "", {**found, "applied": False, "saved": None}
        except Cancelled:
            return
        except DreamfiltersError as error:
            phase, note, result = "failed", str(error), None
        if number == self._number and self.phase == "running":
            self.phase, self.note, self.result = phase, note, result
            self.publish()
