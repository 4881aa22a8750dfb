"""Changes of TOML, CSV and plain text: lines of other types and sizes, and text that is hard to parse."""

from __future__ import annotations

import numpy as np

from tests.fuzz.mutations.raw_bytes import damaged

TOML = (
    "size = [100000, 100000]", "size = true", "size = -3", "size = [0, 8]", "size = 1e9", "size = [[8, 8]]",
    'range = ["a", "b"]', "range = [nan, inf]", "range = [1, 1]", "range = [0]", "range = 1e400", "mean = []",
    "mean = [1e308, -1e308, nan]", "std = 0", "std = [0, 0, 0]", "std = -1", "scale = 0", "scale = nan", "bits = 99",
    "bits = -1", "order = 7", 'order = "\\u0000"', 'resize = ""', 'classes = "../secret.txt"',
    'classes = "/etc/passwd"',
    'classes = "/dev/zero"', 'classes = "pipe.txt"', 'classes = "link.txt"', 'classes = "big.txt"', "classes = 5",
    'classes = ""', 'classes = "."', 'classes = "a\\u0000b"', "classes = []", 'classes = ["\\u001b[31m", "b", "c"]',
    'inputs.x = "../secret.txt"', 'inputs."" = 1', "inputs = 3", "inputs.a.b = 1", "standardized = 1", "[size]",
    "[[range]]", "a" + ".a" * 20_000 + " = 1", "x = " + "[" * 3_000, "x = " + "[" * 400 + "]" * 400,
    "x = " + "{a=" * 2_000 + "1" + "}" * 2_000, "x = " + "9" * 5_000, "x = 1979-05-27T07:32:00Z", "x = 99999-99-99",
    'x = """' + "y" * 200_000 + '"""', 'x = """', "x = '", "x", "= 1", "\x00", "\x7f", "\ufeff", "size = 8\nsize = 8",
    "[a.b]\n[a]\n[a.b]", "steps = -1", "steps = 1e99", "steps = true", "octaves = 1000000000", 'kind = "eval"',
    "[optimizer]\nrate = nan", "[[transforms]]\n" * 3_000, '[parameterization]\nkind = "x"\nsize = [1000000000]',
    "x = 0x" + "f" * 10_000, 'seed = "x"', "[tool.dreamfilters]\nx = 1",
)  # fmt: skip
CSV = (
    "x" * 200_000, '"' * 3, '"unclosed', ",,,,", "1,2,3,4", "-1,x", "0,a", "0,b", "9" * 5_000 + ",a", "\x00",
    "\x00,\x00",
    "é,ü", "\u0660,arabic zero", "²,a", "1e3,a", "true,false", "../secret.txt,a", "/dev/zero,b", "a\rb", "\x1b[31m,x",
    "number,name", "Path,ClassId", "Path;ClassId", "filename\tlabel", "", " ", "{", "[]", "null", "0,a\n" * 5_000,
    ",".join("a" * 5_000), '"' + "a\n" * 500 + '"', "\ufeff0,a", "\u2028", "0;a", "0\ta",
)  # fmt: skip
_ENDS = ("\n", "\r\n", "\r", "\x0b", "\u2028", "")


def changed(text: str, chance: np.random.Generator, lines: tuple[str, ...]) -> bytes:
    """Return a text after one to four changes; `lines` are lines that are hard for its reader."""
    rows = text.splitlines()
    for _ in range(chance.integers(1, 5)):
        at = int(chance.integers(len(rows) + 1))
        hard = lines[chance.integers(len(lines))]
        match chance.integers(6):
            case 0 if at < len(rows):
                del rows[at]
            case 1 if at < len(rows):
                rows.insert(at, rows[at])
            case 2 if at < len(rows):
                rows[at] = hard
            case 3 if at < len(rows) and "=" in rows[at]:
                rows[at] = f"{rows[at].partition('=')[0]}={hard.partition('=')[2] or hard}"
            case 4 if at < len(rows) and "," in rows[at]:
                cells = rows[at].split(",")
                cells[chance.integers(len(cells))] = hard
                rows[at] = ",".join(cells)
            case _:
                rows.insert(at, hard)
    end = "\n" if chance.random() < 0.8 else _ENDS[chance.integers(len(_ENDS))]
    encoding = "utf-8" if chance.random() < 0.93 else str(chance.choice(["utf-16", "latin-1", "utf-8-sig", "utf-32"]))
    content = end.join([*rows, ""]).encode(encoding, "replace")
    return damaged(content, chance) if chance.random() < 0.25 else content
