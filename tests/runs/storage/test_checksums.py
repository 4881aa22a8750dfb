"""The checksum of a file."""

from dreamfilters.runs.storage.checksums import sha256


def test_the_checksum_is_sha256():
    assert sha256(b"abc").startswith("ba7816bf")  # FIPS 180-2, appendix B.1
