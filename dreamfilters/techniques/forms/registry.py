"""The registry of techniques that the viewer offers as forms: those of given images, of units and of layers."""

from __future__ import annotations

from dreamfilters.registry import Registry
from dreamfilters.techniques.forms.of_images import FOOL, INVERT, SEGMENT, STYLE, TEXTURE
from dreamfilters.techniques.forms.of_layers import DEEPDREAM, WEIGHTS
from dreamfilters.techniques.forms.of_units import FACETS, UNIT
from dreamfilters.techniques.forms.technique import Technique

TECHNIQUES: Registry[Technique] = Registry(
    "technique", [FOOL, DEEPDREAM, INVERT, TEXTURE, STYLE, SEGMENT, UNIT, FACETS, WEIGHTS]
)
