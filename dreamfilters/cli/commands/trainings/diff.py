"""The command `diff`: what differs between two networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, existing_images, known_model, valid_seed
from dreamfilters.cli.output import exit_if_stopped, print_json, say, table

if TYPE_CHECKING:
    from dreamfilters.comparison.diff.result import NetworkDiff
    from dreamfilters.runs.storage.run_result import RunResult

_FLIPS = 8  # lines in the terminal


@with_option_groups
def diff(
    model: options.Model,
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="The other model; it has the same options.", callback=known_model)
    ],
    images: Annotated[
        Path | None,
        typer.Argument(
            metavar="[IMAGES]",
            help="Folder of images that both are shown; default: layers and weights are compared only.",
            callback=existing_images,
        ),
    ] = None,
    labels: options.Labels = None,
    most: Annotated[int, typer.Option(metavar="N", help="Greatest number of images.", callback=at_least(1))] = 256,
    dreams: Annotated[
        int, typer.Option(metavar="N", help="Changed units that are dreamed in both.", callback=at_least(0))
    ] = 6,
    seed: Annotated[int, typer.Option(help="Random seed of the dreams.", callback=valid_seed)] = 0,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show what differs between two networks.

    \b
    Examples:
      dreamfilters diff before.keras after.keras images/
      dreamfilters diff net.keras pruned.keras images/ --labels labels.csv --out outputs/pruned

    Layers correspond by name and shape, or by their responses; units by their responses to the images. Prints which
    units are unchanged, changed, lost and new, and how many images are predicted otherwise. The page shows the dreams
    of the units that changed most side by side, and these images. The same command begins an interrupted diff again.

    \b
    Next:
      dreamfilters compare before.keras conv4:3 images/ --against after.keras
    """  # fmt: skip
    import_backend()
    from dreamfilters.comparison.diff.network_diff import DiffJob
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.runs.over_images.diff_run import KIND, StoredDiffJob, run

    network, second = (model_options.network(name) for name in (model, other))
    source = None
    if images is not None:
        source = source_of(image_folder(images, channels=network.form.channels, labels=labels))
    job = StoredDiffJob(DiffJob(network, second, source, most), model, other, dreams, seed)
    _print(run_options.run(KIND, network, run, job), run_options.as_json)


COMMANDS = (diff,)


def _print(result: RunResult[NetworkDiff | None], as_json: bool) -> None:
    exit_if_stopped(result.stopped, result.done, result.total, "parts")
    found = result.value
    assert found is not None  # it was not stopped
    if as_json:
        print_json({"folder": str(result.folder), **found.as_values()})
        return
    say(found.remark)
    headings = (
        "layer", "other", "by", "CKA", "weights", "unchanged", "changed", "lost", "new", "other number", "silent"
    )  # fmt: skip
    silent = (" and ".join(map(str, pair.silent)) if any(pair.silent) else "" for pair in found.layers)
    table(headings, [(*map(_text, row.values()), more) for row, more in zip(found.rows(), silent, strict=True)])
    for title, names in (("only in the first", found.lost), ("only in the second", found.new)):
        if names:
            typer.echo(f"{title}: {', '.join(names)}")
    flips: list[tuple[str, ...]] = [(one.image, one.label, one.predicted, one.other) for one in found.flips[:_FLIPS]]
    if flips:
        table(("image", "label", "first", "second"), flips)
    typer.echo(f"{found.describe()}: {result.folder / 'index.html'}")


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
