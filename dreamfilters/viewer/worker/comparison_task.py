"""Comparisons in the worker: the measures of one dream, or a report as a ZIP archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.compare import compare, compare_batch
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.units import units_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.progress import Progress
from dreamfilters.report.report import headline_of, report_files
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import Values

_SHOWN = 4  # real images beside each dream
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest of a ZIP archive, so that equal reports have equal bytes


def dream_measures(references: ReferenceSet, recipe: Recipe, dreams: Sequence[Dream]) -> Values:
    """Return what a comparison measures of the first of some dreams of one unit, all by one recipe and of other seeds.

    The headline and the captions are those of the report, `numbers` is the unit's row.
    """
    _, (unit,) = units_of(references.network, dreams[0].name, recipe)
    (compared,) = compare_batch(Batch(references, (unit,), {unit.name: tuple(dreams)}))
    values: Values = plain(
        {
            "headline": headline_of(compared),
            "measures": list(compared.captions.values()),
            "numbers": compared.row,
            "missing": compared.missing,
        }
    )
    return values


def report_archive(
    network: Network,
    targets: tuple[str, ...],
    images: ImageFolder,
    tell: Callable[[Values], None],
    pause: Callable[[], None],
) -> bytes:
    """Return the report on some units as a ZIP archive.

    `tell` is given the progress; `pause` is called after each step and may raise `Cancelled`.
    """

    def on_progress(progress: Progress) -> None:
        tell({"note": progress.note, "share": progress.share})
        pause()

    found = compare(network, targets, images, seeds=1, top=min(_SHOWN, len(images)), progress=on_progress)
    return archive(report_files(found))


def archive(files: dict[str, bytes]) -> bytes:
    """Return the files as a ZIP archive, the same bytes for the same files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in sorted(files):
            zipped.writestr(zipfile.ZipInfo(name, _DATE), files[name], zipfile.ZIP_DEFLATED)
    return whole.getvalue()
