"""JSON of run folders: strict, of limited size and depth, and with a checksum of its own content on the last line.

`head -n -2 manifest.json | sha256sum` prints the value of the last key, "checksum".
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import accumulate
from pathlib import Path
from typing import Any

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.storage.stored_files import read_file
from dreamfilters.serialization import plain

CHECKSUM = "checksum"
MOST_BYTES = 2**27  # of a file: names and labels of two million images
_MOST_VALUES = 2**23  # of a file: each takes up to about 80 bytes of memory
_DEEPEST = 32  # levels; the deepest file of this tool has 8
_LONGEST_NUMBER = 40  # digits in a row; Python converts long numbers in quadratic time

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKET = re.compile(r"[^][{}]+")
_LONG_NUMBER = re.compile(rf"[0-9]{{{_LONGEST_NUMBER},}}")


def as_json(values: Any) -> str:
    """Return strict JSON, the same text for equal values.

    Infinity and NaN become null; lone surrogates are escaped.

    >>> as_json({"score": float("nan")})
    '{\\n "score": null\\n}\\n'
    """
    text = json.dumps(plain(values), ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def with_checksum(text: str) -> str:
    """Return the JSON text of an object, as `as_json` returns it, with the checksum as its last key.

    Raises:
        OutputError: the text is larger than a file may be.

    >>> with_checksum(as_json({"score": 1})).splitlines()[1:]
    [' "score": 1,', ' "checksum": "4188569d8049f2aaef102871c9510e50c1536cf3d895771284cc3749818d9f58"', '}']
    """
    head = text.removesuffix("\n}\n").encode() + b",\n"
    if len(head) > MOST_BYTES:
        raise OutputError(f"results of {len(head)} bytes of JSON: at most {MOST_BYTES} in a file; give fewer images")
    return (head + _last_lines(head)).decode()


def checked(content: bytes) -> dict[str, Any]:
    """Return the object of a text of `with_checksum`, without the checksum.

    Raises:
        ValueError: the checksum is missing or is that of another text, or the text is not JSON within the limits.
    """
    head = content[: -len(_last_lines(b""))]
    if content[len(head) :] != _last_lines(head):
        raise ValueError("its checksum is missing or that of another content")
    values = parsed(content)
    if not isinstance(values, dict):
        raise ValueError("it is not an object")
    del values[CHECKSUM]
    return values


def parsed(content: bytes) -> Any:
    """Return the values of strict JSON within the limits of this module, which are checked before it is parsed.

    Raises:
        ValueError: it is not.

    >>> parsed(b'{"seed": 3}')
    {'seed': 3}
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has {len(content)} bytes; at most {MOST_BYTES}")
    text = content.decode("utf-8")
    outside = _STRING.sub("", text)
    brackets = _NO_BRACKET.sub("", outside)
    if outside.count(",") + len(brackets) > _MOST_VALUES:
        raise ValueError(f"it holds more than {_MOST_VALUES} values")
    if max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0) > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} levels deep")
    if _LONG_NUMBER.search(outside):
        raise ValueError(f"it holds a number of {_LONGEST_NUMBER} or more digits")
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_object)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Return the object of a JSON file below a folder, without its checksum.

    Raises:
        DamagedError: there is no such file, or its content is not what this tool wrote.
    """
    content = read_file(folder, name, MOST_BYTES)
    try:
        return checked(content)
    except ValueError as error:
        raise DamagedError(f"{folder / name}: is damaged ({error})") from error


def _last_lines(head: bytes) -> bytes:
    return f' "{CHECKSUM}": "{hashlib.sha256(head).hexdigest()}"\n}}\n'.encode()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key occurs twice")
    return values
