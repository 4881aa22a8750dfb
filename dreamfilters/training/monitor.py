"""`TrainingMonitor`: the callback that looks at a network while it learns, and changes nothing of it."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.errors import DreamfiltersError, RecipeError, UnknownNameError, close_names, reason
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.evidence.unit_statistics import sample_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import load
from dreamfilters.networks.loading import Classes
from dreamfilters.networks.preprocessing.form_sources import Form
from dreamfilters.number_format import percent
from dreamfilters.runs.storage.file_names import default_folder, free_folder
from dreamfilters.runs.storage.records import model_values
from dreamfilters.training.findings import events_of
from dreamfilters.training.history import Look, Training
from dreamfilters.training.live_view import LiveView, live_view
from dreamfilters.training.looker import Looker, Moment, look_recipe
from dreamfilters.training.pace import Pace
from dreamfilters.training.store import TrainingStore

OnLook: TypeAlias = Callable[[Training, Look], None]

_SHARE = 0.05  # of the training time
_MOST_IMAGES = 128


class TrainingMonitor(keras.callbacks.Callback):  # type: ignore[misc, unused-ignore]
    """A callback for `model.fit` that looks at the network: responses, verdicts, dreams, accuracy, weight changes.

    Looks are taken at the start, after each period and at the end. Each is written to the run folder at once, which
    `read_training` and `dreamfilters film` read, also while the training runs or after it was killed. Between start and
    end a look is left out where looks would take more than `share` of the training time. Nothing of the model, its
    optimizer or the random state changes. An error of the monitor is printed once, and the monitor stops; the training
    goes on.

    The first line that it prints states what a look costs. Further lines name what happens: units that stop or begin to
    respond, layers whose weights do not change, a loss that rises, an accuracy that falls. In a notebook one display
    shows these lines and the latest look.

    Attributes:
        training: the looks so far, None before the first one.
        folder: the run folder, None before the first look.

    Example:
        >>> layers = [keras.Input((48, 48, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="conv")]
        >>> model = keras.Sequential([*layers, keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)])
        >>> model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> monitor = TrainingMonitor(images, units=(), out="outputs/monitored")
        >>> history = model.fit(images, np.arange(16) % 2, epochs=1, verbose=0, callbacks=[monitor])
        <BLANKLINE>
        TrainingMonitor: a look takes ...
        >>> [look.name for look in monitor.training.looks]
        ['start', 'epoch 1']
    """

    def __init__(
        self,
        images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
        labels: Sequence[object] | None = None,
        *,
        layers: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
        every: Literal["epoch"] | int = "epoch",
        out: str | Path | None = None,
        share: float | None = _SHARE,
        most: int = _MOST_IMAGES,
        recipe: Recipe | str | None = None,
        seed: int = 0,
        form: Form = None,
        classes: Classes = None,
        metrics: Sequence[str] | None = None,
        tensorboard: bool = False,
        live: bool = True,
        force: bool = False,
        on_look: OnLook | None = None,
    ) -> None:
        """Take what to look at.

        Args:
            images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8.
            labels: one per image, a name or a number, "" for none; default: those of the folder.
            layers: names of layers; default: all whose units get a verdict, see `audit`.
            units: targets of the dreams, such as "conv2:3" or "class:cat"; default: two of each of three layers and two
                classes; () for no dreams.
            every: "epoch", or a number of steps between two looks.
            out: the run folder; default: outputs/MODEL/training, numbered if it exists. A training there goes on
                where `initial_epoch` is its last epoch.
            share: of the training time that looks may take, without those at the start and at the end; None for a look
                at every period.
            most: greatest number of images, which are spread evenly over the labels.
            recipe: of the dreams, or its name; its steps are those of one look. Default: "fast" with 8 steps.
            seed: of the dreams.
            form: the input form, see `load`.
            classes: names in the order of the outputs, see `load`.
            metrics: names of the metrics of Keras to keep; default: all.
            tensorboard: whether to write event files into the folder `tensorboard` of the run.
            live: whether a notebook shows the latest look in the cell that trains, and updates it in place, instead
                of printing lines.
            force: replace a training in the folder.
            on_look: called with the training and its last look after each look.

        Raises:
            ImageError: there are no such images, or another number of labels.
            RecipeError: `every`, `share`, `most` or the recipe is none.
        """
        super().__init__()
        if every != "epoch" and not (isinstance(every, int) and every >= 1):
            raise RecipeError(f"every={every!r}: must be 'epoch' or a number of steps, at least 1")
        if share is not None and not 0 < share <= 1:
            raise RecipeError(f"share={share!r}: must be above 0 and at most 1, or None for a look at every period")
        if most < 1:
            raise RecipeError(f"most={most}: must be at least 1")
        self.training: Training | None = None
        self.folder: Path | None = None if out is None else Path(out)
        self._source = source_of(images, labels)
        self._recipe = read_recipe(recipe) if isinstance(recipe, str) else recipe or look_recipe()
        self._layers, self._units, self._most, self._seed = layers, units, most, seed
        self._form, self._classes, self._metrics = form, classes, metrics
        self._every, self._summaries, self._force, self._on_look = every, tensorboard, force, on_look
        self._pace, self._live = Pace(share), live
        self._view: LiveView | None = None
        self._looker: Looker | None = None
        self._store: TrainingStore | None = None
        self._is_stopped, self._begun, self._epoch = False, False, 0

    # The methods that Keras calls

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget an earlier `fit`."""
        self._pace = Pace(self._pace.share)
        self._is_stopped, self._begun, self._looker = False, False, None
        self._view = live_view() if self._live else None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prepare the looks and take the first one, before the first epoch, where the model is built."""
        self._epoch = epoch
        if self.model.built:
            self._begin_once(f"epoch {epoch}" if epoch else "start")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look, if looks are taken every so many steps; the first batch may have built the model."""
        if not self._begun:
            self._begin_once("")
        elif self._every != "epoch":
            self._guarded(lambda: self._end_batch(batch, logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look, if looks are taken after epochs."""
        self._epoch = epoch + 1
        self._guarded(lambda: self._end_epoch(logs))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Take the last look, and say what all of them took."""
        self._guarded(self._end)

    # What they do

    def _begin_once(self, name: str) -> None:
        if not self._begun:
            self._begun = True
            self._guarded(lambda: self._begin(self._epoch, name))

    _moment: Moment | None = None  # the end of the last epoch
    _period = 0  # the step that ended the last period

    @property
    def _step(self) -> int:
        """The steps of the optimizer so far."""
        return int(self.model.optimizer.iterations)

    def _end_batch(self, batch: int, logs: dict[str, Any] | None) -> None:
        if self._step - self._period >= int(self._every):
            self._period = self._step
            steps = (self.params or {}).get("steps")
            share = (batch + 1) / steps if steps else 0.0
            self._look_if_due(Moment(self._epoch + share, self._step, f"step {self._step}", self._kept(logs)))

    def _end_epoch(self, logs: dict[str, Any] | None) -> None:
        self._moment = Moment(float(self._epoch), self._step, f"epoch {self._epoch}", self._kept(logs))
        if self._every == "epoch":
            self._look_if_due(self._moment)

    def _end(self) -> None:
        if self.training is None:
            return
        if self.training.looks[-1].step != self._step and self._moment is not None:
            self._look(self._moment)
        looks, used = len(self.training.looks), self._pace.used
        taken = f"{looks} looks, {percent(used, 1)} of the training time"
        self._say(f"{taken}; `dreamfilters film {self.folder}` shows them")

    def _begin(self, epoch: int, name: str) -> None:
        """Prepare the looks, take the first one, and print what they cost."""
        self._period = self._step
        began = self._pace.clock()
        network = load(self.model, form=self._form, classes=self._classes)
        sample = sample_of(network, self._source, self._most)
        looker = Looker(network, sample, self._layers, self._units, self._recipe, self._seed)
        folder = self.folder or free_folder(default_folder(network.name, "training"))
        store = TrainingStore(folder, looker.settings, model_values(network, ""), self._summaries)
        training = store.begin(looker.training, epoch=epoch, force=self._force)
        looker.prepare()
        self._looker, self._store, self.folder, self.training = looker, store, folder, training
        if training.looks:  # of an earlier `fit`
            looker.restart(training.looks[-1].dreams, len(training.looks))
        prepared = self._pace.clock()
        first = Moment(float(epoch), self._step, name or f"step {self._step}", {})
        if training.looks and training.looks[-1].epoch == epoch:
            self._pace.cost = looker.look(first).seconds  # stored by the earlier `fit`
        else:
            self._look(first)
        self._pace.spent = 0.0  # the share does not count the first look
        self._say(self._cost(looker, prepared - began))

    def _cost(self, looker: Looker, prepared: float) -> str:
        """Return what is looked at, where it is written, and how long it takes."""
        sample, network, share = looker.meter.sample, looker.network, self._pace.share
        given = f" of {sample.given}" if sample.given > len(sample) else ""
        remark = f" ({sample.remark})" if sample.remark else ""
        most = "" if share is None else f"{100 * share:.3g} % of the training time"
        limit = f"left out where looks would take more than {most}" if most else "at every period"
        assumed = f"; {network.describe_input().partition(';')[0]})" if network.origin.is_assumed else ""
        dreams = len(looker.training.targets)
        return (
            f"a look takes {self._pace.cost:.2g} s, {limit} (prepared once in {prepared:.2g} s): {len(sample)}{given} "
            f"images{remark}, {looker.meter.units} units of {len(looker.meter.layers)} layers, {dreams} dreams, into "
            f"{self.folder}{assumed}"
        )

    def _look_if_due(self, moment: Moment) -> None:
        if self._pace.is_due:
            self._look(moment)

    def _look(self, moment: Moment) -> None:
        """Take a look, write it, and name what it shows."""
        if self._looker is None or self._store is None or self.training is None:
            return
        began = self._pace.clock()
        look = self._looker.look(moment)
        self.training = replace(self.training, looks=(*self.training.looks, look))
        self._store.append(self.training)
        number = len(self.training.looks) - 1
        self._say(*(event.sentence for event in (events_of(self.training, number) if number else ())))
        self._pace.add(self._pace.clock() - began)
        if self._on_look is not None:
            self._on_look(self.training, look)

    def _kept(self, logs: dict[str, Any] | None) -> dict[str, float]:
        """Return the metrics to keep.

        Raises:
            UnknownNameError: this training reports no such metric.
        """
        known = {name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0}
        for name in self._metrics or ():
            if name not in known:
                raise UnknownNameError(
                    f"metrics={name}: this training reports no such metric. {close_names(name, known)}"
                )
        return known if self._metrics is None else {name: known[name] for name in self._metrics}

    def _guarded(self, action: Callable[[], None]) -> None:
        """Do something that keeps the random state and takes no time of the training; its first error is its last."""
        if self._is_stopped:
            return
        self._pace.pause()
        before = random.getstate(), np.random.get_state()  # noqa: NPY002 - Keras uses it
        try:
            action()
        except DreamfiltersError as error:
            self._stop(str(error))
        except Exception as error:  # a training of days is worth more than any look
            self._stop(f"{type(error).__name__}: {reason(error)}")
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
            self._pace.resume()

    def _stop(self, cause: str) -> None:
        self._is_stopped, self._view = True, None  # the view itself may be what fails
        with contextlib.suppress(Exception):  # nor may a closed output end the training
            self._say(f"stopped, the training goes on: {DreamfiltersError(cause)}")

    def _say(self, *lines: str) -> None:
        if self._view is not None:
            self._view.update(self.training, lines)
            return
        for line in lines:
            print(f"\nTrainingMonitor: {line}", flush=True)  # noqa: T201 - as the callbacks of Keras do, behind their bar
