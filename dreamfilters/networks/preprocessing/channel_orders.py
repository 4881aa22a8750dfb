"""The channel orders and bits that an input form can have, and their checks, without TensorFlow."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from dreamfilters.errors import InputFormError

Order: TypeAlias = Literal["RGB", "BGR", "gray", "equalized", "channels"]
ORDERS: tuple[Order, ...] = get_args(Order)
LEAST_BITS, MOST_BITS = 9, 16  # of the values in image files of 16 bits


def check_order(order: str) -> None:
    """Raise InputFormError if there is no such order."""
    if order not in ORDERS:
        raise InputFormError(f"order={order!r}: one of {', '.join(ORDERS)}")


def check_bits(bits: int) -> None:
    """Raise InputFormError if files of 16 bits cannot hold values of so many bits."""
    if not LEAST_BITS <= bits <= MOST_BITS:
        raise InputFormError(f"bits={bits}: must be {LEAST_BITS} to {MOST_BITS}, of the values in files of 16 bits")


def check_range(low: float, high: float) -> None:
    """Raise InputFormError if the value of white is not above that of black."""
    if not high > low:
        raise InputFormError(f"range=[{low:g}, {high:g}]: the second number must be above the first")
