"""Images as one unit sees them: its maps, the place that excites it most, and what that place sees."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dreamfilters.comparison.result import UnitView
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.evidence.activations import Floats, stream
from dreamfilters.evidence.patches import extract_patch
from dreamfilters.networks import Network
from dreamfilters.networks.layers.layer_info import LayerInfo, as_maps


class ViewRequest(NamedTuple):
    """An image (h, w, c) in the size that was scanned, shown for one unit, with its name and label."""

    subject: ComparedUnit
    image: Floats
    name: str
    label: str = ""


def unit_views(network: Network, facts: LayerInfo, views: Sequence[ViewRequest]) -> tuple[UnitView, ...]:
    """Return each image as its unit sees it; all units are of one layer, and of its maps a batch is held at a time.

    Args:
        network: whose units they are.
        facts: of their layer, as a scan has them.
        views: what is shown for which unit.
    """
    if not views:
        return ()
    batches = stream(network, (view.image for view in views), [views[0].subject.layer])
    answers = itertools.chain.from_iterable(itertools.chain.from_iterable(seen.values()) for seen in batches)
    return tuple(
        _sight(view, as_maps(answer[None])[0, ..., view.subject.unit].copy(), facts)
        for view, answer in zip(views, answers, strict=True)
    )


def _sight(view: ViewRequest, seen: Floats, facts: LayerInfo) -> UnitView:
    finite = np.nan_to_num(seen, nan=-np.inf)
    row, column = (int(place) for place in np.unravel_index(np.argmax(finite), seen.shape))
    response = float(seen.max() if view.subject.by == "max" else seen.mean(dtype=np.float64))
    patch = extract_patch(view.image, facts, (row, column))
    cut = None if patch.whole_image else patch
    return UnitView(view.image, view.name, view.label, response, (row, column), seen, cut)
