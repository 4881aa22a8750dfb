"""Units held against the pictures, in the worker, as an archive that can be taken away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from dreamfilters.comparison.compared import row_of
from dreamfilters.comparison.comparing import compare
from dreamfilters.comparison.report import contents
from dreamfilters.comparison.values import plain
from dreamfilters.images import Photos
from dreamfilters.networks import Network
from dreamfilters.viewer.facts import Report, Values

_SHOWN = 4  # real pictures beside each dream
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that an archive can hold, so that equal reports have equal bytes


def compared(
    network: Network,
    targets: tuple[str, ...],
    pictures: Photos,
    tell: Callable[[Values], None],
    pause: Callable[[], None],
) -> Report:
    """Return the report on some units; `pause` is called between its parts and may raise `Cancelled`."""

    def watcher(what: str, share: float) -> None:
        tell({"note": what, "share": share})
        pause()

    found = compare(network, targets, pictures, seeds=1, top=min(_SHOWN, len(pictures)), watcher=watcher)
    rows = tuple(plain(row_of(unit)) for unit in found.units)
    return Report(archive(contents(found)), rows)


def archive(files: dict[str, bytes]) -> bytes:
    """Return the files as a ZIP archive, the same bytes for the same files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in sorted(files):
            zipped.writestr(zipfile.ZipInfo(name, _DATE), files[name], zipfile.ZIP_DEFLATED)
    return whole.getvalue()
