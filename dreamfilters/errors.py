"""Every error that dreamfilters raises on purpose.

DreamfiltersError           one line: the thing, the value given, what would work
├── BackendError            Keras runs on something other than TensorFlow
├── ModelError              a model that cannot be opened or used
│   └── UntrustedError      it would run foreign code and was not trusted
├── InputFormError          how images become the network's input is wrong or contradicts the network
├── UnknownNameError        no such layer, class, recipe or setting
├── TargetError             a target that does not parse or is out of range
├── RecipeError             a recipe or a setting of it that cannot be used
├── ImageError            an image file that cannot be read
├── OutputError             a folder or file that cannot be written
└── DownloadError           an archive that cannot be fetched or does not match its checksum
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches


def printable(text: str) -> str:
    r"""Return the text on one line, with nothing in it that could steer a terminal, as Python writes such letters.

    >>> printable("a\x1b[31m")
    'a\\x1b[31m'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def reason(error: Exception) -> str:
    r"""Return the line of a foreign error that says why, without the places and colors that Keras and TensorFlow add.

    >>> reason(ValueError("Exception encountered when calling Conv2D.call().\n\n\x1b[1mToo small.\x1b[0m\n\nArguments"))
    'Too small.'
    """
    text = _DRESS.sub("", str(error)).rpartition("Exception encountered:")[2]
    lines = [line.strip() for line in text.splitlines()]
    told = (line for line in lines if line and not line.startswith("Exception encountered when calling"))
    return next(told, type(error).__name__)


_DRESS = re.compile(r"\x1b\[[0-9;]*m|\{\{[^}]*\}\} ?| ?\[Op:\w+\] name: ?$")


class DreamfiltersError(Exception):
    """The root of the tree; `str()` of it is one line for a person, whatever names it quotes."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(" ".join(message.split())))  # what a library said may have several lines


class BackendError(DreamfiltersError):
    """Keras runs on something other than TensorFlow."""


class ModelError(DreamfiltersError):
    """A model that cannot be opened or used."""


class UntrustedError(ModelError):
    """A model that would run foreign code and was not trusted."""


class InputFormError(DreamfiltersError):
    """How images become the network's input is wrong or contradicts the network."""


class UnknownNameError(DreamfiltersError):
    """No such layer, class, recipe or setting."""


class TargetError(DreamfiltersError):
    """A target that does not parse or is out of range."""


class RecipeError(DreamfiltersError):
    """A recipe or a setting of it that cannot be used."""


class ImageError(DreamfiltersError):
    """An image file that cannot be read."""


class OutputError(DreamfiltersError):
    """A folder or file that cannot be written."""


class DownloadError(DreamfiltersError):
    """An archive that cannot be fetched or does not match its checksum."""


def close_names(name: str, known: Iterable[str], count: int = 3) -> str:
    """The end of an error message: which known names come close, or which names there are.

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
