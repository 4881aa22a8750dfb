"""A digest of the code and the templates that make pages: pages made by another version of them are not kept."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


@cache
def page_code() -> str:
    """Return the SHA-256 of every module and template of this package.

    It is a setting of the runs whose pages cannot be made again from their results.

    Example:
        >>> len(page_code())
        64
    """
    folder = Path(__file__).parent
    files = sorted(path for path in (*folder.rglob("*.py"), *(folder / "templates").rglob("*")) if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
