"""Quality: class dreams shown to strangers' networks, each in its own input form. Who recognizes them?"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import dreamfilters.dreams.engine as engine
from dreamfilters.dreams import recipe as recipes
from dreamfilters.images import resize
from dreamfilters.networks import LOGITS, InputForm, Network, load

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FOLDER = SHARED / "models" / "traffic-signs"
_STRING_ORDER = np.argsort(np.argsort([str(number) for number in range(43)]))  # class -> output, sorted as text

# file, input form, whether its outputs are in the order of the class numbers written as text
_BYTES = InputForm.from_range(0, 255, size=(30, 30))
STRANGERS = (
    ("001sapna__traffic_classifier__traffic_classifier.keras", InputForm(size=(30, 30)), False),
    ("Abis47__Traffic-Sign-Recognition__traffic_classifier.h5", _BYTES, False),
    ("Tejadithya__traffic-sign-detection-with-GUI-__traffic_classifier.keras", _BYTES, False),
    ("zafermesut__german-traffic-sign-recognition__gtsrb_model.h5", InputForm(size=(32, 32), order="BGR"), False),
    ("seymaferhan__Capstone-Project__gtsrb.h5", InputForm(size=(32, 32)), True),
    ("shashankbudem__Road-sign-with-computer-vision__TSR.h5", _BYTES, False),
    # By the six above the settings of "natural" were chosen; these three took no part in it.
    ("ujansen__Traffic-Sign-Classification__traffic_sign_classifier.h5", _BYTES, False),
    ("dario-santos__German-Traffic-Sign-Recognition__gtsrb_model.h5", InputForm(size=(64, 64)), False),
    (
        "ro-nav__Traffic-Signs-Recognition__traffic_classifier.keras",
        InputForm.from_range(0, 255, size=(30, 30), order="BGR"),
        False,
    ),
)  # fmt: skip


def strangers() -> list[tuple[str, Network, bool]]:
    """Open those networks that are there."""
    return [
        (name.split("__")[0], load(FOLDER / name, form=form), as_text)
        for name, form, as_text in STRANGERS
        if (FOLDER / name).exists()
    ]


def answers(network: Network, images: np.ndarray, as_text: bool) -> np.ndarray:
    """Return the class that a network names for each image (n, h, w, 3)."""
    shown = np.stack([resize(image, network.form.size) for image in images])
    seen = network.watch(frozenset({LOGITS}))(network.form.to_input(shown))[LOGITS]
    named = np.argmax(np.asarray(seen), axis=1)
    return np.argsort(_STRING_ORDER)[named] if as_text else named


def recognized(
    source: Network, recipe: recipes.Recipe, judges: list[tuple[str, Network, bool]], seed: int = 7
) -> dict[str, object]:
    """Dream every class and count who recognizes it."""
    began = time.perf_counter()
    dreams = engine.dream(source, "class:*", recipe, seed=seed)
    seconds = time.perf_counter() - began
    images = np.stack([dream.image for dream in dreams])
    truth = np.arange(len(dreams))
    hits = {name: answers(network, images, as_text) == truth for name, network, as_text in judges}
    return {
        "share": float(np.mean(list(hits.values()))),
        "by_network": {name: float(np.mean(hit)) for name, hit in hits.items()},
        "by_class": np.mean(list(hits.values()), axis=0),
        "images": images,
        "seconds": seconds,
    }
