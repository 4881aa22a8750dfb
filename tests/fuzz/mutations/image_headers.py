"""Changes of image and array files in their headers, with checksums made right again."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from tests.fuzz.mutations import archive_members, raw_bytes

_FIRST = 160  # bytes that hold the sizes in most formats
_NUMPY = re.compile(rb"\(\d[\d, ]*\)|'<\w+'|'\|\w+'|True|False")
_NUMPY_VALUES = (b"(100000, 100000, 3)", b"(9223372036854775807,)", b"(-1, 3)", b"()", b"(0, 0)", b"'|O'", b"'<f2'",
                 b"'|S999999999'", b"'<c16'", b"'<M8[s]'", b"'|b1'", b"1e9", b"(" * 200 + b")" * 200)  # fmt: skip


def changed(content: bytes, chance: np.random.Generator, others: Sequence[bytes]) -> bytes:
    """Return a file with changed headers, or damaged anywhere; `others` are files to splice with."""
    if chance.random() < 0.3:
        return raw_bytes.damaged(content, chance, others)
    return next(change for magic, change in _BY_MAGIC.items() if content.startswith(magic))(content, chance)


def png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return name and content of each chunk of a PNG."""
    chunks, at = [], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png_of(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks, each with the right length and checksum."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _png(content: bytes, chance: np.random.Generator) -> bytes:
    chunks = png_chunks(content)
    at = int(chance.integers(len(chunks)))
    name, data = chunks[at]
    match chance.integers(8):
        case 0 | 1 | 2:
            head = raw_bytes.overwritten(chunks[0][1], int(chance.integers(13)), chance)[:13]
            chunks[0] = (b"IHDR", head)
        case 3:
            chunks.insert(int(chance.integers(1, len(chunks))), _extra_chunk(chance))
        case 4:
            del chunks[at]
        case 5:
            chunks.insert(at, chunks[chance.integers(len(chunks))])
        case 6:
            bomb = zlib.compress(bytes(int(chance.integers(1, 20_000_000))))
            chunks = [(b"IDAT", bomb) if kind == b"IDAT" else (kind, inside) for kind, inside in chunks]
        case _:
            chunks[at] = (name, raw_bytes.damaged(data, chance))
    result = png_of(chunks)
    return raw_bytes.overwritten(result, int(chance.integers(8, 60)), chance) if chance.random() < 0.2 else result


def _extra_chunk(chance: np.random.Generator) -> tuple[bytes, bytes]:
    packed = zlib.compress(bytes(int(chance.integers(1, 5_000_000))))
    names = (b"iCCP", b"zTXt", b"iTXt", b"tEXt", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"gAMA", b"pHYs", b"IEND")
    contents = (
        b"", b"x\0\0" + packed, b"x\0\1\0\0\0" + packed, b"II*\0\x08\0\0\0\1\0\x12\1\3\0\xff\xff\xff\xff\6\0\0\0",
        bytes(chance.integers(0, 256, 40, dtype=np.uint8)), struct.pack(">II", 2**31 - 1, 0),
    )  # fmt: skip
    return names[chance.integers(len(names))], contents[chance.integers(len(contents))]


def _jpeg(content: bytes, chance: np.random.Generator) -> bytes:
    """Overwrite something in a segment, or repeat one."""
    starts = [found.start() for found in re.finditer(rb"\xff[\xc0-\xfe]", content)]
    start = starts[chance.integers(len(starts))]
    if chance.random() < 0.25:
        length = int.from_bytes(content[start + 2 : start + 4], "big")
        segment = content[start : start + 2 + length]
        return content[:start] + segment * int(chance.integers(2, 40)) + content[start + len(segment) :]
    return raw_bytes.overwritten(content, start + int(chance.integers(1, 24)), chance)


def _tiff(content: bytes, chance: np.random.Generator) -> bytes:
    """Change an entry of the directory: tag, type, count or value."""
    order = "little" if content[:2] == b"II" else "big"
    start = int.from_bytes(content[4:8], order)
    count = int.from_bytes(content[start : start + 2], order)
    for _ in range(chance.integers(1, 4)):
        entry = start + 2 + 12 * int(chance.integers(count + 1))  # the last one is where the next directory starts
        at = entry + int(chance.choice([0, 2, 4, 8]))
        width = 2 if at - entry < 4 else 4
        values = (
            *raw_bytes.INTEGERS,
            start,
            entry,
            254,
            256,
            257,
            258,
            259,
            262,
            273,
            277,
            278,
            279,
            284,
            320,
            322,
            339,
        )
        value = values[chance.integers(len(values))] % 2 ** (8 * width)
        content = content[:at] + value.to_bytes(width, order) + content[at + width :]
    return content


def _numpy(content: bytes, chance: np.random.Generator) -> bytes:
    found = list(_NUMPY.finditer(content, 0, _FIRST))
    if not found or chance.random() < 0.2:
        return raw_bytes.overwritten(content, int(chance.integers(min(_FIRST, len(content)))), chance)
    token = found[chance.integers(len(found))]
    head_end = content.index(b"\n") + 1
    text = content[10 : token.start()] + _NUMPY_VALUES[chance.integers(len(_NUMPY_VALUES))]
    text = (text + content[token.end() : head_end]).rstrip() + b"\n"
    text = text[:-1].ljust(-(-(len(text) + 10) // 64) * 64 - 11) + b"\n"
    return content[:8] + struct.pack("<H", len(text)) + text + content[head_end:]


def _npz(content: bytes, chance: np.random.Generator) -> bytes:
    return archive_members.changed(content, chance, {".npy": _numpy})


def _words(content: bytes, chance: np.random.Generator) -> bytes:
    """Change a number in the header of a PPM."""
    found = list(re.finditer(rb"\d+", content[:40]))
    token = found[chance.integers(len(found))]
    values = (b"0", b"-1", b"99999999", b"9" * 500, b"65535", b"1", b"#", b"")
    return content[: token.start()] + values[chance.integers(len(values))] + content[token.end() :]


def _first_bytes(content: bytes, chance: np.random.Generator) -> bytes:
    for _ in range(chance.integers(1, 4)):
        content = raw_bytes.overwritten(content, int(chance.integers(2, min(_FIRST, len(content)))), chance)
    return content


_BY_MAGIC: dict[bytes, Callable[[bytes, np.random.Generator], bytes]] = {
    b"\x89PNG": _png, b"\xff\xd8": _jpeg, b"II": _tiff, b"MM": _tiff, b"\x93NUMPY": _numpy, b"PK": _npz, b"P": _words,
    b"": _first_bytes,  # BMP, GIF, WebP, AVIF
}  # fmt: skip
npz_changed = _npz
png_changed = _png
