"""Everything the worker can be asked for, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamfilters import backend  # noqa: F401 - first: it quietens TensorFlow
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.images import ImageFolder, image_folder
from dreamfilters.runs.dream_run import DreamJob
from dreamfilters.runs.dream_store import opened as opened_store
from dreamfilters.runs.storage.file_names import readable, slug
from dreamfilters.viewer.messages import DreamRequest, ImageArray, LayerMaps, Request, ScanRequest, Values
from dreamfilters.viewer.worker.comparison_task import compared, measured
from dreamfilters.viewer.worker.dream_task import dreamt, finished, prepared
from dreamfilters.viewer.worker.scan_task import Result, beside, surveyed
from dreamfilters.viewer.worker.session import ModelSession, opened

_KEPT = 256  # dreams that can be saved; the oldest goes first

Pause = Callable[[], None]


class Handlers:
    """A network and the deeds that are done on it; each is given what to call between steps, then the arguments.

    `tell` takes a topic and a value.
    """

    def __init__(self, spec: Any, options: Mapping[str, Any], tell: Callable[[str, Any], None]) -> None:
        """Open the network and tell what it is."""
        self.tell = tell
        self._spec = spec if isinstance(spec, str) else getattr(spec, "name", "model")
        self._looks = ModelSession(opened(spec, options))
        self._dreams: dict[str, tuple[DreamRequest, Dream]] = {}
        self._real: ReferenceSet | None = None
        tell("network", self._looks.facts)

    def do(self, request: Request, pause: Pause) -> Any:
        """Return what a request asks for."""
        deeds: dict[str, Callable[..., Any]] = {
            "maps": self.maps, "map": self.map, "predictions": self.predictions,
            "dream": self.dream, "prepare": self.prepare, "save": self.save, "measure": self.measure,
            "compare": self.compare,
        }  # fmt: skip
        return deeds[request.deed](pause, **request.arguments)

    def warm(self) -> Iterator[None]:
        """Return what is done first when nobody waits: the programs that the first click would wait for."""
        self._looks.warm()
        yield

    def survey(self, images: ScanRequest) -> Iterator[None]:
        """Return the slices of the evidence pass."""
        looks, found = self._looks, self._images(images)
        self._real = yield from surveyed(looks.network, looks.facts, found, self.tell, images.audit)

    def maps(self, pause: Pause, layer: str, key: Any, image: ImageArray) -> LayerMaps:
        """Return a layer's maps for an image."""
        return self._looks.maps(layer, key, image)

    def map(self, pause: Pause, layer: str, unit: int, key: Any, image: ImageArray) -> Values:
        """Return one unit's map for an image."""
        return self._looks.map(layer, unit, key, image)

    def predictions(self, pause: Pause, key: Any, image: ImageArray, top: int) -> list[Values]:
        """Return the surest classes of an image."""
        return self._looks.predictions(key, image, top)

    def dream(self, pause: Pause, asked: DreamRequest) -> Values:
        """Return a dream that is done; its frames are told."""
        made = dreamt(self._looks, asked, lambda values: self.tell("dream", values), pause)
        self._dreams[asked.id] = asked, made
        while len(self._dreams) > _KEPT:
            self._dreams.pop(next(iter(self._dreams)))
        return finished(self._looks, asked, made)

    def prepare(self, pause: Pause, layer: str, unit: int, recipe: str) -> None:
        """Make ready what a dream of this layer by this recipe would wait for; who clicks meanwhile is let in."""
        _meanwhile(pause, lambda: prepared(self._looks, layer, unit, recipe))

    def save(self, pause: Pause, dream: str, out: str | None) -> str:
        """Write a dream as a run of its own, as `dreamfilters dream` would, and return the folder."""
        asked, made = self._dream(dream)
        network = self._looks.network
        job = DreamJob(network, self._spec, (made.name,), recipes.read_recipe(asked.recipe), asked.seed)
        whole = Path(out) if out else Path("outputs") / f"{readable(network.name, 'network')}-viewer"
        folder = whole / f"{slug(made.name)}-{asked.recipe}-{asked.seed}"
        with opened_store(folder, job.settings, job.attachments) as store:
            store.close([store.save(made)])
        return str(folder)

    def measure(self, pause: Pause, dreams: tuple[str, ...]) -> Values:
        """Return what holding the first dream against the images measures; the others tell how far chance goes."""
        if self._real is None:
            raise ImageError("no images have been looked through, so there is nothing to hold a dream against")
        real, (asked, first) = self._real, self._dream(dreams[0])
        others = [self._dreams[each][1] for each in dreams[1:] if each in self._dreams]
        return _meanwhile(pause, lambda: measured(real, recipes.read_recipe(asked.recipe), [first, *others]))

    def compare(self, pause: Pause, targets: tuple[str, ...], images: ScanRequest) -> bytes:
        """Return the report on units held against the images."""
        found = self._images(images)
        return compared(self._looks.network, targets, found, lambda values: self.tell("report", values), pause)

    def _dream(self, dream: str) -> tuple[DreamRequest, Dream]:
        if dream not in self._dreams:
            raise UnknownNameError(f"dream {dream}: is here no longer; dream it again, the same seed gives the same")
        return self._dreams[dream]

    def _images(self, images: ScanRequest) -> ImageFolder:
        return image_folder(images.folder, labels=images.labels, channels=self._looks.facts.channels)


def _meanwhile(pause: Pause, work: Callable[[], Result]) -> Result:
    """Return what a piece of work returns that cannot be cut; while it lasts, whoever clicks is let in."""
    steps = beside(work)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Result = done.value
            return found
        pause()
