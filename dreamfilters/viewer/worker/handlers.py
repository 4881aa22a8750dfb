"""The handlers of the worker's requests, by name of the action."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamfilters import backend  # noqa: F401 - first: it silences TensorFlow
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.runs.dream_run import DreamJob
from dreamfilters.runs.dream_store import opened as opened_store
from dreamfilters.runs.storage.file_names import readable, slug
from dreamfilters.viewer.messages import DreamRequest, ImageArray, LayerMaps, Request, ScanRequest, Values
from dreamfilters.viewer.worker.comparison_task import dream_measures, report_archive
from dreamfilters.viewer.worker.dream_task import compile_dream, dream_values, run_dream
from dreamfilters.viewer.worker.scan_task import Result, run_in_thread, run_scan
from dreamfilters.viewer.worker.session import ModelSession, open_network

_MAX_DREAMS = 256  # finished dreams that can still be saved or measured; the oldest is dropped first

Pause = Callable[[], None]


class Handlers:
    """A network and the requests it can handle.

    A handler takes `pause`, which it calls between its steps and which may raise `Cancelled`, and the arguments of
    its request. `send` takes the topic and the value of an event.
    """

    def __init__(self, spec: Any, options: Mapping[str, Any], send: Callable[[str, Any], None]) -> None:
        """Open the network and send its description."""
        self.send = send
        self._spec = spec if isinstance(spec, str) else getattr(spec, "name", "model")
        self._session = ModelSession(open_network(spec, options))
        self._dreams: dict[str, tuple[DreamRequest, Dream]] = {}
        self._references: ReferenceSet | None = None
        send("network", self._session.description)

    def handle(self, request: Request, pause: Pause) -> Any:
        """Return the value that a request names."""
        actions: dict[str, Callable[..., Any]] = {
            "layer_maps": self.layer_maps, "unit_map": self.unit_map, "predictions": self.predictions,
            "dream": self.dream, "compile_dream": self.compile_dream, "save_dream": self.save_dream,
            "measure": self.measure, "compare": self.compare,
        }  # fmt: skip
        return actions[request.action](pause, **request.arguments)

    def warm_up(self) -> Iterator[None]:
        """Compile what the first interactive request needs, as one background step."""
        self._session.warm_up()
        yield

    def scan(self, request: ScanRequest) -> Iterator[None]:
        """Scan the images, one batch per step, and send progress, evidence and verdicts."""
        session, images = self._session, self._images(request)
        self._references = yield from run_scan(
            session.network, session.description, replace(request, images=images), self.send
        )

    def layer_maps(self, pause: Pause, layer: str, key: Any, image: ImageArray) -> LayerMaps:
        """Return a layer's activation maps for an image."""
        return self._session.layer_maps(layer, key, image)

    def unit_map(self, pause: Pause, layer: str, unit: int, key: Any, image: ImageArray) -> Values:
        """Return a unit's activation map for an image."""
        return self._session.unit_map(layer, unit, key, image)

    def predictions(self, pause: Pause, key: Any, image: ImageArray, top: int) -> list[Values]:
        """Return the top-k classes predicted for an image."""
        return self._session.predictions(key, image, top)

    def dream(self, pause: Pause, request: DreamRequest) -> Values:
        """Return a finished dream; its frames are sent as events."""
        dream = run_dream(self._session, request, lambda values: self.send("dream", values), pause)
        self._dreams[request.id] = request, dream
        while len(self._dreams) > _MAX_DREAMS:
            self._dreams.pop(next(iter(self._dreams)))
        return dream_values(self._session, request, dream)

    def compile_dream(self, pause: Pause, layer: str, unit: int, recipe: str) -> None:
        """Compile the programs of a dream of this layer by this recipe."""
        _wait_for(pause, lambda: compile_dream(self._session, layer, unit, recipe))

    def save_dream(self, pause: Pause, dream: str, out: str | None) -> str:
        """Write a dream into a run folder, as `dreamfilters dream` does, and return the folder."""
        request, found = self._dream(dream)
        network = self._session.network
        job = DreamJob(network, self._spec, (found.name,), recipes.read_recipe(request.recipe), request.seed)
        parent = Path(out) if out else Path("outputs") / f"{readable(network.name, 'network')}-viewer"
        folder = parent / f"{slug(found.name)}-{request.recipe}-{request.seed}"
        with opened_store(folder, job.settings, job.attachments) as store:
            store.close([store.save(found)])
        return str(folder)

    def measure(self, pause: Pause, dreams: tuple[str, ...]) -> Values:
        """Return the comparison of the first dream with the images; the others give the variation by seed."""
        if self._references is None:
            raise ImageError("no images have been scanned, so there is nothing to compare the dream with")
        references, (request, first) = self._references, self._dream(dreams[0])
        others = [self._dreams[each][1] for each in dreams[1:] if each in self._dreams]
        recipe = recipes.read_recipe(request.recipe)
        return _wait_for(pause, lambda: dream_measures(references, recipe, [first, *others]))

    def compare(self, pause: Pause, targets: tuple[str, ...], images: ScanRequest) -> bytes:
        """Return the report that compares units with the images, as a ZIP archive."""
        network, found = self._session.network, self._images(images)
        return report_archive(network, targets, found, lambda values: self.send("report", values), pause)

    def _dream(self, dream: str) -> tuple[DreamRequest, Dream]:
        if dream not in self._dreams:
            raise UnknownNameError(
                f"dream {dream}: is no longer in memory; dream the unit again, the same seed gives the same image"
            )
        return self._dreams[dream]

    def _images(self, request: ScanRequest) -> Any:
        return replace(request.images, channels=self._session.description.channels)


def _wait_for(pause: Pause, work: Callable[[], Result]) -> Result:
    """Return the result of work that has no steps; interactive requests are handled meanwhile."""
    steps = run_in_thread(work)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: Result = done.value
            return result
        pause()
