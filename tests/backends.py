"""The tests that need one of the backends."""

from __future__ import annotations

import keras
import pytest

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="is about what only TensorFlow does; Keras runs on another backend"
)
