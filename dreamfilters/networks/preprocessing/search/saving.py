"""`FormUpdate`: what the search for an input form writes to `model.toml`: what is certain, without contradictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dreamfilters.networks import Network
from dreamfilters.networks.preprocessing.search.result import FormRanking
from dreamfilters.networks.preprocessing.settings_file import (
    InputSettings,
    inputs_in,
    read_settings,
    tolerance_as_toml,
    tolerance_in,
)

_FOUND = ("range", "order", "classes", "resize")  # the keys that a search finds
_OF_MODEL = ("size", "bits")  # the keys that it keeps


@dataclass(frozen=True)
class FormUpdate:
    """The new text of a `model.toml`.

    Attributes:
        text: of the file, None where it stays as it is.
        message: what is saved, what is open and what to do, in one line; '' where the whole form is saved.
        is_complete: whether the file then has the whole form.
    """

    text: str | None
    message: str
    is_complete: bool


def form_update(
    path: Path,
    network: Network,
    ranking: FormRanking,
    *,
    inputs: Mapping[str, float | str] | None = None,
    force: bool = False,
) -> FormUpdate:
    """Return what a ranking adds to the file of a network.

    A new file gets the settings in which the best trial and its rivals agree. A file that agrees with the best trial
    gets the settings that it lacks; one that contradicts it stays as it is.

    Args:
        path: the file, which may exist.
        network: the network that was tried.
        ranking: of its input forms.
        inputs: values of other inputs, which a new file gets too.
        force: whether the best form replaces the file, even if it does not fit or nearly ties.

    Raises:
        InputFormError: the file is no valid `model.toml`.
    """
    if force:
        kept = tolerance_as_toml(tolerance_in(path))
        return FormUpdate(kept + ranking.best.as_toml({**inputs_in(path), **(inputs or {})}), "", True)
    if not ranking.fits:
        return FormUpdate(None, f"{path}: not saved, because no form fits; --force saves the best one anyway", False)
    if path.exists():
        return _added(path, network, ranking)
    if not ranking.best.as_toml(without={*ranking.open, *_OF_MODEL}):
        return FormUpdate(None, f"{path}: not saved; {_open(ranking)}", False)
    message = f"{path}: saved without {', '.join(ranking.open)}; {_open(ranking)}" if ranking.open else ""
    return FormUpdate(ranking.best.as_toml(inputs, without=ranking.open), message, not ranking.open)


def _added(path: Path, network: Network, ranking: FormRanking) -> FormUpdate:
    """Return the file completed by the certain settings that it lacks."""
    stored = read_settings(path)
    present = _keys(stored)
    other = _contradictions(stored, network, ranking)
    if other:
        return FormUpdate(None, f"{path}: not changed; {'; '.join(other)}; --force replaces the file", False)
    kept = path.read_text("utf-8")
    more = ranking.best.as_toml(without={*present, *ranking.open, *_OF_MODEL})
    lacks = [key for key in ranking.open if key not in present]
    state = f"{path}: not changed; it has the best form" if not more and not lacks else ""
    return FormUpdate(more + kept if more else None, f"{_open(ranking)}" if lacks else state, not lacks)


def _contradictions(stored: InputSettings, network: Network, ranking: FormRanking) -> list[str]:
    """Return where the file has other settings than the best trial, one line each."""
    best, form = ranking.best, stored.applied(network.form)
    pairs = {
        "range": (form.describe_range(), best.form.describe_range()),
        "order": (form.order, best.form.order),
        "resize": (form.resize, best.form.resize),
    }
    known = _keys(stored) - set(ranking.open)
    differing = {key: pair for key, pair in pairs.items() if key in known and pair[0] != pair[1]}
    lines = [f"its {key} is {its}, the best {found}" for key, (its, found) in differing.items()]
    if "classes" in known and network.classes != best.order.classes:
        lines.append(f"its classes have another order than the best, {best.order.name}")
    return lines


def _keys(stored: InputSettings) -> set[str]:
    return {*stored.other_keys, *(["range"] if stored.has_range else [])}


def _open(ranking: FormRanking) -> str:
    return f"open: {ranking.describe_open()}; give more images or set it yourself; --force saves the best form"
