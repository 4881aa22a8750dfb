"""Networks: opened from any source, flattened, described and watched.

Names are listed in `__init__.pyi` and loaded on first use, so that the values in `layers` and `receptive_field` can be
imported without TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
