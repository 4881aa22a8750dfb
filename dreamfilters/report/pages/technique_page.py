"""The page of a technique: a strip for each image or unit, what it states, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamfilters.number_format import grouped
from dreamfilters.report.html_frame import rendered

_SHOWN = 200  # results; the strips of others are in their folders

# Command -> the title of its page, what it shows, and its source.
_TEXTS = {
    "fool": (
        "fooling images",
        "The given image, the perturbation and the fooling image, which the network predicts as the target. A fooling "
        "image shows nothing of the class: it shows how little the network needs.",
        "Szegedy et al. 2014; Nguyen et al. 2015; Madry et al. 2018",
    ),
    "invert": (
        "what each layer keeps",
        "Images made from noise whose activations in a layer are those of the given image. What an inversion lacks, "
        "the layer has dropped. The distance is that of the activations, squared and divided by their squared norm.",
        "Mahendran and Vedaldi 2015",
    ),
    "texture": (
        "textures",
        "Images made from noise in which the units of several layers respond together as in the given image, at other "
        "positions. The distance is that of the Gram matrices, the mean over the layers: 0 is a perfect match.",
        "Gatys, Ecker and Bethge 2015",
    ),
    "style": (
        "style transfer",
        "The content of one image in the texture of another. The numbers are the relative squared distances of the "
        "content's activations and of the style's Gram matrices: 0 is a perfect match.",
        "Gatys, Ecker and Bethge 2016",
    ),
    "facets": (
        "facets of units",
        "Each row is a cluster of the real images that activate the unit most: a dream of the unit that started from "
        "their mean, the mean, and the most typical images. Near a silhouette of 0, the unit has no facets.",
        "Nguyen, Yosinski and Clune 2016",
    ),
    "segment": (
        "segmentation by saliency",
        "The region that the target depends on, grown from the most salient pixels by the colors of the image. The "
        "network was trained for classes only.",
        "Simonyan, Vedaldi and Zisserman 2014; Grady 2006",
    ),
    "unit": (
        "units",
        "Dreams from several seeds, the images that activate the unit most, and their deconvolutions, which show what "
        "in them does. Image and deconvolution are cut to the receptive field of the position with the largest value.",
        "Yosinski et al. 2015; Zeiler and Fergus 2014",
    ),
}


@dataclass(frozen=True)
class PageResult:
    """One result: the name of its image or unit, a line of text, and the paths of its strip and its folder."""

    name: str
    text: str
    strip: str
    folder: str


def technique_page(
    command: str,
    *,
    network: str,
    results: Sequence[PageResult],
    options: Mapping[str, Any],
    files: Mapping[str, str],
    failures: Sequence[tuple[str, str]],
) -> bytes:
    """Return the page; it fetches nothing but the strips in its folder.

    Args:
        command: the technique.
        network: name of the network.
        results: what was made.
        options: the settings of the technique.
        files: name -> what it holds, of the files beside the page.
        failures: name and reason of each image of which nothing could be made.
    """
    title, lead, source = _TEXTS.get(command, (command, "", ""))  # one that was registered has no text here
    shown = {key: _written(value) for key, value in options.items()}
    page = rendered(
        "technique/page.html",
        ("technique/page.css",),
        title=f"{network}: {title}",
        lead=lead,
        source=source,
        results=results[:_SHOWN],
        more=max(0, len(results) - _SHOWN),
        count=grouped(len(results)),
        options={key: text for key, text in shown.items() if text not in ("", "null")},
        files=files,
        failures=failures,
    )
    return page.encode("utf-8", "replace")


def _written(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
