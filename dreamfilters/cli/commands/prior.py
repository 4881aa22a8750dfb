"""The command `prior`: train a denoiser on images, by which the recipe `learned` makes dreams."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dreamfilters.cli import options
from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options.given_files import writable_file
from dreamfilters.cli.options.values import at_least, parse_size, valid_seed, valid_size
from dreamfilters.cli.output import exit_if_stopped, print_json, progress, say, table

if TYPE_CHECKING:
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior


def prior(
    images: options.Images,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="File of the prior, such as signs.npz.", callback=writable_file),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|HxW",
            help="Size in pixels that images are reduced to, 8 to 96; default: their own, at most 48.",
            callback=valid_size,
        ),
    ] = None,
    channels: Annotated[
        int, typer.Option(help="1 luma, 2 luma and alpha, 3 RGB, 4 RGB and alpha.", callback=at_least(1, 4))
    ] = 3,
    steps: Annotated[
        int | None, typer.Option(help="Training steps of 48 images; default: 3000.", callback=at_least(1))
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Train about this long; the number of steps is stored with the prior.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the training.", callback=valid_seed)] = 0,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace FILE or its interrupted training; write a prior that fails its test."),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a prior on images, for dreams that look like them.

    \b
    Examples:
      dreamfilters prior images/ --out images.npz
      dreamfilters prior images/ --out images.npz --size 32 --minutes 5

    The prior is a denoiser. The images need no labels: hundreds at least, better thousands. A tenth is held out;
    frames of one name and different numbers stay together. On these, the prior has to denoise better than a linear
    filter, or it is not written. Ctrl-C stops the training, and the same command resumes it. Equal images, steps and
    seed give the same file.

    \b
    Next:
      dreamfilters dream net.keras 'class:*' --recipe learned --prior images.npz --tries 4
    """
    from dreamfilters.errors import UsageError

    if steps is not None and minutes is not None:
        raise UsageError("--steps and --minutes: give one of them")
    if minutes is not None and not 0 < minutes < math.inf:
        raise UsageError(f"--minutes {minutes:g}: must be above 0, usually 5 to 20")
    import_backend()
    from dreamfilters.dreams.priors.fitting import STEPS, prior_job
    from dreamfilters.images import image_folder
    from dreamfilters.runs.prior_run import run

    found = image_folder(images, channels=channels)
    with progress("prior", quiet) as report:
        job = prior_job(
            found, size=parse_size(size), steps=steps or STEPS, seed=seed, progress=report, folder=out.parent
        )
        result = run(job, out, minutes=minutes, force=force, progress=report)
    for path, reason in found.failures[:20]:
        say(f"{path}: {reason}")
    if result.value is not None:
        _print(result.value, out, as_json)
    exit_if_stopped(result.stopped, result.done, result.total, "steps")


COMMANDS = (prior,)


def _print(made: LearnedPrior, path: Path, as_json: bool) -> None:
    from dreamfilters.dreams.priors.learned_prior import SIGMAS
    from dreamfilters.serialization import plain

    record = made.record
    if as_json:
        print_json(
            {"prior": str(path), "digest": made.digest, "size": made.size, **plain(record), "ratio": record.ratio}
        )
        return
    errors = zip(SIGMAS, record.held_out_errors, record.wiener_errors, strict=True)
    rows: list[tuple[str, ...]] = [
        (f"{sigma:g}", f"{own:.4f}", f"{linear:.4f}", f"{own / linear:.2f}") for sigma, own, linear in errors
    ]
    table(("noise (std, -1..1)", "error on images held out", "of the Wiener filter", "ratio"), rows)
    say(f"{made.text}{'' if record.is_better_than_linear else ' (no better than a linear filter)'}")
    typer.echo(path)
