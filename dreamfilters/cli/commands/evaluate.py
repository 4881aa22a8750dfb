"""The command `evaluate`: which labeled images a network gets wrong, and which units are behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, say, table

if TYPE_CHECKING:
    from dreamfilters.evidence.evaluation.result import Evaluation
    from dreamfilters.runs.storage.run_result import RunResult


@with_option_groups
def evaluate(
    model: options.Model,
    images: options.ImagesOrSamples = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Layer whose units are compared; default: the one before the logits."),
    ] = None,
    labels: options.Labels = None,
    pairs: Annotated[
        int, typer.Option(help="Number of confused pairs whose units are compared.", callback=at_least(0))
    ] = 6,
    batch: Annotated[
        int | None, typer.Option(help="Batch size; it does not change the results.", callback=at_least(1))
    ] = None,
    *,
    executor_options: options.ExecutorOptions,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show the images a network gets wrong, and the units behind them.

    \b
    Examples:
      dreamfilters evaluate signs
      dreamfilters evaluate net.keras images/ --labels labels.csv --out outputs/mine

    Prints the accuracy with its 95 % interval, that of the first five classes, the most confused pairs, and the classes
    with the lowest F1. The page also has the confusion matrix, precision, recall and F1 of every class, the most
    confident mistakes, the least confident hits, the calibration, and for the most confused pairs the dream of the
    margin between the classes, heatmaps of mistakes, and the units that separate them. The same command resumes an
    interrupted evaluation. Exit code 3: some images could not be read.

    \b
    Next:
      dreamfilters dream signs 'class:STOP - class:Kreisverkehr'
    """
    images = options.images_or_samples(model, images)
    import_backend()
    from dreamfilters.attribution.class_separation import compared_layer
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.runs.over_images.evaluation_run import run, stored_evaluation
    from dreamfilters.runs.over_images.evaluation_store import KIND

    network = model_options.network(model)
    found = image_folder(images, channels=network.form.channels, labels=labels)
    with executor_options.executor() as executor:
        job = EvaluationJob(network, source_of(found), batch, executor)
        stored = stored_evaluation(job, compared_layer(network, layer), pairs, model, model_options.words)
        result = run_options.run(KIND, network, run, stored)
    more = [] if labels is None else ["--labels", str(labels)]
    _print(result, [model, str(images), *more, *model_options.words], run_options.as_json)


COMMANDS = (evaluate,)
_PAIRS, _CLASSES = 10, 10  # in the terminal


def _print(result: RunResult[Evaluation | None], arguments: list[str], as_json: bool) -> None:
    exit_if_stopped(result.stopped, result.done, result.total)
    assert result.value is not None  # it was not stopped
    evaluation = result.value
    say(evaluation.accuracy.warning(arguments))
    if as_json:
        print_json({"folder": str(result.folder), **_values(evaluation), "failures": failure_values(result.failures)})
    else:
        rows = [_row(evaluation, one.label, one.predicted, len(one.rows)) for one in evaluation.misclassified[:_PAIRS]]
        if rows:
            table(("label", "predicted", "images", "of"), rows)
            typer.echo()
        table(("class", "images", "precision", "recall", "F1"), _class_rows(evaluation))
        typer.echo(f"{evaluation.describe()}: {result.folder / 'index.html'}")
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)


def _row(evaluation: Evaluation, label: int, predicted: int, count: int) -> tuple[str, ...]:
    total = evaluation.per_class[label].images
    return evaluation.classes[label], evaluation.class_name(predicted), str(count), str(total)


def _class_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Return a line for each class with the lowest F1, and one for the means."""
    known = [one for one in evaluation.per_class if one.images]
    worst = sorted(known, key=lambda one: one.f1 or 0.0)[:_CLASSES]
    rows = [(one.name, str(one.images), _share(one.precision), _share(one.recall), _share(one.f1)) for one in worst]
    if len(known) > _CLASSES:
        rows.append((f"{len(known) - _CLASSES} more classes", "", "", "", ""))
    recall = sum(one.recall or 0.0 for one in known) / len(known)
    return [*rows, ("mean of all classes", str(evaluation.count), "", _share(recall), _share(evaluation.macro_f1))]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _values(evaluation: Evaluation) -> dict[str, Any]:
    """Return the evaluation as JSON values, without the images that are predicted correctly."""
    from dreamfilters.runs.over_images.evaluation_store import class_rows, image_rows
    from dreamfilters.serialization import plain

    found = evaluation.reliability
    values: dict[str, Any] = plain(
        {
            "images": evaluation.count,
            "left_out": evaluation.left_out,
            "accuracy": evaluation.share,
            "accuracy_interval": evaluation.interval,
            "balanced_accuracy": evaluation.accuracy.value,
            "top_5_accuracy": evaluation.top_share,
            "macro_f1": evaluation.macro_f1,
            "calibration_error": None if found is None else found.error,
            "labels_read": evaluation.remark,
            "classes": class_rows(evaluation),
            "confusions": [
                {
                    "label": evaluation.classes[one.label],
                    "predicted": evaluation.class_name(one.predicted) if one.predicted >= 0 else None,
                    "images": len(one.rows),
                }
                for one in evaluation.misclassified
            ],
            "mistakes": [row for row in image_rows(evaluation) if not row["right"]],
            "pairs": evaluation.separations,
        }
    )
    return values
