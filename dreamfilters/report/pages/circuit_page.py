"""The page of a circuit: a unit and the units that feed it, each with its dream, its weights and its contribution."""

from __future__ import annotations

from dataclasses import dataclass

from dreamfilters.attribution.circuits.result import Circuit, FeedingUnit
from dreamfilters.display import image_uri
from dreamfilters.images import ImageArray, png_bytes
from dreamfilters.images.encoding import displayed
from dreamfilters.number_format import grouped, percent
from dreamfilters.report.html_frame import rendered, shown_uri
from dreamfilters.report.tables import json_bytes

PAGE, DRAWING, VALUES = "index.html", "circuit.png", "circuit.json"


@dataclass(frozen=True)
class FeedingCard:
    """A unit that feeds: its name, the data URIs of its dream and kernel, '' for none, and its numbers."""

    name: str
    dream: str
    kernel: str
    unit: FeedingUnit


def circuit_files(circuit: Circuit) -> dict[str, bytes]:
    """Return the page, the drawing, if there is anything to draw, and the numbers: name -> content."""
    sheet = circuit.sheet
    drawing = {} if sheet is None else {DRAWING: png_bytes(sheet)}
    return {PAGE: circuit_page(circuit), **drawing, VALUES: json_bytes(circuit.as_values())}


def circuit_page(circuit: Circuit) -> bytes:
    """Return the page; it fetches nothing."""
    dreams = [shown_uri(displayed(dream.image)) for dream in circuit.dreams] or [""] * (len(circuit.units) + 1)
    kernels = [_squares(kernel) for kernel in circuit.kernel_images] or [""] * len(circuit.units)
    names = [f"{circuit.layer}:{one.unit}" for one in circuit.units]
    cards = [FeedingCard(*each) for each in zip(names, dreams[1:], kernels, circuit.units, strict=True)]
    raising = [card for card in cards if card.unit.contribution > 0]
    lowering = [card for card in reversed(cards) if card.unit.contribution <= 0]
    shown = sum(card.unit.share for card in cards)
    page = rendered(
        "summary/circuit.html", ("summary/circuit.css",),
        title=f"{circuit.target}: what feeds it", circuit=circuit, dream=dreams[0],
        groups=[("Raise the response", raising), ("Lower the response", lowering)],
        lead=f"The {len(cards)} units of {circuit.layer} that contribute most, of {grouped(circuit.count)}; they have "
        f"{percent(shown)} of the magnitude of all contributions.",
        drawing=DRAWING if circuit.dreams or kernels[0] else "", values=VALUES,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def _squares(kernel: ImageArray) -> str:
    """Return a kernel at its own size, which the page enlarges without blurring it."""
    return image_uri(kernel)
