"""The manifest of a run folder: one shape for every command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.serialization import plain

KEY = "dreamfilters"  # first key of every JSON file of this tool, and of the text inside its PNGs: the version
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a run folder holds.

    Attributes:
        command: the command that wrote it, such as "scan".
        settings: everything that decides the bytes of the files.
        model: name, spec (the argument of `load`) and fingerprint of the network.
        files: SHA-256 of each file of the result by name; empty while the run is unfinished.
        results: the results of the command; None while the run is unfinished.
        failures: name and reason of each image that cannot be read.
        version: the version of dreamfilters that wrote it.
    """

    command: str
    settings: Mapping[str, Any]
    model: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    results: Any = None
    failures: tuple[tuple[str, str], ...] = ()
    version: str = dreamfilters.__version__

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Return the manifest of a folder, or None if there is none or it is not from this tool."""
        try:
            values = json.loads((folder / MANIFEST).read_bytes())
            command, version, settings, files = (values[key] for key in ("command", KEY, "settings", "files"))
            failures = tuple((str(each["image"]), str(each["reason"])) for each in values["failures"])
            valid = isinstance(settings, dict) and isinstance(files, dict) and all(map(is_below, files))
            manifest = cls(command, settings, values["model"], files, values["results"], failures, version)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return manifest if valid else None

    def to_json(self) -> bytes:
        """Return the content of the file."""
        values = {
            KEY: self.version,
            "command": self.command,
            "settings": self.settings,
            "model": self.model,
            "files": self.files,
            "results": self.results,
            "failures": [{"image": name, "reason": reason} for name, reason in self.failures],
        }
        return as_json(values).encode()


def is_below(name: str) -> bool:
    """Return whether a relative path stays inside its folder.

    >>> is_below("dreams/one.png"), is_below("../one.png"), is_below("/one.png")
    (True, False, False)
    """
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def as_json(values: Any) -> str:
    """Return strict JSON, the same text for equal values.

    Infinity and NaN become null; lone surrogates are escaped.

    >>> as_json({"score": float("nan")})
    '{\\n "score": null\\n}\\n'
    """
    text = json.dumps(plain(values), ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"
