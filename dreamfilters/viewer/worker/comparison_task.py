"""Dreams held against the images, in the worker: the numbers of one, or a report that can be taken away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence

from dreamfilters.comparison.compare import compare
from dreamfilters.comparison.layer_comparison import LayerComparison
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.result import row_of
from dreamfilters.comparison.units import units_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.progress import Progress
from dreamfilters.report.captions import captions_of, headline_of
from dreamfilters.report.report import contents
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import Values

_SHOWN = 4  # real images beside each dream
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that an archive can hold, so that equal reports have equal bytes


def measured(real: ReferenceSet, recipe: Recipe, dreams: Sequence[Dream]) -> Values:
    """Return what a comparison measures of the first of some dreams of one unit, all by one recipe.

    The others tell how far chance goes. What stands in the report's column is said in its words; `numbers` is its row.
    """
    _, (subject,) = units_of(real.network, dreams[0].name, recipe)
    (unit,) = LayerComparison(real, (subject,), {subject.name: tuple(dreams)}).compared()
    values: Values = plain(
        {"verdict": headline_of(unit), "measures": captions_of(unit), "numbers": row_of(unit), "missing": unit.missing}
    )
    return values


def compared(
    network: Network,
    targets: tuple[str, ...],
    images: ImageFolder,
    tell: Callable[[Values], None],
    pause: Callable[[], None],
) -> bytes:
    """Return the report on some units as a ZIP archive; `pause`, called between its parts, may raise `Cancelled`."""

    def on_progress(progress: Progress) -> None:
        tell({"note": progress.note, "share": progress.share})
        pause()

    found = compare(network, targets, images, seeds=1, top=min(_SHOWN, len(images)), progress=on_progress)
    return archive(contents(found))


def archive(files: dict[str, bytes]) -> bytes:
    """Return the files as a ZIP archive, the same bytes for the same files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in sorted(files):
            zipped.writestr(zipfile.ZipInfo(name, _DATE), files[name], zipfile.ZIP_DEFLATED)
    return whole.getvalue()
