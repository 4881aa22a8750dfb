"""The demo: what the built-in network dreams beside what it sees in the sample images, with no file from anywhere."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path

import numpy as np

from dreamfilters import backend
from dreamfilters.errors import OutputError
from dreamfilters.images import contact_sheet, png_bytes
from dreamfilters.networks import Network, load
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.report.demo.cards import Show, class_section, layer_sections
from dreamfilters.report.demo.page import Page, html
from dreamfilters.signs.rendering.scenes import samples

# STOP, Vorfahrt achten, 30, Vorfahrtstraße, Verbot der Einfahrt, Geradeaus, Baustelle, Kreisverkehr
CLASSES = (14, 13, 1, 12, 17, 35, 25, 40)


def make_demo(folder: Path | str, *, progress: OnProgress | None = None, seed: int = 7) -> Path:
    """Dream filters of every conv layer and some classes of the built-in network, and return the page that shows them.

    `index.html` and `contact-sheet.png` are written into `folder`, which is made if need be.

    Args:
        folder: where to.
        progress: called with the share of the whole that is done.
        seed: chance; the same seed gives the same page.

    Raises:
        OutputError: the folder or a file in it cannot be written.

    Example:
        >>> make_demo("outputs/demo").name
        'index.html'
    """
    folder, overall = _folder(Path(folder)), OverallProgress(progress)
    overall.report(0, "loading the network")
    network = load("signs")
    overall.report(0.05, "rendering the sample images")
    labels, images = zip(*samples(), strict=True)
    page = demo_page(Show(network, np.stack(images), np.array(labels), CLASSES, seed=seed, progress=overall))
    overall.report(0.95, "writing the page")
    path = write_demo(folder, page)
    overall.report(1, "done")
    return path


def demo_page(show: Show) -> Page:
    """Return the page: the classes first, then the layers from the first to the last."""
    return Page(
        title="What a traffic-sign network has learned",
        lead=(
            "Each dream is an image made from noise so that one unit of the network answers as strongly as it can. "
            "Beside it stand the sample images that excite the same unit most. The samples are rendered by this "
            "project; they are not images."
        ),
        sections=(class_section(show), *layer_sections(show)),
        reading=_READING,
        facts=_facts(show),
    )


def write_demo(folder: Path, page: Page) -> Path:
    """Write the page and the contact sheet of its dreams, each whole or not at all, and return the page's path."""
    cards = [card for section in page.sections for card in section.cards]
    captions = [f"{card.title}\n{card.verdict[0]}" for card in cards]
    sheet = contact_sheet([card.dream.image for card in cards], captions, columns=8, tile=160, title=page.title)
    _write(folder / "contact-sheet.png", png_bytes(sheet))
    return _write(folder / "index.html", html(page).encode())


_READING = (
    "The figure in color says how many times as strongly a filter answers its dream as it answers the best of all "
    "samples, by the mean of its map; for a class, how sure the network is of the dream.",
    "The maps show where in an image a filter answers. All maps of one row share the scale drawn under the first, so "
    "their brightness may be compared; other rows have scales of their own.",
    "The numbers under images are the unit’s answers: the mean of a filter’s map, a class’s value before the "
    "softmax. A dream that never rose is marked “not activated”, one that needed help “recovered”.",
)


def _facts(show: Show) -> tuple[tuple[str, str], ...]:
    """Return how the page was made, in words."""
    height, width = show.images.shape[1:3]
    versions = backend.versions().items()
    return (
        ("Network", _described(show.network)),
        (
            "Samples",
            f"{len(show.images)} images of {width} × {height} pixels, {_each(show.labels)} of a class: drawings of "
            "the signs, rendered by this project with perspective, light, blur and noise. They are no images.",
        ),
        (
            "Filters",
            f"Recipe {show.filter_recipe.name}, {show.filter_recipe.steps} steps. The samples chose {show.filters} of "
            "each layer: those whose answers tell the signs apart best and resemble each other least.",
        ),
        ("Classes", f"Recipe {show.class_recipe.name}, {show.class_recipe.steps} steps. Chosen by hand."),
        (
            "Chance",
            f"Seed {show.seed}; the same seed gives the same images. “Make it again” beside a dream shows the "
            "command for this one image.",
        ),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions)),
    )


def _described(network: Network) -> str:
    said = f"{network.name}: {network.form.describe()}, {len(network.classes)} classes."
    accuracy = _accuracy() if network.name == "signs" else None
    if accuracy is None:
        return said
    return (
        f"{said} Trained by this project on the German Traffic Sign Recognition Benchmark, of whose official test "
        f"images it recognizes {100 * accuracy:.2f} %."
    )


def _accuracy() -> float | None:
    """Return the built-in network's accuracy on the official test set, if its training record is there."""
    record = importlib.resources.files("dreamfilters.signs").joinpath("record.json")
    if not record.is_file():
        return None
    value = json.loads(record.read_text("utf-8")).get("test_accuracy")
    return None if value is None else float(value)


def _each(labels: np.ndarray) -> str:
    """Return how many there are of each class, such as '4' or '3 to 5'."""
    _, counts = np.unique(labels, return_counts=True)
    return " to ".join(map(str, sorted({int(counts.min()), int(counts.max())})))


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); name a folder of yours") from error
    return folder


def _write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        return part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror}); name a folder of yours") from error
