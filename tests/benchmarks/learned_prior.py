"""Row group 12: class dreams with a learned prior, of networks that others trained, shown to the others, with controls.

The prior is trained on images of signs, without labels, so the controls ask where the class of a dream comes from: with
random weights the others must recognize nothing, and with permuted classes the dreams have to follow the permutation.
"""

from __future__ import annotations

import functools
import io
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.benchmarks.class_dreams import CLASSES, with_permuted_classes, with_random_weights
from tests.benchmarks.environments import FOLDER
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, written

if TYPE_CHECKING:
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.dreams.result import Dream
    from dreamfilters.networks import Network

SEEDS = (1, 2, 3, 4)
CONTROL_SEED = 1
SIZE = 32  # pixels of the prior
_COLUMNS = ["network", "each seed", "best", "own", "made again", "nearest / held out", "CPU s"]


@dataclass(frozen=True)
class Source:
    """A network whose dreams are judged: its name, the class of each output, and the others that judge."""

    name: str
    network: Network
    classes: np.ndarray
    judges: Sequence[tuple[str, Any, bool]]

    def recognized(self, images: np.ndarray, truth: np.ndarray) -> float:
        """Return the share of images (n, h, w, 3) that the judges predict as these classes."""
        from tests.benchmarks.external_networks import predicted_classes

        hits = [predicted_classes(judge, images, text) == truth for _, judge, text in self.judges]
        return float(np.mean(hits))


def measure(setting: Setting) -> Table:
    """Dream all classes of each network with `learned`; a row is printed as soon as it is measured."""
    from dreamfilters.dreams.recipe import read_recipe
    from tests.benchmarks.external_networks import FOLDER as NETWORKS, external_networks, outputs_of

    table = Table("12. Class dreams with a learned prior: shares that other networks predict as their class", _COLUMNS)
    networks = external_networks()
    if not networks:
        table.notes = [f"not measured: no networks in {NETWORKS.name} next to the checkout"]
        return table
    prior = _prior(setting)
    print(prior.text, flush=True)
    recipe = read_recipe("learned", settings=["steps=2"] if setting.quick else [])
    chosen = [one for one in networks if one[0] in setting.networks] or networks
    seeds = SEEDS[: 1 if setting.quick else None]
    sources = [
        Source(name, network, np.argsort(outputs_of(as_text)), [other for other in networks if other[0] != name])
        for name, network, as_text in chosen[: 1 if setting.quick else None]
    ]
    for row in (row for source in sources for row in (_row(source, recipe, prior, seeds),)):
        _add(table, row)
    for source in sources:
        for row in _controls(source, recipe, prior):
            _add(table, row)
    table.notes = [f"{prior.text}. Seeds {seeds}; controls: seed {CONTROL_SEED}; chance is {1 / CLASSES:.3f}."]
    return table


def _add(table: Table, row: list[object]) -> None:
    table.rows.append(row)
    print(*map(written, row), sep=" | ", flush=True)


def _row(source: Source, recipe: Recipe, prior: LearnedPrior, seeds: Sequence[int]) -> list[object]:
    """Return the row of a network, and write the sheet of its best dreams."""
    from dreamfilters.dreams.ascent.tries import better, first_try
    from dreamfilters.dreams.engine import dream
    from dreamfilters.dreams.result import Dreams

    began = time.process_time()
    tried = [dream(source.network, "class:*", recipe, seed=seed, prior=prior) for seed in seeds]
    seconds = time.process_time() - began
    best = Dreams(functools.reduce(lambda kept, other: better(kept, other, 1), map(first_try, tried)))
    FOLDER.mkdir(exist_ok=True)
    best.save(FOLDER / f"learned-prior-{source.name}.png")
    shares = [source.recognized(_images(dreams), source.classes) for dreams in tried]
    again = float(np.mean([sum(bool(one.attempts) for one in dreams) for dreams in tried]))
    return [
        source.name,
        " ".join(map(written, shares)),
        source.recognized(_images(best), source.classes),
        sum(one.prediction is not None and one.prediction.is_predicted for one in best),
        again,
        _distances(best),
        seconds,
    ]


def _controls(source: Source, recipe: Recipe, prior: LearnedPrior) -> list[list[object]]:
    """Return the rows of a network with random weights, and with permuted classes, judged as both classes."""
    from dreamfilters.dreams.engine import dream

    permutation = np.random.default_rng(0).permutation(CLASSES)
    model, rows = source.network.model, []
    changed = {
        "random weights": (with_random_weights(model), {"": source.classes}),
        "permuted classes": (
            with_permuted_classes(model, permutation),
            {", as permuted": source.classes[permutation], ", as before": source.classes},
        ),
    }
    for name, (other, truths) in changed.items():
        began = time.process_time()
        network = replace(source.network, model=other)
        dreams = dream(network, "class:*", recipe, seed=CONTROL_SEED, prior=prior)
        seconds = time.process_time() - began
        own = sum(one.prediction is not None and one.prediction.is_predicted for one in dreams)
        again = float(sum(bool(one.attempts) for one in dreams))
        for how, truth in truths.items():
            share = source.recognized(_images(dreams), truth)
            rows.append([f"{source.name}, {name}{how}", written(share), None, own, again, _distances(dreams), seconds])
    return rows


def _images(dreams: Sequence[Dream]) -> np.ndarray:
    return np.stack([one.image for one in dreams])


def _distances(dreams: Sequence[Dream]) -> str:
    """Return the range of distances from the nearest image of the prior, and that of images held out."""
    looks = [one.appearance for one in dreams if one.appearance is not None]
    near = [look.distance for look in looks]
    return f"{min(near):.0f} to {max(near):.0f} / {looks[0].held_out[0]:.0f} to {looks[0].held_out[2]:.0f}"


def _prior(setting: Setting) -> LearnedPrior:
    """Return the prior of a file, or one that is trained on the images of signs next to the checkout."""
    from dreamfilters.dreams.priors.fitting import STEPS, fit_prior
    from dreamfilters.runs.storage.prior_files import read_prior
    from tests.benchmarks.external_networks import SHARED

    if setting.prior:
        return read_prior(setting.prior)
    steps = 2 if setting.quick else STEPS
    return fit_prior(_images_in(SHARED / "data" / "gtsrb" / "train_48_every3rd.zip"), steps=steps, name="GTSRB")


def _images_in(archive: Path) -> np.ndarray:
    """Return all images of a zip file at the size of the prior, (n, h, w, 3) uint8."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".webp"))
        opened = (Image.open(io.BytesIO(files.read(name))).convert("RGB") for name in names)
        return np.stack([np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for image in opened])
