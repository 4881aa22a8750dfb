"""The commands `embed` and `neighbors`: images by a layer's features, on a map and one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.cli.options.values import at_least, existing_images, one_of, valid_seed, valid_settings
from dreamfilters.cli.output import exit_if_failed, exit_if_stopped, failure_values, print_json, table

if TYPE_CHECKING:
    from dreamfilters.evidence.embedding.neighbor_result import NearestNeighbors
    from dreamfilters.evidence.embedding.result import Embedding
    from dreamfilters.runs.storage.run_result import RunResult

Layer = Annotated[
    str | None, typer.Option("--layer", metavar="NAME", help="Layer; default: the one before the logits.")
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        metavar="cosine|euclidean",
        help="Distance of features; the cosine ignores how strong they are.",
        callback=one_of("cosine", "euclidean"),
    ),
]
Flat = Annotated[
    bool, typer.Option("--flat", help="Compare whole activations; default: the mean of each unit over its map.")
]
Batch = Annotated[int | None, typer.Option(help="Batch size; it does not change the results.", callback=at_least(1))]


@with_option_groups
def embed(
    model: options.Model,
    images: options.ImagesOrSamples = None,
    layer: Layer = None,
    method: Annotated[
        str,
        typer.Option(metavar="pca|tsne|umap", help="tsne needs 'dreamfilters[embedding]', umap 'dreamfilters[umap]'."),
    ] = "pca",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Setting of the method, such as perplexity=50 of tsne; may be repeated.",
            callback=valid_settings,
        ),
    ] = None,
    dreams: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Dreams to show among the images.", callback=existing_images),
    ] = None,
    metric: Metric = "cosine",
    flat: Flat = False,
    labels: options.Labels = None,
    seed: Annotated[int, typer.Option(help="Random seed of the method.", callback=valid_seed)] = 0,
    batch: Batch = None,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show which images a layer represents alike, on a map.

    \b
    Examples:
      dreamfilters embed signs
      dreamfilters embed net.keras images/ --layer conv5 --method tsne --dreams outputs/net/dream

    Prints how far the map can be trusted. The page has the map to zoom into, as points and as images, and a grid of all
    images; a click opens an image and its nearest ones. The same command resumes an interrupted run. Exit code 3: some
    images could not be read.

    \b
    Next:
      dreamfilters neighbors signs outputs/samples outputs/samples/14
    """
    from dreamfilters.evidence.embedding.registry import method_of

    chosen = method_of(method, settings or ())
    images = options.images_or_samples(model, images)
    import_backend()
    from dreamfilters.evidence.embedding.feature_job import FeatureJob, layer_of
    from dreamfilters.evidence.embedding.nearest import check_metric
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.runs.over_images.embedding_run import StoredEmbeddingJob, dream_images, run
    from dreamfilters.runs.over_images.embedding_store import KIND

    network = model_options.network(model)
    source = source_of(image_folder(images, channels=network.form.channels, labels=labels))
    job = FeatureJob(network, source, layer_of(network, layer), pooled=not flat, batch=batch)
    shown = None if dreams is None else dream_images(dreams, network)
    stored = StoredEmbeddingJob(job, chosen, check_metric(metric), seed, shown, model)
    _print_map(run_options.run(KIND, network, run, stored), run_options.as_json)


@with_option_groups
def neighbors(
    model: options.Model,
    images: options.Images,
    queries: Annotated[list[Path], typer.Argument(metavar="QUERY...", help="Images, dreams, or folders of them.")],
    layer: Layer = None,
    count: Annotated[int, typer.Option("--count", "-k", help="Neighbors of each query.", callback=at_least(1))] = 9,
    metric: Metric = "cosine",
    flat: Flat = False,
    labels: options.Labels = None,
    batch: Batch = None,
    *,
    run_options: options.RunOptions,
    model_options: options.ModelOptions,
) -> None:
    """Show the images that are nearest to an image or a dream.

    \b
    Examples:
      dreamfilters neighbors signs outputs/samples outputs/samples/14
      dreamfilters neighbors net.keras images/ query.jpg outputs/net/dream/conv5-0.png --layer conv5

    Compares the features of a layer, and beside them the pixels. The output directory keeps the features: the same
    command with other queries adds them, without another pass of the images. Exit code 3: some images could not be
    read.
    """
    for query in queries:
        existing_images(query)
    import_backend()
    from dreamfilters.evidence.embedding.feature_job import FeatureJob, layer_of
    from dreamfilters.evidence.embedding.nearest import check_metric
    from dreamfilters.evidence.scan.sources import source_of
    from dreamfilters.images import image_folder
    from dreamfilters.runs.over_images.neighbor_run import StoredNeighborJob, query_images, run
    from dreamfilters.runs.over_images.neighbor_store import KIND

    network = model_options.network(model)
    channels = network.form.channels
    source = source_of(image_folder(images, channels=channels, labels=labels))
    job = FeatureJob(network, source, layer_of(network, layer), pooled=not flat, batch=batch)
    sought = query_images(queries, channels)
    stored = StoredNeighborJob(job, sought, count, check_metric(metric), model)
    _print_neighbors(run_options.run(KIND, network, run, stored), set(sought.names), run_options.as_json)


COMMANDS = (embed, neighbors)
_QUERIES = 10  # in the terminal
_NEAREST = 3  # of a query in the terminal
_COLUMNS = ("query", "space", "rank", "image", "class", "distance")


def _print_map(result: RunResult[Embedding | None], as_json: bool) -> None:
    exit_if_stopped(result.stopped, result.done, result.total)
    embedding = result.value
    assert embedding is not None  # it was not stopped
    if as_json:
        from dreamfilters.serialization import plain

        values: dict[str, Any] = {
            "folder": str(result.folder),
            "layer": embedding.features.layer,
            "method": embedding.method,
            "settings": embedding.settings,
            "metric": embedding.metric,
            "seed": embedding.seed,
            "quality": embedding.quality,
            "facts": embedding.facts,
            "images": embedding.rows(),
        }
        print_json({**plain(values), "failures": failure_values(result.failures)})
    else:
        typer.echo(f"{embedding.describe()}: {result.folder / 'index.html'}")
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total)


def _print_neighbors(result: RunResult[NearestNeighbors | None], names: set[str], as_json: bool) -> None:
    exit_if_stopped(result.stopped, result.done, result.total)
    found = result.value
    assert found is not None  # it was not stopped
    rows = [row for row in found.rows() if row["query"] in names]
    if as_json:
        values = {"folder": str(result.folder), "layer": found.features.layer, "metric": found.metric}
        print_json({**values, "neighbors": rows, "failures": failure_values(result.failures)})
    else:
        first = [row for row in rows if row["rank"] <= _NEAREST][: _QUERIES * 2 * _NEAREST]
        table(_COLUMNS, [tuple(_cell(row[key]) for key in _COLUMNS) for row in first])
        count = f"{len(found)} quer{'ies' if len(found) != 1 else 'y'} among {len(found.features):,} images"
        typer.echo(f"{count} by {found.features.layer}: {result.folder / 'index.html'}")
    exit_if_failed(result.failures, result.folder / "manifest.json", count=result.total + len(names))


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
