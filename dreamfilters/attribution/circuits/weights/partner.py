"""A unit and the one of its layer that is most similar to it, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Partner:
    """A unit and the one of its layer that is most similar to it.

    Attributes:
        layer: their layer.
        unit: number of the unit.
        partner: number of the other one.
        weights: the cosine of their weights, with bias and normalization; None for a layer without weights of its own.
        responses: the correlation of their mean responses to the images; None where one of them is constant.
        factor: what the partner's response is multiplied by to come nearest to that of the unit, by least squares.
    """

    layer: str
    unit: int
    partner: int
    weights: float | None
    responses: float | None
    factor: float

    @property
    def similarity(self) -> float:
        """The larger one of both, -1 for none."""
        return max(-1.0 if one is None else one for one in (self.weights, self.responses))

    def describe(self) -> str:
        """Return the partner with both similarities in one line.

        >>> Partner("conv5", 3, 9, 0.97, None, 1.2).describe()
        '9, weights 0.97'
        """
        known = (("weights", self.weights), ("responses", self.responses))
        return ", ".join([str(self.partner), *(f"{name} {value:.2f}" for name, value in known if value is not None)])
