"""Which part of the picture one place of a layer's map sees, read off the graph."""

from __future__ import annotations

from dataclasses import dataclass

from dreamfilters.networks.graph import Graph


@dataclass(frozen=True)
class ReceptiveField:
    """stub"""

    size: tuple[int, int]


def receptive_fields(graph: Graph) -> dict[str, ReceptiveField | None]:
    return {step.name: None for step in graph.steps}
