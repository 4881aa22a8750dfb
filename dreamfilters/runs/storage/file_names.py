"""Safe file names for targets: readable, unique and valid on every file system."""

import hashlib
import re
import unicodedata
from pathlib import Path

_READABLE = 48  # characters of the readable part; file systems allow 255 bytes
OUTPUTS = Path("outputs")  # of all commands, in the current folder
_HASH = 10  # hexadecimal digits, 40 bits: a collision among 10,000 targets has a probability of 1 in 20,000


def readable(text: str, default: str = "dream") -> str:
    """Return the ASCII letters and digits of `text`, separated by dashes; `default` if there are none.

    >>> readable('class:"Vorfahrt gewähren"')
    'class-Vorfahrt-gewahren'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:_READABLE].rstrip("-") or default


def default_folder(network: str, command: str) -> Path:
    """Return the default output directory of a command, for a network of this name.

    >>> default_folder("signs", "scan").as_posix()
    'outputs/signs/scan'
    """
    return OUTPUTS / readable(network, "network") / command


def free_folder(folder: Path) -> Path:
    """Return the first of `folder`, `folder-2`, `folder-3`, ... that does not exist."""
    number, path = 1, folder
    while path.exists():
        number += 1
        path = folder.with_name(f"{folder.name}-{number}")
    return path


def slug(target: str) -> str:
    """Return the file name of a target without suffix: a readable part and a hash of the exact target.

    The hash distinguishes targets that differ only in case, accents or punctuation.

    >>> slug("conv6:12")
    'conv6-12-e80fc50567'
    """
    digest = hashlib.sha256(target.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{readable(target)}-{digest[:_HASH]}"
