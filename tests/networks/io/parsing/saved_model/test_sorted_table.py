"""Tables written by hand, with right checksums, that claim what they do not hold."""

import pytest

from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.saved_model.crc32c import crc32c, masked
from dreamfilters.networks.io.parsing.saved_model.sorted_table import read_table

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")


def varint(value):
    digits = []
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def entry(shared, key, value):
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


def block(*entries, kind=0):
    data = b"".join(entries) + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes([kind])
    return data + masked(crc32c(data)).to_bytes(4, "little")


def table(*blocks, places=None):
    """A table of these blocks; `places` replaces those that its index names."""
    data, found = b"", []
    for one in blocks:
        found.append((len(data), len(one) - 5))
        data += one
    handles = [entry(0, b"%d" % n, varint(a) + varint(b)) for n, (a, b) in enumerate(places or found)]
    index = block(*handles)
    start = len(data)
    footer = varint(0) + varint(0) + varint(start) + varint(len(index) - 5)
    return data + index + footer.ljust(40, b"\0") + MAGIC


FIRST = block(entry(0, b"apple", b"1"), entry(4, b"y", b"22"))


def test_keys_share_their_starts():
    found = read_table(table(FIRST, block(entry(0, b"b", b""))))
    assert {key: bytes(value) for key, value in found.items()} == {b"apple": b"1", b"apply": b"22", b"b": b""}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (table(FIRST, FIRST), "it has the key 'apple' twice"),
        (table(FIRST, places=[(0, len(FIRST) - 5)] * 1000), "its blocks overlap"),
        (table(FIRST, places=[(10**6, 10)]), "a block is beyond its end"),
        (table(FIRST[:3] + b"x" + FIRST[4:]), "the checksum of a block differs"),
        (table(block(entry(0, b"a", b""), kind=1)), "it is compressed"),
        (table(block(entry(5, b"a", b""))), "a key is longer than its block"),
        (table(block(varint(0) + varint(2**40) + varint(0))), "a key is longer than its block"),
        (table(block(b"\xff" * 12)), "a number is too long"),
    ],
)
def test_false_tables_are_refused(data, words):
    with pytest.raises(ValueError, match=words):
        read_table(data)


def test_the_keys_are_bounded(monkeypatch):
    """Each entry takes five bytes and adds one letter to the previous key, so that keys grow with the square."""
    data = table(block(entry(0, b"a", b""), *(entry(n, b"a", b"") for n in range(1, 2000))))
    assert len(data) < 15_000
    assert sum(map(len, read_table(data))) == 2000 * 2001 // 2
    monkeypatch.setattr(limits, "LARGEST_NAMES", 100_000)
    with pytest.raises(ValueError, match="keys, or too long ones"):
        read_table(data)
    monkeypatch.undo()
    monkeypatch.setattr(limits, "MOST_OBJECTS", 100)
    with pytest.raises(ValueError, match="it has more than 100 keys"):
        read_table(data)
