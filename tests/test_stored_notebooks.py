"""The notebooks of the documentation run, and say what they have stored; images are compared by their number only."""

from __future__ import annotations

import json
import re

import pytest

from docs.notebook_pages import executed, notebooks, output_text
from tests.notebooks import needs_notebooks

TIMES = re.compile(r"[0-9.e-]+ s\b|[0-9.]+ % of the training time|\([0-9]+ bytes\)|image of [0-9]+ bytes")
NUMBER = re.compile(r"[0-9]+\.[0-9]+(?:e[-+]?[0-9]+)?(?: ?%)?|[0-9]+ ?%")  # whole numbers are counts: text
CLOSE = 0.05  # numbers of a training differ a little between processors


def said(notebook):
    """The source and the outputs of each code cell as text, without times; and the kinds of the outputs."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            texts = [TIMES.sub("TIME", output_text(output)) for output in cell["outputs"]]
            yield "".join(cell["source"]), texts, [sorted(output.get("data", {})) for output in cell["outputs"]]


def differences(stored, found):
    """What two notebooks say differently."""
    for (source, texts, kinds), (_, others, other_kinds) in zip(said(stored), said(found), strict=True):
        label = source.splitlines()[-1]
        if kinds != other_kinds:
            yield f"{label}: outputs {kinds}, now {other_kinds}"
        for text, other in zip(texts, others, strict=False):
            if NUMBER.sub("N", text) != NUMBER.sub("N", other):
                yield f"{label}: {text!r}, now {other!r}"
            for one, now in zip(values(text), values(other), strict=False):
                if now != pytest.approx(one, rel=CLOSE, abs=1e-3):
                    yield f"{label}: {one}, now {now}"


def values(text):
    return [float(number.rstrip(" %")) for number in NUMBER.findall(text)]


@pytest.mark.slow
@pytest.mark.ci
@needs_notebooks
@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_a_notebook_says_what_it_has_stored(path):
    stored = json.loads(path.read_text("utf-8"))
    assert list(differences(stored, executed(path))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("epoch 3 alive 100%", 0),
        ("epoch 3 alive 97%", 0),
        ("epoch 3 alive 90%", 1),
        ("epoch 4 alive 100%", 1),
        ("epoch 3 dead 100%", 1),
    ],
)
def test_a_change_of_a_word_a_count_or_a_number_is_found(text, found):
    def notebook(said):
        return {"cells": [{"cell_type": "code", "source": "run()", "outputs": [{"text": said}]}]}

    assert len(list(differences(notebook("epoch 3 alive 100%"), notebook(text)))) == found
