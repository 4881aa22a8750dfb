"""The frame of every page: text escaped, images as data URIs, and a content security policy for the page's parts."""

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
import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from dreamfilters.display import image_uri
from dreamfilters.images import heat
from dreamfilters.number_format import grouped, number, percent
from dreamfilters.report.charts import HEIGHT, WIDTH, bar_chart, line_chart

_LARGE, _SMALL = 192, 64  # longer side in pixels, of an image in a row and of a thumbnail
_RAMP = 128  # pixels of the color scale


def rendered(template: str, styles: Sequence[str] = (), scripts: Sequence[str] = (), **values: Any) -> str:
    """Return a page, with the hashes of its style and scripts in its policy.

    Args:
        template: a file of `templates` that extends `frame.html`.
        styles: files of `templates` after `base.css`, which every page has.
        scripts: files of `templates` that the page runs, in this order.
        values: the variables of the template.
    """
    style = "".join(map(_text, ("base.css", *styles))).strip()
    code = "".join(map(_text, scripts)).strip()
    return _templates().get_template(template).render(
        style=Markup(style), script=Markup(code), style_hash=_digest(style), script_hash=_digest(code),
        **values,
    )  # fmt: skip


def script_json(values: Any) -> Markup:
    """Return JSON for a script element: nothing in it can end the element or begin another.

    >>> script_json("</script>")
    Markup('"\\\\u003c/script\\\\u003e"')
    """
    text = json.dumps(values, ensure_ascii=True)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # every character that HTML interprets is escaped


def anchors(names: Iterable[str]) -> list[str]:
    """Return a unique id for each name, of letters, digits and hyphens.

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
    """Return the hash of a text as a content security policy writes it."""
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
        shown=shown_uri,
        pixels=pixels_uri,
        heatmap=map_uri,
        bar_chart=bar_chart,
        line_chart=line_chart,
        number=number,
        grouped=grouped,
        percent=percent,
        kind=lambda words: str(words).replace(" ", "-"),
    )
    environment.globals.update(
        ramp=ramp_uri(), size=(WIDTH, HEIGHT), percent_of=lambda share: percent(share, 1).replace(" ", "\u00a0")
    )
    return environment


def shown_uri(image: ArrayLike, *, small: bool = False) -> str:
    """Return an image (h, w, c) of any number of channels, no larger than a page shows it."""
    return image_uri(image, _SMALL if small else _LARGE)


def pixels_uri(image: ArrayLike) -> str:
    """Return an image (h, w, c) of any number of channels at its own size."""
    return image_uri(image)


def map_uri(values: ArrayLike, top: float, low: float = 0.0) -> str:
    """Return a map (h, w) as a heatmap from `low` to `top`, one pixel a position."""
    return image_uri(heat(values, low=low, high=top))


def ramp_uri() -> str:
    """Return the colors of a heatmap in one row, from the lowest to the highest."""
    return image_uri(heat(np.linspace(0, 1, _RAMP)[None]))
