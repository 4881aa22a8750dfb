"""Retired words do not return: one word for one thing, as in the glossary of CONTRIBUTING.md.

`python -m tests.test_words [PATH ...]` lists the lines that still use one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".pyi", ".html", ".css", ".js", ".ts", ".md", ".toml", ".yml", ".svg"}
SEARCHED = ("dreamfilters", "docs", "configs", "README.md", "CONTRIBUTING.md")

# Each retired word or phrase, and what to write.
RETIRED = {
    r"pictures?|photos?|photograph(?:s|ed|ic)?|sights?": "image (given) or dream (made)",
    r"dreamt|dreaming": "dreamed; iter_dreams",
    r"woken|woke|wakes?|waking|wakened": "activated, activates",
    r"rescue[sd]?|rescuing": "recovered by, fallback",
    r"taken for": "predicted as",
    r"surest|guess|guesses|guessed": "top prediction, prediction",
    r"answers?|answered": "response; for HTTP: response",
    r"deviations?": "std (only 'standard deviation' in full is fine)",
    r"leaders": "top-k",
    r"kinship|carriers?": "unit matching, logit attribution",
    r"by itself": "default: ..., separately, alone",
    r"anew": "again, new",
    r"chance;": "Random seed.",
    r"where to[;.]": "Output directory.",
    r"whoever|somebody|nobody|whom|strangers?": "name the subject: a user, a model, an untrusted file",
    r"wants|asks|asked|tells|told|speaks|climb\w*|held against": "maximizes, requires, states, ascent, compared with",
    r"at hand|worth a look|seat belt": "a literal phrase",
    r"desk|studio|album|albums": "worker, service, run folder",
    r"colour\w*|grey\w*|behaviour\w*|neighbour\w*|centre\w*|favour\w*|licence|analyse[sd]?": "US spelling",
    r"(?:normal|equal|initial|optim|recogn|visual|standard|quant|organ|regular)is(?:e[drs]?|ing|ations?|ers)": "-ize",
}
PATTERN = re.compile(rf"\b(?:{'|'.join(RETIRED)})(?!\w)", re.IGNORECASE)

# Where a retired word is right: part of a path -> pattern of the text, with the reason.
ALLOWED = {
    "": r"standard deviations?",  # the statistics term in full
    "CONTRIBUTING.md": r"\| never \|.*|^\|.*\|.*\|.*\|$",  # the glossary names the words it retires
}


def files(under: tuple[str, ...] = SEARCHED) -> Iterator[Path]:
    """Every text file of the repository that a person reads, except vendored code."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *under], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in SUFFIXES and "vendor" not in path.parts and path.exists():
            yield path


def uses(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, word and line of every retired word in a file."""
    name = path.relative_to(ROOT).as_posix()
    allowed = [re.compile(pattern, re.IGNORECASE) for part, pattern in ALLOWED.items() if name.startswith(part)]
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        text = line
        for pattern in allowed:
            text = pattern.sub("", text)
        for found in PATTERN.finditer(text):
            yield number, found[0], line.strip()


def test_no_retired_word_is_used():
    found = [f"{path.relative_to(ROOT)}:{number}: {word}" for path in files() for number, word, _ in uses(path)]
    assert not found, "\n".join(found)


def test_a_percentage_has_a_space():
    """One format in tables, pages and the viewer: "12 %", as `number_format.percent` and `formatPercent` write it."""
    python = re.compile(r"\.\d%\}|\b(?:are|is|of|to|chance:|best|about) \d+%")
    script = re.compile(r"toFixed\(\d\)\}%|Math\.round\(100 \* \w+\)\}%")
    patterns = {".py": python, ".js": script}
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files(("dreamfilters",))  # styles ("width: 12%") are not read
        if path.suffix in patterns
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if patterns[path.suffix].search(line)
    ]
    assert not found, "\n".join(found)
    assert python.search('f"{share:.1%} zeros"')
    assert script.search("`${(100 * share).toFixed(1)}%`")


def test_a_retired_word_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "page.html").write_text("<p>This picture woke it; 2 standard deviations.</p>\nAn image.\n")
    assert [(number, word) for number, word, _ in uses(tmp_path / "page.html")] == [(1, "picture"), (1, "woke")]


if __name__ == "__main__":
    for path in files(tuple(sys.argv[1:]) or SEARCHED):
        for number, word, line in uses(path):
            print(f"{path.relative_to(ROOT)}:{number}: {word}: {line[:120]}")
