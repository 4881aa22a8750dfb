"""Summaries as TensorBoard reads them: event files, TFRecords of protocol buffers, written without TensorFlow.

Sources: tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto, and for the records
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import OutputError
from dreamfilters.images import png_bytes
from dreamfilters.networks.io.parsing.saved_model.crc32c import crc32c, masked

VERSION = "brain.Event:2"
MOST_STEPS = 2**63 - 1
_BINS = 30  # of a histogram, as in tf.summary.histogram
_DOUBLE, _BYTES, _FLOAT = 1, 2, 5  # kinds of fields


def event_file(
    step: int,
    seconds: float,
    *,
    scalars: Mapping[str, float],
    images: Mapping[str, ArrayLike],
    histograms: Mapping[str, ArrayLike],
    begins: bool = True,
) -> bytes:
    """Return an event file with the summaries of one step.

    Args:
        step: of the training, 0 or more.
        seconds: the time, since 1970.
        scalars: tag -> number.
        images: tag -> image (h, w, c) in [0, 1].
        histograms: tag -> numbers, of which finite ones are counted.
        begins: whether to begin with the version; False for further steps of a file.

    Raises:
        OutputError: the step is no number of 63 bits.

    Example:
        >>> event_file(3, 0.0, scalars={"loss": 0.5}, images={}, histograms={})[23:36]
        b'brain.Event:2'
    """
    if not 0 <= step <= MOST_STEPS:
        raise OutputError(f"step={step}: must be 0 to {MOST_STEPS}")
    values = [_value(tag, _float(2, number)) for tag, number in scalars.items()]
    values += [_value(tag, _message(4, _image(image))) for tag, image in images.items()]
    values += [_value(tag, _message(5, _histogram(_finite(numbers)))) for tag, numbers in histograms.items()]
    head = [_double(1, seconds) + _message(3, VERSION.encode())] if begins else []
    events = [*head, *(_double(1, seconds) + _varint_field(2, step) + _message(5, value) for value in values)]
    return b"".join(map(_record, events))


def _record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _checksum(length) + event + _checksum(event)


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", masked(crc32c(data)))


def _value(tag: str, content: bytes) -> bytes:
    return _message(1, _message(1, tag.encode("utf-8", "replace")) + content)


def _image(image: ArrayLike) -> bytes:
    height, width, channels = np.shape(image)
    sizes = b"".join(_varint_field(number, side) for number, side in enumerate((height, width, channels), start=1))
    return sizes + _message(4, png_bytes(image))


def _histogram(values: NDArray[np.float64]) -> bytes:
    counts, edges = np.histogram(values, _BINS, _range_of(values)) if values.size else (np.zeros(1), np.zeros(2))
    numbers = (
        values.min(initial=edges[-1]),
        values.max(initial=edges[0]),
        values.size,
        values.sum(),
        (values**2).sum(),
    )
    head = b"".join(_double(number, float(value)) for number, value in enumerate(numbers, start=1))
    return head + _doubles(6, edges[1:].tolist()) + _doubles(7, counts.tolist())


def _range_of(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the range of the bins: of the values, or wider around values that are equal but for rounding."""
    low, high = float(values.min()), float(values.max())
    largest = max(abs(low), abs(high))
    if high - low > 2 * _BINS * np.spacing(largest):
        return low, high
    margin = max(0.5, largest / 1024)
    return low - margin, high + margin


def _finite(numbers: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(numbers, np.float64).ravel()
    return values[np.isfinite(values)]


def _doubles(number: int, values: Sequence[float]) -> bytes:
    return _message(number, struct.pack(f"<{len(values)}d", *values))


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | _DOUBLE) + struct.pack("<d", value)


def _float(number: int, value: float) -> bytes:
    with np.errstate(over="ignore"):  # a number beyond the range becomes infinite
        return _varint(number << 3 | _FLOAT) + struct.pack("<f", np.float32(value))


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts: Iterable[int] = ()
    while value > 127:
        parts, value = (*parts, value & 127 | 128), value >> 7
    return bytes((*parts, value))
