import numpy as np
import pytest

from dreamfilters.networks.io.parsing.saved_model.crc32c import crc32c, masked


def by_bits(data):
    """The definition, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 123, 124, 125, 128, 129, 255, 256, 1000, 3001])
def test_the_checksum_is_that_of_its_definition(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == by_bits(data)
    assert crc32c(data[size // 3 :], crc32c(data[: size // 3])) == by_bits(data)


def test_vectors_of_rfc_3720():
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_long_data_in_pieces():
    data = np.random.default_rng(0).bytes(2**19 + 77)
    assert crc32c(data) == crc32c(data[1000:], crc32c(data[:1000]))


def test_the_mask_of_leveldb():
    """`crc32c_test.cc` of LevelDB: the mask changes a checksum, and can be inverted."""
    crc = crc32c(b"foo")
    rotated = (masked(crc) - 0xA282EAD8) & 0xFFFFFFFF
    assert (rotated >> 17 | rotated << 15) & 0xFFFFFFFF == crc != masked(crc)
