"""Settings of all row groups: the traffic-sign network, the output folder, and the amount of work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.environments import FOLDER

if TYPE_CHECKING:
    from dreamfilters.networks import Network

BUILT_IN = Path(__file__).resolve().parents[2] / "dreamfilters" / "signs" / "signs.keras"


@dataclass(frozen=True)
class Setting:
    """The settings of a benchmark run.

    Attributes:
        signs: file of the traffic-sign network, with inputs in [0, 1].
        prior: its colors and spectrum, or "".
        quick: a few steps and filters, to check that everything runs.
        networks: names in `keras.applications`, or of `class_dreams` or `filter_dreams`; () for all.
    """

    signs: Path = BUILT_IN
    prior: str = ""
    quick: bool = False
    networks: tuple[str, ...] = ()

    @property
    def network(self) -> dict[str, object]:
        """Return the job settings of the traffic-sign network."""
        return {"model": str(self.signs), "low": 0.0, "high": 1.0}

    def file(self, name: str) -> str:
        """Return a path for images."""
        FOLDER.mkdir(exist_ok=True)
        return str(FOLDER / f"{name}.npy")


def opened(model: str, low: float, high: float, prior: str) -> Network:
    """Return the network of a file; the built-in one has its prior and class names."""
    import dreamfilters as df

    built_in = Path(model) == BUILT_IN
    network = df.load("signs") if built_in else df.load(model, form={"range": [low, high]})
    return replace(network, prior=Path(prior)) if prior else network
