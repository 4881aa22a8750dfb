"""dreamfilters: what an image network has learned, dreamt and held against real images.

Public names are loaded on first use, so that `import dreamfilters` and the command line's help cost no TensorFlow.
"""

# ruff: noqa: F401 - the imports below are for type checkers, and the names are in __all__ by way of _HOMES

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; at run time `__getattr__` finds them in `_HOMES`
    from dreamfilters.comparison.audited import Audit
    from dreamfilters.comparison.auditing import audit
    from dreamfilters.comparison.compared import Comparison
    from dreamfilters.comparison.comparing import compare
    from dreamfilters.dreams.engine import dream, dreaming
    from dreamfilters.dreams.motions import Crop, Rotate, Scale, Shear, Shift
    from dreamfilters.dreams.objectives import Objective, minimize
    from dreamfilters.dreams.optimizers import Adam, Momentum, Nadam, Normalised, RMSprop, Sign
    from dreamfilters.dreams.parameterizations import CPPN, Fourier, Phase, Pixels, Pyramid
    from dreamfilters.dreams.penalties import (
        L1,
        L2,
        BlurDistance,
        BlurEvery,
        ClipContribution,
        ClipNorm,
        Decay,
        Lp,
        TotalVariation,
    )
    from dreamfilters.dreams.priors import Prior
    from dreamfilters.dreams.priors import measure as measure_prior
    from dreamfilters.dreams.recipe import Recipe
    from dreamfilters.dreams.recipe import read as read_recipe
    from dreamfilters.dreams.representations import direction, diversity, match
    from dreamfilters.dreams.results import Dream
    from dreamfilters.dreams.transforms import Blur, Colour, Flip, Jitter, Noise, Pad, Trim, Views
    from dreamfilters.dreams.units import channel, layer, logit, margin, neuron
    from dreamfilters.errors import DreamfiltersError
    from dreamfilters.evidence.crops import crop
    from dreamfilters.evidence.drawing import MapStyle
    from dreamfilters.evidence.forms import Trials, rank_forms
    from dreamfilters.evidence.mapping import MapScale, UnitMaps
    from dreamfilters.evidence.recording import activations
    from dreamfilters.evidence.scanned import Scan
    from dreamfilters.evidence.scanning import scan
    from dreamfilters.images import Photos, photos
    from dreamfilters.networks import LOGITS, InputForm, LayerInfo, Network, load
    from dreamfilters.runs.audits import read_audit
    from dreamfilters.runs.recordings import MapSettings, draw_maps
    from dreamfilters.runs.scans import read_scan
    from dreamfilters.viewer.launching import serve
    from dreamfilters.viewer.listening import Viewer

__version__ = "0.1.0"

# module -> the public names that it defines
_MODULES = {
    "comparison.audited": "Audit",
    "comparison.auditing": "audit",
    "comparison.compared": "Comparison",
    "comparison.comparing": "compare",
    "dreams.engine": "dream dreaming",
    "dreams.objectives": "Objective minimize",
    "dreams.representations": "direction diversity match",
    "dreams.units": "channel layer logit margin neuron",
    "dreams.optimizers": "Adam Momentum Nadam Normalised RMSprop Sign",
    "dreams.parameterizations": "CPPN Fourier Phase Pixels Pyramid",
    "dreams.penalties": "BlurDistance BlurEvery ClipContribution ClipNorm Decay L1 L2 Lp TotalVariation",
    "dreams.priors": "Prior",
    "dreams.recipe": "Recipe",
    "dreams.results": "Dream",
    "dreams.motions": "Crop Rotate Scale Shear Shift",
    "dreams.transforms": "Blur Colour Flip Jitter Noise Pad Trim Views",
    "errors": "DreamfiltersError",
    "evidence.drawing": "MapStyle",
    "evidence.mapping": "MapScale UnitMaps",
    "evidence.crops": "crop",
    "evidence.forms": "Trials rank_forms",
    "evidence.recording": "activations",
    "evidence.scanned": "Scan",
    "evidence.scanning": "scan",
    "images": "Photos photos",
    "runs.audits": "read_audit",
    "runs.recordings": "MapSettings draw_maps",
    "runs.scans": "read_scan",
    "viewer.launching": "serve",
    "viewer.listening": "Viewer",
    "networks": "InputForm LOGITS LayerInfo Network load",
}
# public name -> (module, name there)
_HOMES: dict[str, tuple[str, str]] = {
    **{name: (module, name) for module, names in _MODULES.items() for name in names.split()},
    "measure_prior": ("dreams.priors", "measure"),
    "read_recipe": ("dreams.recipe", "read"),
}

# what works without TensorFlow: a stored scan is read in a moment, and the viewer leaves it to its worker
_LIGHT = frozenset(
    {"errors", "evidence.scanned", "evidence.crops", "runs.scans", "viewer.launching", "viewer.listening"}
)

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"dreamfilters has no {name!r}; its public names: {', '.join(sorted(_HOMES))}")
    module, there = _HOMES[name]
    if module not in _LIGHT:
        import_module("dreamfilters.backend")  # first: it quietens TensorFlow and checks which backend Keras runs on
    return getattr(import_module(f"dreamfilters.{module}"), there)


def __dir__() -> list[str]:
    return sorted(__all__)
