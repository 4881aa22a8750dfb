"""The errors that dreamfilters raises.

DreamfiltersError           one line: what is wrong, the value given, what works instead
├── BackendError            Keras runs on a backend other than TensorFlow or JAX, or the device cannot compute so
│   └── DeviceMemoryError   the memory of the device is too small for a batch
├── ModelError              a model cannot be opened or used
│   └── UntrustedError      a model contains code and was not trusted
├── InputFormError          an input form is invalid or contradicts the network
├── UnknownNameError        no layer, class, recipe or setting has this name
├── TargetError             a target does not parse or is out of range
├── RecipeError             a recipe or one of its settings is invalid
├── ImageError              an image file cannot be read
├── OutputError             a folder or file of results cannot be written or read
│   └── DamagedError        a stored result is damaged, or was not written by this tool
├── WorkerError             worker processes ended, were silent, or differ from this one
├── UsageError              an option or argument of a command does not exist, is missing or has a wrong value
└── DownloadError           an archive cannot be fetched, or its checksum differs
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches


def printable(text: str) -> str:
    r"""Return a text with its control characters escaped, so that it cannot change a terminal.

    >>> printable("a\x1b[31m")
    'a\\x1b[31m'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def reason(error: Exception) -> str:
    r"""Return the line of a library's error that states the cause, without the context that Keras and TensorFlow add.

    >>> reason(ValueError("Exception encountered when calling Conv2D.call().\n\n\x1b[1mToo small.\x1b[0m\n\nArguments"))
    'Too small.'
    """
    text = _DECORATION.sub("", str(error)).rpartition("Exception encountered:")[2]
    lines = [line.strip() for line in text.splitlines()]
    causes = (line for line in lines if line and not line.startswith("Exception encountered when calling"))
    return next(causes, type(error).__name__)


# Colors, node names and operation names in messages of Keras and TensorFlow.
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|\{\{[^}]*\}\} ?| ?\[Op:\w+\] name: ?$")


class DreamfiltersError(Exception):
    """The base class of all errors of dreamfilters; its message is one printable line of at most 1,000 characters.

    Of a longer one, such as one that quotes a value of a damaged file, the middle is left out.
    """

    def __init__(self, message: str = "") -> None:
        line = printable(" ".join(message.split()))  # messages of libraries can have several lines
        super().__init__(line if len(line) <= _LONGEST else f"{line[:_START]} ... {line[_START + 5 - _LONGEST :]}")


_LONGEST = 1_000  # characters of a message
_START = 600  # characters of it before what is left out; the end often says what works instead


class BackendError(DreamfiltersError):
    """Keras runs on a backend other than TensorFlow or JAX, or the device cannot compute as it is set to."""


class DeviceMemoryError(BackendError, MemoryError):
    """The memory of the device is too small for a batch."""


class ModelError(DreamfiltersError):
    """A model cannot be opened or used."""


class UntrustedError(ModelError):
    """A model contains code and was not trusted."""


class InputFormError(DreamfiltersError):
    """An input form is invalid or contradicts the network."""


class UnknownNameError(DreamfiltersError):
    """No layer, class, recipe or setting has this name."""


class TargetError(DreamfiltersError):
    """A target does not parse or is out of range."""


class RecipeError(DreamfiltersError):
    """A recipe or one of its settings is invalid."""


class ImageError(DreamfiltersError):
    """An image file cannot be read."""


class OutputError(DreamfiltersError):
    """A folder or file of results cannot be written or read."""


class DamagedError(OutputError):
    """A stored result is damaged, or was not written by this tool."""


class WorkerError(DreamfiltersError):
    """Worker processes ended, were silent, or differ from this one."""


class UsageError(DreamfiltersError):
    """An option or argument of a command does not exist, is missing or has a wrong value."""


class DownloadError(DreamfiltersError):
    """An archive cannot be fetched, or its checksum differs."""


def close_names(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return the end of an error message: the known names that are close to a name, or else the first known names.

    >>> close_names("conv9", ["conv5", "conv6", "dense"])
    'Close names: conv6, conv5'
    """
    known = list(known)
    lowered = {other.lower(): other for other in reversed(known)}
    close = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=count, cutoff=0.5)]
    if close:
        return f"Close names: {', '.join(close)}"
    shown = ", ".join(known[:12])
    return f"Known names: {shown}{', ...' if len(known) > 12 else ''}" if known else "It has none"
