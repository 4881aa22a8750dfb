"""The registry of techniques that start from given images: the viewer iterates over it."""

from __future__ import annotations

from dreamfilters.registry import Registry
from dreamfilters.techniques.forms.of_images import FOOL, INVERT, SEGMENT, STYLE, TEXTURE
from dreamfilters.techniques.forms.of_units import FACETS, UNIT
from dreamfilters.techniques.forms.technique import Technique

TECHNIQUES: Registry[Technique] = Registry("technique", [FOOL, INVERT, TEXTURE, STYLE, SEGMENT, UNIT, FACETS])
