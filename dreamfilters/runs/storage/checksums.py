"""The checksum of a file."""

import hashlib


def sha256(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits.

    >>> sha256(b"abc")[:8]
    'ba7816bf'
    """
    return hashlib.sha256(content).hexdigest()
