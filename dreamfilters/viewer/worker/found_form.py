"""The input form that a search has found: as values for the page, applied to the network, saved beside the model."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamfilters.errors import OutputError
from dreamfilters.networks import Network
from dreamfilters.networks.preprocessing.form_origin import FormOrigin
from dreamfilters.networks.preprocessing.search.result import FormRanking
from dreamfilters.networks.preprocessing.search.saving import form_update
from dreamfilters.networks.preprocessing.search.trial import Trial
from dreamfilters.networks.preprocessing.settings_file import inputs_in
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import Values
from dreamfilters.writing.single_files import write_file

ORIGIN = FormOrigin("given", "found by the search")
_TRIALS = 8  # of a ranking of input forms that the page lists


def ranking_values(network: Network, ranking: FormRanking, file: Path | None) -> Values:
    """Return a ranking of input forms as JSON values; `file` is where the best form can be saved."""
    best = ranking.best
    is_present = best.form == network.form and best.order.classes == network.classes
    values: Values = plain(
        {
            "images": len(best.right),
            "failures": len(ranking.failures),
            "chance": ranking.chance,
            "trials": [trial.as_values() for trial in ranking.ranked[:_TRIALS]],
            "remarks": ranking.remarks,
            "fits": ranking.fits,
            "is_clear": ranking.is_clear,
            "is_present": is_present,
            "toml": best.as_toml(None if file is None else inputs_in(file)),
            "file": None if file is None else file.name,
            "exists": file is not None and file.exists(),
        }
    )
    return values


def packed(trial: Trial) -> bytes:
    """Return the input form and the class order of a trial for the server, which does not import TensorFlow."""
    return pickle.dumps((trial.form, trial.order.classes))


def with_form(network: Network, found: bytes) -> Network:
    """Return the network with a form and a class order that `packed` returned."""
    form, classes = pickle.loads(found)
    aliases = network.aliases if classes == network.classes else ()
    return replace(network, form=form, classes=classes, aliases=aliases, origin=ORIGIN)


def save_form(
    path: Path | None, network: Network, ranking: FormRanking, inputs: Mapping[str, Any], *, force: bool
) -> Values:
    """Save what is certain of the best form, or with `force` the whole form, as `dreamfilters inputs --save` does.

    Returns:
        The outcome in one line, '' for a saved form, and whether the file has the whole form.

    Raises:
        OutputError: the model is not a file, or the file cannot be written.
        InputFormError: the file that is there is not valid.
    """
    if path is None:
        raise OutputError(f"{network.name}: is not a file, so no model.toml can be saved beside it")
    held = {name: value if isinstance(value, float) else str(value) for name, value in inputs.items()}
    update = form_update(path, network, ranking, inputs=held, force=force)
    if update.text is not None:
        write_file(path, update.text.encode())
    return {"text": update.message, "complete": update.is_complete}
