"""Changes of zip archives (.keras, .npz): members, and the headers that describe them."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from tests.fuzz.mutations import raw_bytes

Change = Callable[[bytes, np.random.Generator], bytes]
_NAMES = ("../x", "/tmp/x", "a\0b", "x" * 5_000, "assets/", "config.json", "\x1b[31m", "", "C:\\x", "é.json")
_MAGICS = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07")
_DATE = (2020, 1, 1, 0, 0, 0)


def members_of(content: bytes) -> dict[str, bytes]:
    """Return the members of an archive by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Mapping[str, bytes] | list[tuple[str, bytes]], *, deflated: bool = False) -> bytes:
    """Return an archive of these members, with the same bytes each time."""
    buffer = io.BytesIO()
    pairs = members.items() if isinstance(members, Mapping) else members
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, data in pairs:
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
            archive.writestr(info, data)
    return buffer.getvalue()


def changed(content: bytes, chance: np.random.Generator, by_suffix: Mapping[str, Change]) -> bytes:
    """Return an archive with changed members or headers.

    Args:
        content: the archive.
        chance: where the choices come from.
        by_suffix: the end of a member's name -> how its content is changed.
    """
    members = members_of(content)
    pairs = list(members.items())
    at = int(chance.integers(len(pairs)))
    name, data = pairs[at]
    match chance.integers(12):
        case 0:
            del pairs[at]
        case 1:
            pairs.append((name, pairs[chance.integers(len(pairs))][1]))
        case 2:
            pairs[at] = (str(chance.choice(_NAMES)), data)
        case 3:
            pairs.append((str(chance.choice(_NAMES)), b"x" * int(chance.integers(0, 2_000))))
        case 4:
            pairs += [(f"assets/{number}", b"") for number in range(int(chance.integers(1, 400)))]
        case 5:
            pairs[at] = (name, data + bytes(int(chance.integers(1, 3_000_000))))
            return packed(pairs, deflated=True)
        case 6 | 7:
            return _with_headers(packed(pairs, deflated=bool(chance.integers(2))), chance)
        case _:
            change = next((change for end, change in by_suffix.items() if name.endswith(end)), raw_bytes.damaged)
            pairs[at] = (name, change(data, chance))
    return packed(pairs, deflated=chance.random() < 0.2)


def _with_headers(content: bytes, chance: np.random.Generator) -> bytes:
    """Overwrite fields of the archive's own headers."""
    for _ in range(chance.integers(1, 4)):
        magic = _MAGICS[chance.integers(len(_MAGICS))]
        starts = [at for at in range(len(content)) if content.startswith(magic, at)] or [0]
        start = starts[chance.integers(len(starts))]
        content = raw_bytes.overwritten(content, start + int(chance.integers(4, 46)), chance)
    return content
