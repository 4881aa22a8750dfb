"""The run of `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.runs.over_images.evaluation_store import KIND, evaluation_format, read_evaluation
from dreamfilters.runs.over_images.resumable_run import ResumableJob, run

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob, EvaluationState
    from dreamfilters.networks import Network

__all__ = ["KIND", "class_targets", "read_evaluation", "run", "stored_evaluation"]


def stored_evaluation(
    job: EvaluationJob, layer: str, pairs: int, spec: str = "", options: Sequence[str] = (), **how: Any
) -> ResumableJob[EvaluationState, Evaluation]:
    """Return an evaluation as `run` stores it.

    Args:
        job: network and images.
        layer: whose units are compared, as `compared_layer` names it.
        pairs: number of confused pairs whose units are compared.
        spec: the argument of `load` that loads the network again.
        options: words of the command line that open the same network, for the commands of the page; what
            they change is part of the network, not a setting of the run.
        how: the other attributes of a `ResumableJob`.
    """
    from dreamfilters.attribution.class_separation import with_separations
    from dreamfilters.report.pages.evaluation.margin_images import margin_images

    return ResumableJob(
        job=job,
        result=lambda state: with_separations(job, job.result(state), layer, pairs),
        format=evaluation_format(
            class_targets(job.network), lambda evaluation: margin_images(job, evaluation), options
        ),
        chosen={"layer": layer, "pairs": pairs},
        labels=[job.source.labels, job.labels.classes, job.labels.rule],
        spec=spec,
        **how,
    )


def class_targets(network: Network) -> tuple[str, ...]:
    """Return each class as the command `dream` names it."""
    from dreamfilters.dreams.objectives.targets import class_word

    return tuple(f"class:{class_word(network, number)}" for number in range(network.class_count))
