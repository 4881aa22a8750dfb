"""Commands around the built-in network: `demo`, `samples`, `gtsrb`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dreamfilters.cli.options import Quiet, import_tensorflow
from dreamfilters.cli.output import progress


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to.")] = Path("outputs/demo"), quiet: Quiet = False
) -> None:
    """Show what the built-in network has learned.

    Dreams of filters and classes beside the images that excite them, on one page. Needs no file and no network.

    \b
    Example:
      dreamfilters demo
    """
    import_tensorflow()
    from dreamfilters.report.demo.demo import make_demo

    with progress("demo", quiet) as report:
        page = make_demo(out, progress=report)
    typer.echo(page)


def samples(folder: Annotated[Path, typer.Argument(metavar="FOLDER")]) -> None:
    """Write the built-in sample images, rendered signs.

    Into class folders, at least three a class.

    \b
    Example:
      dreamfilters samples outputs/samples
    """
    from dreamfilters.signs.rendering.scenes import write_samples

    typer.echo(f"{len(write_samples(folder))} rendered images in {folder}")


def gtsrb(folder: Annotated[Path, typer.Argument(metavar="FOLDER")], quiet: Quiet = False) -> None:
    """Fetch the German traffic sign benchmark.

    From its public archive, with checksums, into class folders. A download that was stopped goes on where it was.

    \b
    Example:
      dreamfilters gtsrb data/gtsrb
    """
    from dreamfilters.signs.gtsrb.archive import fetch

    with progress("gtsrb", quiet) as report:
        done = fetch(folder, progress=report)
    typer.echo(done)


COMMANDS = (demo, samples, gtsrb)
