"""The tests of bytes that depend on the batch: on CPUs without AVX-512, and with JAX."""

from __future__ import annotations

import pytest

from dreamfilters import backend

# Convolutions, products and activations are computed by image there (see `backend.SPLITS_BATCHES`); what else rounds an
# image by its batch is not found yet.
needs_avx512 = pytest.mark.skipif(
    backend.SPLITS_BATCHES, reason="this CPU has no AVX-512: the last bits of an image can depend on its batch"
)

# XLA compiles other code for another number of images (see `backend.ONE_SHAPE`).
any_batch_size = pytest.mark.skipif(
    backend.ONE_SHAPE, reason="with JAX, an image has the same bytes in batches of one size only"
)
