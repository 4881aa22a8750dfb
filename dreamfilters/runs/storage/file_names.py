"""A target becomes a file name that people can read and no file system can misread."""

import hashlib
import re
import unicodedata

_READABLE = 48  # characters of the part for people; with hash and suffix far below any file system's 255 bytes
_HASH = 10  # hexadecimal digits, 40 bits: among 10,000 targets two share a hash once in 20,000 runs


def readable(text: str, otherwise: str = "dream") -> str:
    """Return what is ASCII letters and digits of `text`, with dashes between.

    >>> readable('class:"Vorfahrt gewähren"')
    'class-Vorfahrt-gewahren'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:_READABLE].rstrip("-") or otherwise


def slug(target: str) -> str:
    """Return the target's file name without suffix: a part for people, and a hash that keeps equal ones apart.

    The hash is of the exact target, so names that differ only in case, accents or signs stay apart on any file system.

    >>> slug("conv6:12")
    'conv6-12-e80fc50567'
    """
    digest = hashlib.sha256(target.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable(target)}-{digest[:_HASH]}"
