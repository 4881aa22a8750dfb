"""Commands around the built-in network: `demo`, `samples`, `gtsrb`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamfilters.cli.backend_loading import import_backend
from dreamfilters.cli.options import Quiet
from dreamfilters.cli.options.values import writable_folder
from dreamfilters.cli.output import progress, status


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Output directory.", callback=writable_folder)] = Path(
        "outputs/demo"
    ),
    quiet: Quiet = False,
) -> None:
    """Show what the built-in network has learned on one page.

    \b
    Example:
      dreamfilters demo

    A preset of `compare`: dreams of some filters and classes, and the rendered samples that activate them most.
    """
    import_backend()
    from dreamfilters.report.demo import write_demo

    with progress("demo", quiet) as report:
        page = write_demo(out, progress=report)
    typer.echo(page)


def samples(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Output directory.", callback=writable_folder)],
) -> None:
    """Write the rendered sample images into class folders.

    \b
    Example:
      dreamfilters samples outputs/samples
    """
    with status("Writing the sample images"):
        from dreamfilters.signs.rendering.scenes import write_samples

        written = write_samples(folder)
    typer.echo(f"{len(written)} rendered images in {folder}")


def gtsrb(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Output directory.", callback=writable_folder)],
    quiet: Quiet = False,
) -> None:
    """Download GTSRB, a data set of German traffic signs.

    \b
    Example:
      dreamfilters gtsrb data/gtsrb

    The German Traffic Sign Recognition Benchmark, from its public archive, with checksums, in class folders. Run the
    command again to resume a stopped download.
    """
    from dreamfilters.signs.gtsrb.archive import fetch

    with progress("gtsrb", quiet) as report:
        done = fetch(folder, progress=report)
    typer.echo(done)


COMMANDS = (demo, samples, gtsrb)
