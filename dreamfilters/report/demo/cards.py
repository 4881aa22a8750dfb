"""Units dreamt and held against sample images: from a network and labeled images to the cards of a page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.ascent.step_progress import step_progress
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.activations import activations, mean_responses
from dreamfilters.evidence.maps.unit_selection import informative_units
from dreamfilters.evidence.top_images import Response, response_of, strongest
from dreamfilters.networks import LOGITS, Network
from dreamfilters.progress import OverallProgress
from dreamfilters.report.demo.page import Card, Prediction, Sample, Section

_SHOWN = 4  # samples a card
_GUESSES = 3  # predictions a card


@dataclass(frozen=True, eq=False)
class Show:
    """What is dreamt on, held against what.

    Attributes:
        network: any with conv layers and classes.
        images: the samples, (n, h, w, c) in [0, 1].
        labels: (n,) the number of each one's class.
        classes: numbers of the classes to dream.
        filters: how many filters of each conv layer.
        filter_recipe: how filters are dreamt.
        class_recipe: how classes are dreamt.
        seed: chance.
        progress: the progress of the whole page.
    """

    network: Network
    images: np.ndarray
    labels: np.ndarray
    classes: Sequence[int]
    filters: int = 4
    filter_recipe: Recipe = field(default_factory=lambda: recipes.read_recipe("standard"))
    class_recipe: Recipe = field(default_factory=lambda: recipes.read_recipe("natural"))
    seed: int = 7
    progress: OverallProgress = field(default_factory=lambda: OverallProgress(None))

    @property
    def layers(self) -> list[str]:
        """The conv layers that can be dreamt, in order."""
        return [info.name for info in self.network.layers if info.type == "Conv2D" and info.dreamable]


def class_section(show: Show) -> Section:
    """Return the cards of the chosen classes; they are the share of the whole from .1 to .45."""
    network, chosen = show.network, list(show.classes)
    found = strongest(network, show.images, {LOGITS: chosen}, k=_SHOWN)[LOGITS]
    targets = [_target(network, number) for number in chosen]
    on_step = step_progress(show.progress.part(0.1, 0.45, "dreaming"), len(targets))
    dreams = dream(network, targets, show.class_recipe, seed=show.seed, on_step=on_step)
    logits = activations(network, [made.image for made in dreams], [LOGITS])[LOGITS]
    cards = [
        _class_card(show, made, number, logits[row], found[number])
        for row, (made, number) in enumerate(zip(dreams, chosen, strict=True))
    ]
    return Section(
        "Classes", "What the network has for the sign itself, and how sure it is of its dream.", tuple(cards)
    )


def layer_sections(show: Show) -> Iterator[Section]:
    """Yield the cards of each conv layer; they are the share of the whole from .45 to .95."""
    network, layers = show.network, show.layers
    show.progress.report(0.45, "recording the samples")
    answers = mean_responses(network, show.images, layers)
    units = {layer: informative_units(answers[layer], show.labels, show.filters) for layer in layers}
    found = strongest(network, show.images, units, k=_SHOWN)
    for place, layer in enumerate(layers):
        start, end = (0.5 + 0.45 * part / len(layers) for part in (place, place + 1))
        on_step = step_progress(show.progress.part(start, end, "dreaming"), len(units[layer]))
        dreams = dream(network, channel(layer, units[layer]), show.filter_recipe, seed=show.seed, on_step=on_step)
        maps = activations(network, [made.image for made in dreams], [layer])[layer]
        cards = [
            _filter_card(show, made, maps[row, :, :, unit], found[layer][unit])
            for row, (made, unit) in enumerate(zip(dreams, units[layer], strict=True))
        ]
        yield Section(layer, _layer_text(network, layer), tuple(cards))


def _filter_card(show: Show, made: Dream, answer: np.ndarray, found: Sequence[Response]) -> Card:
    samples, command = _samples(show, found), command_for(show.network, made)
    return Card(made.name, made, response_of(0, answer), samples, command=command)


def _target(network: Network, number: int) -> str:
    """Return the target of a class; where another class is called by its number, that one would be meant."""
    return f'class:"{network.classes[number]}"' if str(number) in network.classes else f"class:{number}"


def _class_card(show: Show, made: Dream, number: int, logits: np.ndarray, found: Sequence[Response]) -> Card:
    network = show.network
    title = network.classes[number]
    aliases = [names[number] for names in network.aliases if names[number].casefold() != title.casefold()]
    return Card(
        title,
        made,
        response_of(0, logits[number].reshape(1, 1)),
        _samples(show, found),
        detail=", ".join([*aliases, f"class {number}"]),
        command=command_for(network, made),
        predictions=_guesses(network, logits, number),
    )


def _samples(show: Show, found: Sequence[Response]) -> tuple[Sample, ...]:
    names = show.network.classes
    return tuple(Sample(show.images[seen.index], names[int(show.labels[seen.index])], seen) for seen in found)


def _guesses(network: Network, logits: np.ndarray, meant: int) -> tuple[Prediction, ...]:
    """Return what the network takes an image for, the surest first: the softmax of its logits."""
    odds = np.exp(logits.astype(np.float64) - logits.max())
    shares = odds / odds.sum()
    surest = np.argsort(-shares, kind="stable")[:_GUESSES]
    return tuple(Prediction(network.classes[k], float(shares[k]), bool(k == meant)) for k in surest)


def command_for(network: Network, made: Dream) -> str:
    """Return the command line that makes the same image again.

    >>> command_for(load("signs"), dream(load("signs"), "conv6:12", read("standard"), seed=7)[0])
    'dreamfilters dream signs conv6:12 --recipe standard --seed 7 --out outputs/conv6-12'
    """
    folder = "-".join("".join(letter if letter.isalnum() else " " for letter in made.name).split())
    words = ["dreamfilters", "dream", network.name, made.name, "--recipe", made.recipe.name, "--seed", str(made.seed)]
    return shlex.join([*words, "--out", f"outputs/{folder}"])


def _layer_text(network: Network, layer: str) -> str:
    info = network.layer(layer)
    places = " × ".join("?" if side is None else str(side) for side in info.shape[:2])
    text = f"{info.units} filters, maps of {places} places"
    if info.receptive_field is None:
        return f"{text}."
    return f"{text}; each place sees {' × '.join(map(str, info.receptive_field.size))} pixels of the image."
