"""The result of an ascent: the image, its scores and everything needed to reproduce it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np

from dreamfilters.display import frame, heading, show_value, tiles, warning
from dreamfilters.dreams.ascent.prediction import DreamPrediction
from dreamfilters.dreams.ascent.tries import Tries
from dreamfilters.dreams.priors.appearance import Appearance
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.images import contact_sheet, gif_bytes, png_bytes
from dreamfilters.images.encoding import channels_side_by_side, write_image
from dreamfilters.serialization import plain

_WIDTH = 224  # pixels of a dream in a notebook
_HIDDEN = "df.check_prior(network, dream, prior) shows beside it what the prior hides."
_SHEET = 64  # dreams on the contact sheet that a notebook shows


@dataclass(frozen=True, eq=False)
class Dream:
    """An image that the ascent made; `np.asarray` and every function that takes images read its pixels.

    Attributes:
        name: the target.
        image: (h, w, c) float32 in [0, 1].
        score: score of the image under the objective, without transforms.
        robust: mean score under small rotations, scales and shifts (see `compiled_step.ROBUST`).
        start: score of the image before the first step.
        steps: number of steps, including those of fallbacks.
        seconds: the time of its batch divided by the number of images; of all tries.
        seed: random seed of the run; the seed of the image is derived from it and the name.
        recipe: how it was made.
        activated: whether the score rose. A dream that is not activated says nothing about its unit.
        recovered_by: the fallback that made it, after the plain ascent did not activate the unit or reach the class, or
            "" (see `ascent.fallbacks`).
        attempts: the fallbacks that were tried, in order.
        note: a remark, such as a number that overflowed, or "".
        history: (steps,) score before each step, under the recipe's transforms; for the image of a pixels ascent, the
            scores of its own steps, by the maximum of the map.
        transparency: (h, w) in [0, 1], where the image matters; None unless the recipe sets `transparency`.
        frames: images (h, w, c) recorded during the ascent.
        prediction: what the network predicts for the dream of a class; None for other targets.
        tries: the seeds that it was chosen from, with their robust scores; None for a single seed.
        appearance: the images that its look comes from, if it was made with a learned prior.
    """

    name: str
    image: np.ndarray
    score: float
    robust: float
    start: float
    steps: int
    seconds: float
    seed: int
    recipe: Recipe
    activated: bool
    recovered_by: str = ""
    attempts: tuple[str, ...] = ()
    note: str = ""
    history: np.ndarray = field(default_factory=lambda: np.zeros(0, "float32"))
    transparency: np.ndarray | None = None
    frames: tuple[np.ndarray, ...] = ()
    prediction: DreamPrediction | None = None
    tries: Tries | None = None
    appearance: Appearance | None = None

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as JSON values."""
        return {
            "target": self.name,
            "score": self.score,
            "robust": self.robust,
            "start": self.start,
            "steps": self.steps,
            "seed": self.seed,
            "activated": self.activated,
            "recovered_by": self.recovered_by,
            "attempts": list(self.attempts),
            "note": self.note,
            "history": [float(f"{value:.6g}") for value in self.history],
            "recipe": self.recipe.as_values(),
            **({} if self.prediction is None else {"prediction": self.prediction.as_values()}),
            **({} if self.tries is None else {"tries": self.tries.as_values()}),
            **({} if self.appearance is None else {"appearance": self.appearance.as_values()}),
        }

    @property
    def shown(self) -> np.ndarray:
        """The image as a PNG stores it: several channels side by side, with the transparency if it has one."""
        image = channels_side_by_side(self.image)
        if self.transparency is None:
            return image
        copies = image.shape[1] // self.transparency.shape[1]
        return np.concatenate([image, np.tile(self.transparency, (1, copies))[..., None]], axis=-1)

    @property
    def png(self) -> bytes:
        """The image as a PNG file with all values as text."""
        return png_bytes(self.shown, text={"dreamfilters": json.dumps(plain(self.as_values()))})

    @property
    def caption(self) -> str:
        """The lines below it on a contact sheet: target, score, what the network predicts, and the tries."""
        return caption_of(plain(self.as_values()))

    def show(self) -> None:
        """Show the dream below the cell of a notebook, elsewhere in the system's image viewer."""
        show_value(self)

    def save(self, path: Path | str) -> Path:
        """Write the dream as a .png file with its values as text, or its frames as a .gif file, and return the path.

        Raises:
            OutputError: the file cannot be written, its name has another ending, or there are no frames.

        Example:
            >>> dreams[0].save("dream.png").name
            'dream.png'
        """
        contents = {".png": lambda: self.png}
        if self.frames:
            contents[".gif"] = lambda: gif_bytes([channels_side_by_side(image) for image in self.frames])
        return write_image(path, contents)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.image, dtype, copy=copy)

    def _repr_png_(self) -> bytes:
        return png_bytes(self.shown)

    def _repr_html_(self) -> str:
        facts = [f"score {self.score:.4g}", f"robust {self.robust:.4g}", f"{self.steps} steps", f"seed {self.seed}"]
        facts += [f"recovered by {self.recovered_by}"] if self.recovered_by else []
        facts += [self.tries.text] if self.tries else []
        facts += [self.appearance.text] if self.appearance else []
        predicted = self.prediction
        said = "" if predicted is None else predicted.text if predicted.is_predicted else warning(predicted.text)
        return frame(
            heading(self.name, ", ".join(facts)),
            *filter(None, [said, _HIDDEN if self.appearance else ""]),
            warning(self.note or ("" if self.activated else "not activated")),
            tiles([(self.image, ())], side=_WIDTH),
        )

    def __repr__(self) -> str:
        state = "" if self.activated else ", not activated"
        return f"Dream({self.name!r}, score {self.score:.4g}, robust {self.robust:.4g}, {self.steps} steps{state})"


