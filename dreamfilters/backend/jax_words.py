"""SplitMix64 on pairs of 32-bit words, (high, low), because JAX has no integers of 64 bits by default."""

from typing import Any, TypeAlias

import numpy as np
from jax import numpy as jnp

from dreamfilters.backend.seeds import GOLDEN, MIX_1, MIX_2, increments

Words: TypeAlias = tuple[Any, Any]  # arrays of equal shapes, uint32

_LOW = 0xFFFF_FFFF


def words_of(numbers: Any) -> Any:
    """Return (...) uint64 of NumPy as (..., 2) uint32 of JAX, high words first."""
    return jnp.stack([jnp.array(word) for word in _split(np.asarray(numbers, np.uint64))], axis=-1)


def fold_words(seeds: Words, number: Any) -> Words:
    """Return output `number` + 1 of the generator of each seed."""
    count = number.astype(jnp.uint32) + jnp.uint32(1)
    return _mix(_plus(seeds, _times((jnp.zeros_like(count), count), GOLDEN)))


def random_words(seeds: Words, shape: tuple[int, ...]) -> Words:
    """Return outputs 1 to size of the generator of each seed, (n, *shape) twice."""
    steps = _split(increments(int(np.prod(shape, dtype=np.int64))))
    high, low = _mix(_plus((seeds[0][:, None], seeds[1][:, None]), steps))
    return high.reshape(-1, *shape), low.reshape(-1, *shape)


def _split(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (numbers >> np.uint64(32)).astype(np.uint32), (numbers & np.uint64(_LOW)).astype(np.uint32)


def _mix(state: Words) -> Words:
    """Return the output of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)."""
    z = _times(_xor_shift(state, 30), MIX_1)
    z = _times(_xor_shift(z, 27), MIX_2)
    return _xor_shift(z, 31)


def _xor_shift(a: Words, by: int) -> Words:
    return a[0] ^ (a[0] >> by), a[1] ^ ((a[1] >> by) | (a[0] << (32 - by)))


def _plus(a: Words, b: Words) -> Words:
    low = a[1] + b[1]
    return a[0] + b[0] + (low < a[1]).astype(jnp.uint32), low


def _times(a: Words, factor: int) -> Words:
    """Return a * factor mod 2 ** 64, by products of 16 bits: XLA has no high half of a product of 32 bits."""
    high, low = jnp.uint32(factor >> 32), jnp.uint32(factor & _LOW)
    a_low, a_high = a[1] & 0xFFFF, a[1] >> 16
    b_low, b_high = low & 0xFFFF, low >> 16
    middle = ((a_low * b_low) >> 16) + ((a_low * b_high) & 0xFFFF) + ((a_high * b_low) & 0xFFFF)
    carried = a_high * b_high + ((a_low * b_high) >> 16) + ((a_high * b_low) >> 16) + (middle >> 16)
    return carried + a[0] * low + a[1] * high, a[1] * low
