"""The run of `weights` in the viewer: the files that the command writes into a folder, with a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dreamfilters import backend
from dreamfilters.attribution.circuits.weights.layer_weights import LayerWeights, layer_weights
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.report.pages.weights_page import file_names, weights_files
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.run_folder import RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain, typed


@dataclass(frozen=True, eq=False)
class WeightsJob:
    """The weights of some layers of a network; `spec` is the argument of `load` that loads it again."""

    network: Network
    spec: str
    layers: tuple[str, ...]

    @cached_property
    def model(self) -> dict[str, Any]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.network, self.spec)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the files."""
        return {
            "model": {"name": self.network.name, "fingerprint": self.model["fingerprint"]},
            "input": plain(self.network.form),  # the order of the colors
            "layers": list(self.layers),
            "versions": backend.versions(),
        }


def run(
    job: WeightsJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[LayerWeights, ...]]:
    """Write the page, the numbers and the drawn kernels of the layers into a folder, unless it has them.

    Raises:
        OutputError: the folder holds other files or cannot be written.
        UnknownNameError, ModelError: no such layer, or one without weights; nothing is written.
    """
    if progress is not None:
        progress(Progress(0, 1, ", ".join(job.layers)))
    found = layer_weights(job.network, job.layers)
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        kept = claimed.is_whole()
        if not kept:
            files = weights_files(found)
            claimed.save_manifest({name: claimed.write(name, content) for name, content in files.items()})
    return RunResult(folder, found, len(found), len(found), kept=kept)


KIND = RunKind(
    "weights",
    "weights",
    written=lambda folder, manifest: file_names(typed(tuple[str, ...], manifest.settings["layers"])),
    planned=lambda settings: file_names(settings["layers"]),
)
