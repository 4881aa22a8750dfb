"""The handlers of the worker's requests, by name of the action."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dreamfilters import backend  # noqa: F401 - first: it silences TensorFlow
from dreamfilters.comparison.prior_checking import check_prior
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.dreams.builtin_recipes import LEARNED
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.images import ImageFolder, contact_sheet, png_bytes
from dreamfilters.networks import Network
from dreamfilters.networks.preprocessing.form_sources import settings_file
from dreamfilters.networks.preprocessing.search.ranking import rank_forms
from dreamfilters.networks.preprocessing.search.result import FormRanking
from dreamfilters.progress import Progress
from dreamfilters.runs.by_unit.dream_run import DreamJob
from dreamfilters.runs.by_unit.dream_store import opened as opened_store
from dreamfilters.runs.storage.file_names import default_folder, slug
from dreamfilters.runs.storage.prior_files import read_prior
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import DreamRequest, JobRequest, JobResult, Request, ScanRequest, Values
from dreamfilters.viewer.worker.changed_sessions import ChangedSessions
from dreamfilters.viewer.worker.dream_requests import Pause, compile_dream, dream_measures, run_dream
from dreamfilters.viewer.worker.explanations import heatmap_trust, logit_units, pixel_heatmap
from dreamfilters.viewer.worker.found_form import packed, ranking_values, save_form, with_form
from dreamfilters.viewer.worker.jobs import dream_images, run_job, separation_of
from dreamfilters.viewer.worker.live_frames import live_frame
from dreamfilters.viewer.worker.long_work import Snapshots, wait_for, with_progress
from dreamfilters.viewer.worker.scan_task import run_scan, stored_verdicts
from dreamfilters.viewer.worker.session import ModelSession, open_network

_MAX_DREAMS = 256  # finished dreams that can still be saved or measured; the oldest is dropped first
_CHECK_COLUMNS = 2  # of the images beside a dream with a learned prior, in a narrow panel


class Handlers:
    """A network and the requests it can handle.

    A handler with steps takes `pause`, which it calls between its steps and which may raise `Cancelled`. `send` takes
    the topic and the value of an event.
    """

    def __init__(self, spec: Any, options: Mapping[str, Any], send: Callable[[str, Any], None]) -> None:
        """Open the network and send its description."""
        self.send = send
        self._spec = spec if isinstance(spec, str) else getattr(spec, "name", "model")
        self._form_file = settings_file(spec) if isinstance(spec, str) else None
        self._inputs = options.get("inputs") or {}
        self._prior = None if options.get("prior") is None else read_prior(options["prior"])
        network = open_network(spec, {key: each for key, each in options.items() if key != "prior"})
        self._sessions = ChangedSessions(ModelSession(network))
        self._dreams: dict[str, tuple[DreamRequest, Dream]] = {}
        self._references: ReferenceSet | None = None
        self._scans = 0  # requested so far; only the latest is continued
        self._search: tuple[int, Network, FormRanking] | None = None  # the last one: its number, and what it tried
        self._evaluation: tuple[ImageFolder, Evaluation] | None = None  # the last one
        send("network", self._session.description)

    def handle(self, request: Request, pause: Pause) -> Any:
        """Return the value that a request names; its argument `changes` lists units that are changed for it."""
        arguments = dict(request.arguments)
        session = self._sessions.of(arguments.pop("changes", ()))
        interactive: dict[str, Callable[..., Any]] = {
            "layer_maps": session.layer_maps, "unit_map": session.unit_map, "predictions": session.predictions,
            "class_mask_png": session.class_mask_png, "heatmap": partial(pixel_heatmap, session),
            "live_frame": partial(live_frame, session, self._session),
        }  # fmt: skip
        if request.action in interactive:
            return interactive[request.action](**arguments)
        with_steps: dict[str, Callable[..., Any]] = {
            "dream": self.dream, "compile_dream": self.compile_dream, "save_dream": self.save_dream,
            "measure": self.measure, "prior_check": self.prior_check, "job": self.job, "separate": self.separate,
            "find_form": self.find_form, "apply_form": self.apply_form, "save_form": self.save_form,
            "slow_heatmap": partial(self.explain, partial(pixel_heatmap, session)),
            "logit_units": partial(self.explain, partial(logit_units, session)),
            "trust": partial(self.trust, session),
        }  # fmt: skip
        return with_steps[request.action](pause, **arguments)

    @property
    def _session(self) -> ModelSession:
        """The session of the plain network."""
        return self._sessions.plain

    def warm_up(self) -> Iterator[None]:
        """Compile what the first interactive request needs, as one background step."""
        self._session.warm_up()
        yield

    def scan(self, request: ScanRequest) -> Iterator[None]:
        """Scan the images, one batch per step, and send progress, evidence and verdicts.

        The steps end where another scan is requested, or the network gets another input form.
        """
        self._scans += 1
        return self._scan(request, self._scans)

    def _scan(self, request: ScanRequest, number: int) -> Iterator[None]:
        if self._scans == number:
            steps = run_scan(self._session, replace(request, images=self._images(request)), self.send)
            while self._scans == number:
                try:
                    next(steps)
                except StopIteration as done:
                    self._references = done.value
                    return
                yield

    def dream(self, pause: Pause, request: DreamRequest) -> Values:
        """Return a finished dream: its image, the unit's map on it, and the numbers of the ascent.

        Its frames are sent as events.
        """
        session = self._session
        prior = self._prior_of(request.recipe)
        dream = run_dream(session, request, lambda values: self.send("dream", values), pause, prior)
        self._dreams[request.id] = request, dream
        while len(self._dreams) > _MAX_DREAMS:
            self._dreams.pop(next(iter(self._dreams)))
        key, image = (request.id, 0), session.network.form.fit(dream.image)
        unit_map = session.unit_map(request.layer, request.unit, key, image)
        rows = [*unit_map["values"], unit_map["other_tokens"]]
        values = plain(dream.as_values())
        names = ("target", "score", "robust", "steps", "activated", "recovered_by", "note", "history")
        return {
            "id": request.id,
            "png": png_bytes(dream.shown),
            "map": unit_map,
            "maximum": max((value for row in rows for value in row if value is not None), default=None),
            "prediction": values.get("prediction"),
            "appearance": "" if dream.appearance is None else dream.appearance.text,
            **{name: values[name] for name in names},
        }

    def compile_dream(self, pause: Pause, layer: str, unit: int, recipe: str) -> None:
        """Compile the programs of a dream of this layer by this recipe."""
        wait_for(pause, lambda: compile_dream(self._session, layer, unit, recipe, self._prior_of(recipe)))

    def save_dream(self, pause: Pause, dream: str, out: Path | None) -> str:
        """Write a dream into a run folder, as `dreamfilters dream` does, and return the folder."""
        request, found = self._dream(dream)
        network = self._session.network
        prior = self._prior_of(request.recipe)
        job = DreamJob(network, self._spec, (found.name,), read_recipe(request.recipe), request.seed, prior)
        parent = out or default_folder(network.name, "viewer")
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
        recipe = read_recipe(request.recipe)
        return wait_for(pause, lambda: dream_measures(references, recipe, [first, *others]))

    def prior_check(self, pause: Pause, dream: str) -> Values:
        """Return what the learned prior of a dream hides: the lines, and the images as one PNG."""
        _, found = self._dream(dream)
        assert self._prior is not None  # only a dream with a learned prior has an appearance
        (check,) = check_prior(self._session.network, found, self._prior, on_step=lambda step: pause())
        images, captions = zip(*check.shown, strict=True)
        return {"lines": list(check.lines), "png": png_bytes(contact_sheet(images, captions, columns=_CHECK_COLUMNS))}

    def job(self, pause: Pause, request: JobRequest) -> JobResult:
        """Return the result of long work, whose progress is sent as events; an audit gives the verdicts shown.

        Raises:
            Cancelled: it was canceled; the same work resumes later.
        """
        session, network = self._session, self._session.network
        images = None if request.images is None else self._images(request.images)
        dreams = dream_images(network, [each for _, each in self._dreams.values()]) if request.dreams else None
        work = partial(run_job, network, self._spec, request, images, dreams=dreams)
        snapshots = None if request.technique is None else Snapshots()
        found, audit = with_progress(pause, self._sending("job", request.id), work, snapshots)
        if found.evaluation is not None and images is not None:
            self._evaluation = images, found.evaluation
        if audit is not None and session is self._session:
            self.send("verdicts", stored_verdicts(session, audit))
        return found

    def _sending(self, topic: str, name: str) -> Callable[[Values], None]:
        """Return what sends progress as events of a topic, whose id is the name."""
        return lambda progress: self.send(topic, {"id": name, **progress})

    def separate(self, pause: Pause, first: int, second: int) -> ClassSeparation:
        """Return the units that separate two classes of the last evaluation, or do not.

        Raises:
            UnknownNameError: the worker was restarted since.
            ModelError, ImageError: there is no layer before the logits, or no image of a class can be read.
        """
        if self._evaluation is None:
            raise UnknownNameError("the evaluation is no longer in memory; evaluate again")
        network, (images, evaluation) = self._session.network, self._evaluation
        return wait_for(pause, lambda: separation_of(network, images, evaluation, first, second))

    def explain(self, explanation: Callable[..., Values], pause: Pause, **arguments: Any) -> Values:
        """Return an explanation of an image, which may take long."""
        return wait_for(pause, partial(explanation, **arguments))

    def trust(self, session: ModelSession, pause: Pause, name: str, **arguments: Any) -> Values:
        """Return how far a heatmap can be trusted; its progress is sent as events, whose id is the name."""
        work = partial(heatmap_trust, session, **arguments)
        return with_progress(pause, self._sending("trust", name), lambda report: work(progress=report))

    def find_form(self, pause: Pause, images: ScanRequest, search: int) -> Values:
        """Return the ranking of the input forms by these images; progress is sent with the number of the search."""

        def on_progress(progress: Progress) -> None:
            self.send("form_search", {"number": search, "note": progress.note, "share": progress.share})
            pause()

        network = self._session.network
        ranking = rank_forms(network, self._images(images), progress=on_progress)
        self._search = search, network, ranking
        return ranking_values(network, ranking, self._form_file)

    def apply_form(self, pause: Pause, search: int) -> bytes:
        """Give the network the best form of a search, send its description, and return the form for a restart.

        Dreams and evidence in the form so far are dropped.
        """
        network, ranking = self._found(search)
        found = packed(ranking.best)
        self._sessions = ChangedSessions(ModelSession(with_form(network, found)))
        self._dreams.clear()
        self._references = self._evaluation = None
        self._scans += 1
        self.send("network", self._session.description)
        return found

    def save_form(self, pause: Pause, search: int, force: bool) -> Values:
        """Save the best form of a search beside the model; see `found_form.save_form`."""
        network, ranking = self._found(search)
        return save_form(self._form_file, network, ranking, self._inputs, force=force)

    def _found(self, search: int) -> tuple[Network, FormRanking]:
        if self._search is None or self._search[0] != search:
            raise UnknownNameError("the search is no longer in memory; search again")
        return self._search[1:]

    def _dream(self, dream: str) -> tuple[DreamRequest, Dream]:
        if dream not in self._dreams:
            raise UnknownNameError(
                f"dream {dream}: is no longer in memory; dream the unit again, the same seed gives the same image"
            )
        return self._dreams[dream]

    def _prior_of(self, recipe: str) -> LearnedPrior | None:
        """Return the learned prior for a recipe that needs one."""
        return self._prior if recipe == LEARNED else None

    def _images(self, request: ScanRequest) -> ImageFolder:
        return replace(request.images, channels=self._session.description.channels)