class Dreams(tuple[Dream, ...]):
    """A tuple of dreams, which a notebook shows as a contact sheet.

    Example:
        >>> dreams[:1]
        Dreams(1: conv6:12)
    """

    __slots__ = ()

    def show(self) -> None:
        """Show the contact sheet below the cell of a notebook, elsewhere in the system's image viewer."""
        show_value(self)

    def save(self, path: Path | str) -> Path:
        """Write the contact sheet as a .png file and return its path; `df.save` writes one file for each dream.

        Raises:
            OutputError: the file cannot be written, or its name has another ending.
        """
        return write_image(path, {".png": lambda: png_bytes(contact_sheet(self))})

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Dream: ...

    @overload
    def __getitem__(self, index: slice, /) -> Dreams: ...

    def __getitem__(self, index: SupportsIndex | slice, /) -> Dream | Dreams:
        return Dreams(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def _repr_png_(self) -> bytes | None:
        return png_bytes(contact_sheet(self[:_SHEET], title=_first(_SHEET, len(self)))) if self else None

    def __repr__(self) -> str:
        named = [dream.name[:40] for dream in self[:4]]
        return f"Dreams({len(self)}: {', '.join(named)}{', …' if len(self) > len(named) else ''})"


def caption_of(values: Mapping[str, Any]) -> str:
    """Return the lines below a dream, from its values as JSON: target, score, prediction, and the tries."""
    score = "not finite" if values["score"] is None else f"{values['score']:.4g}"
    lines = [values["target"], score if values["activated"] else "not activated"]
    if prediction := values.get("prediction"):
        text = prediction["text"].partition("; ")[0]
        lines += [text] if prediction["is_predicted"] else text.split(": ", 1)
    if tries := values.get("tries"):
        lines.append(Tries.from_values(tries).caption)
    if appearance := values.get("appearance"):
        lines.append(Appearance.from_values(appearance).caption)
    return "\n".join(lines)


def _first(most: int, count: int) -> str:
    return f"the first {most} of {count} dreams" if count > most else ""
