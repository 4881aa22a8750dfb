"""Independently trained traffic-sign networks that classify class dreams, each with its own input form."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import dreamfilters.dreams.engine as engine
from dreamfilters.dreams import recipe as recipes
from dreamfilters.evidence.activations import activations
from dreamfilters.images import image_folder
from dreamfilters.networks import LOGITS, InputForm, Network, load

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FOLDER = SHARED / "models" / "traffic-signs"
_STRING_ORDER = np.argsort(np.argsort([str(number) for number in range(43)]))  # class -> output, sorted as text

# file, input form, whether its outputs are in the order of the class numbers written as text
_BYTES = InputForm.from_range(0, 255, size=(30, 30))
NETWORKS = (
    ("001sapna__traffic_classifier__traffic_classifier.keras", InputForm(size=(30, 30)), False),
    ("Abis47__Traffic-Sign-Recognition__traffic_classifier.h5", _BYTES, False),
    ("Tejadithya__traffic-sign-detection-with-GUI-__traffic_classifier.keras", _BYTES, False),
    ("zafermesut__german-traffic-sign-recognition__gtsrb_model.h5", InputForm(size=(32, 32), order="BGR"), False),
    ("seymaferhan__Capstone-Project__gtsrb.h5", InputForm(size=(32, 32)), True),
    ("shashankbudem__Road-sign-with-computer-vision__TSR.h5", _BYTES, False),
    # the settings of "natural" were chosen with the six above; these three are held out
    ("ujansen__Traffic-Sign-Classification__traffic_sign_classifier.h5", _BYTES, False),
    ("dario-santos__German-Traffic-Sign-Recognition__gtsrb_model.h5", InputForm(size=(64, 64)), False),
    (
        "ro-nav__Traffic-Signs-Recognition__traffic_classifier.keras",
        InputForm.from_range(0, 255, size=(30, 30), order="BGR"),
        False,
    ),
)  # fmt: skip


_CAFFE = InputForm(size=(227, 227), mean=(123 / 255, 117 / 255, 104 / 255), std=(1 / 255,) * 3)


def external_networks() -> list[tuple[str, Network, bool]]:
    """Return the networks whose files exist."""
    return [
        (name.split("__")[0], load(FOLDER / name, form=form), as_text)
        for name, form, as_text in NETWORKS
        if (FOLDER / name).exists()
    ]


def networks_with_images(count: int) -> list[tuple[str, Network, np.ndarray]]:
    """Return networks of several kinds, each with (n, h, w, 3) real images of its size, where the files exist.

    The sign networks, `signs` among them, have test images of traffic signs; SqueezeNet and a network of CIFAR-10 have
    images of ImageNet.
    """
    signs, imagenet = SHARED / "data" / "gtsrb" / "test_32.zip", SHARED / "data" / "photos"
    squeezenet = SHARED / "models" / "imagenet" / "squeezenet_v1.1.keras"
    cifar = SHARED / "models" / "others" / "sudo-sidd__Cifar10-CNN__cifar10_model.keras"
    found: list[tuple[str, Network, np.ndarray]] = []
    if signs.exists():
        networks = [("signs", load("signs")), *((name, network) for name, network, _ in external_networks())]
        images = _images_in(signs, count)
        found += [(name, network, _fitted(network, images)) for name, network in networks]
    if imagenet.exists():
        forms = {squeezenet: _CAFFE, cifar: InputForm(size=(32, 32))}
        images = [image for _, image in image_folder(imagenet).only(range(count))]
        for file, form in forms.items():
            if file.exists():
                network = load(file, form=form)
                found.append((file.name.split("__")[0].removesuffix(".keras"), network, _fitted(network, images)))
    return found


def _images_in(archive: Path, count: int) -> list[np.ndarray]:
    """Return images of a zip file, evenly spread over it."""
    with zipfile.ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.endswith(".webp"))
        chosen = [names[place] for place in np.linspace(0, len(names) - 1, count).astype(int)]
        return [
            np.asarray(Image.open(io.BytesIO(files.read(name))).convert("RGB"), np.float32) / 255 for name in chosen
        ]


def _fitted(network: Network, images: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([network.form.fit(image) for image in images])


def outputs_of(as_text: bool) -> np.ndarray:
    """Return the output of each class."""
    return _STRING_ORDER if as_text else np.arange(len(_STRING_ORDER))


def predicted_classes(network: Network, images: np.ndarray, as_text: bool) -> np.ndarray:
    """Return the predicted class of each image (n, h, w, 3)."""
    logits = activations(network, images, [LOGITS])[LOGITS]
    return np.argsort(outputs_of(as_text))[np.argmax(logits, axis=1)]


def recognized(
    source: Network, recipe: recipes.Recipe, judges: list[tuple[str, Network, bool]], seed: int = 7
) -> dict[str, object]:
    """Dream every class and return the share of networks that predict it."""
    began = time.perf_counter()
    dreams = engine.dream(source, "class:*", recipe, seed=seed)
    seconds = time.perf_counter() - began
    images = np.stack([dream.image for dream in dreams])
    truth = np.arange(len(dreams))
    hits = {name: predicted_classes(network, images, as_text) == truth for name, network, as_text in judges}
    return {
        "share": float(np.mean(list(hits.values()))),
        "by_network": {name: float(np.mean(hit)) for name, hit in hits.items()},
        "by_class": np.mean(list(hits.values()), axis=0),
        "images": images,
        "seconds": seconds,
    }
