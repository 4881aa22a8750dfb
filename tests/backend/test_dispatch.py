import keras
import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.errors import BackendError, DeviceMemoryError


def exhausted():
    """Return the error that the library raises where a batch does not fit."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9]")


def raising(error):
    def function(*_):
        raise error

    return function


def test_a_full_memory_is_one_line_that_says_what_works():
    one = np.ones((1, 2), "float32")
    for compiled in (backend.compile(raising(exhausted())), backend.compile_rows(raising(exhausted()))):
        with pytest.raises(DeviceMemoryError, match="memory is too small for a batch of this size; "):
            compiled(one)
    state, seeds = {"x": one, "alive": np.ones(1, bool)}, np.zeros(1, "uint64")
    with pytest.raises(DeviceMemoryError):
        backend.compile_steps(raising(exhausted()))(state, seeds, one, 0, 1)
    assert issubclass(DeviceMemoryError, BackendError)
    assert issubclass(DeviceMemoryError, MemoryError)  # as workers handle it


def test_other_errors_stay_as_they_are():
    with pytest.raises(ZeroDivisionError):
        backend.compile(raising(ZeroDivisionError()))(np.ones(1, "float32"))
