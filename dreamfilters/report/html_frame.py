"""Every page of this house: one frame, everything escaped, and a policy that lets nothing in but its own parts."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from dreamfilters.report.charts import HEIGHT, WIDTH
from dreamfilters.report.data_uris import image_uri, map_uri, pixels_uri, ramp_uri, shown_uri
from dreamfilters.report.number_format import grouped, number, percent


def rendered(template: str, styles: Sequence[str] = (), script: str = "", **things: Any) -> str:
    """Return a page, with the hashes of its own style and script for its policy.

    Args:
        template: a file of this package that extends `frame.html`.
        styles: files of this package behind `house.css`, which every page has.
        script: one that the page runs, '' if none.
        things: what the template names.
    """
    style = "".join(map(_text, ("house.css", *styles))).strip()
    code = _text(script).strip() if script else ""
    return _templates().get_template(template).render(
        style=Markup(style), script=Markup(code), style_hash=_digest(style), script_hash=_digest(code),
        **things,
    )  # fmt: skip


def script_json(values: Any) -> Markup:
    """Return JSON that a script element can hold: nothing in it can end the element or begin another.

    >>> script_json("</script>")
    Markup('"\\\\u003c/script\\\\u003e"')
    """
    text = json.dumps(values, ensure_ascii=True)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # every letter that HTML knows is escaped


def anchors(names: Iterable[str]) -> list[str]:
    """Return an id for each name, of letters, digits and hyphens; no two are equal.

    >>> anchors(["unit conv1:0", "unit conv1-0"])
    ['unit-conv1-0', 'unit-conv1-0-2']
    """
    taken: dict[str, None] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "part"
        tries = itertools.chain([plain], (f"{plain}-{count}" for count in itertools.count(2)))
        taken[next(anchor for anchor in tries if anchor not in taken)] = None
    return list(taken)


def _digest(text: str) -> str:
    """Return what a content security policy calls this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _text(name: str) -> str:
    return resources.files("dreamfilters.report").joinpath("templates", name).read_text("utf-8")


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        image=image_uri,
        shown=shown_uri,
        pixels=pixels_uri,
        heated=map_uri,
        number=number,
        grouped=grouped,
        percent=percent,
        kind=lambda words: str(words).replace(" ", "-"),
    )
    environment.globals.update(ramp=ramp_uri(), chart=(WIDTH, HEIGHT))
    return environment
