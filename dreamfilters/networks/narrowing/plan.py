"""Which steps of a forward pass compute one channel only, because nothing needs the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dreamfilters.networks.graph import Step
from dreamfilters.networks.narrowing.channel_steps import OneChannel


def slots_of_one_channel(
    steps: Iterable[tuple[Step, OneChannel | None]],
    ends: Iterable[Step],
    only: Collection[str],
    whole: Collection[str] = (),
) -> dict[int, str]:
    """Return the slots that hold one channel for each image, and the layer of `only` whose units these are.

    A watched layer of `only` needs one channel of its own; so does what it computes this channel from, back to a
    convolution, which needs all channels of its input. A slot that another step needs whole is computed whole.

    Args:
        steps: in the order of execution, and how they compute one channel.
        ends: the watched steps.
        only: names of steps of which one unit is needed for each image.
        whole: names of steps that compute all channels in any case.
    """
    needs: dict[int, set[str | None]] = {}
    for end in ends:
        needs.setdefault(end.outputs[0], set()).add(end.name if end.name in only else None)
    found: dict[int, str] = {}
    for step, channel in reversed(list(steps)):
        needed = set[str | None]().union(*(needs.get(slot, ()) for slot in step.outputs))
        layer = next(iter(needed)) if len(needed) == 1 else None
        narrow = frozenset[int]()
        if layer is not None and channel is not None and step.name not in whole:
            found[step.outputs[0]], narrow = layer, channel.slots
        for slot in step.inputs:
            needs.setdefault(slot, set()).add(layer if slot in narrow else None)
    return found
