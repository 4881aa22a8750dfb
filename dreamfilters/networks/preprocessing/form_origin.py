"""`FormOrigin`: where the value range of an input form comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Source: TypeAlias = Literal["given", "file", "model", "known", "assumed"]


@dataclass(frozen=True)
class FormOrigin:
    """Where an input form comes from.

    Attributes:
        source: of the range of values: 'given' as an argument or option, a 'file' such as model.toml, the 'model' by
            its first layers and operations, 'known' for the built-in network and those of Keras, or 'assumed'.
        text: the source in words, with that of the other settings where it is another one.

    >>> FormOrigin("file", "from net.toml").is_assumed
    False
    """

    source: Source
    text: str

    @property
    def is_assumed(self) -> bool:
        """Whether nothing states the range of values."""
        return self.source == "assumed"


GIVEN = FormOrigin("given", "given")
