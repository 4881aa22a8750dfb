"""The parameterization of an adversarial example: a given image plus a perturbation of bounded norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np

from dreamfilters.dreams.parameterizations import Canvas, CanvasSize, Params, clipped
from dreamfilters.dreams.settings import Limit, Settings

if TYPE_CHECKING:
    from keras import ops

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
else:
    from dreamfilters.lazy_module import backend, ops

Norm: TypeAlias = Literal["linf", "l2"]
Radius: TypeAlias = Annotated[
    float, Limit("above 0, at most 1, usually 4/255 to 16/255", lambda radius: 0 < radius <= 1)
]

GRAY_LEVEL = 1 / 255
_TINY = 1e-12


@dataclass(frozen=True)
class Perturbation(Settings):
    """A given image plus a perturbation that is projected after each step onto a ball, and the sum onto [0, 1].

    This is projected gradient descent (Madry et al., "Towards deep learning models resistant to adversarial attacks",
    ICLR 2018); the perturbation starts at 0, and the score is raised. Without a start image the given image is uniform
    noise.

    Attributes:
        size: of the canvas.
        norm: "linf" bounds the largest change of a value, "l2" the root mean square of all changes, which is the L2
            norm divided by the square root of the number of values.
        radius: the bound, in units of the range from black to white.
        prior: as in `Parameterization`; it is not used.
    """

    size: CanvasSize = None
    norm: Norm = "linf"
    radius: Radius = 8 * GRAY_LEVEL
    prior: str = "none"

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return images of uniform noise without a perturbation."""
        noise = backend.uniform(seeds, (canvas.height, canvas.width, canvas.channels))
        return {"given": noise, "change": ops.zeros_like(noise)}

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Return `image` without a perturbation."""
        given = np.clip(np.asarray(image, "float32"), 0, 1)
        return {"given": given, "change": np.zeros_like(given)}

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images in [0, 1]; the given images have no gradient, so that no optimizer moves them."""
        return clipped(ops.stop_gradient(params["given"]) + params["change"])  # the sum is rounded

    def moved(
        self, params: Params, move: Params, canvas: Canvas, seeds: backend.Seeds, number: Tensor, steps: int
    ) -> Params:
        """Return the parameters after a step, with the perturbation in the ball and the image in [0, 1]."""
        given, change = params["given"], self._projected(params["change"] + move["change"])
        return {"given": given, "change": ops.clip(given + change, 0.0, 1.0) - given}

    def _projected(self, change: Tensor) -> Tensor:
        if self.norm == "linf":
            return ops.clip(change, -self.radius, self.radius)
        size = ops.sqrt(backend.row_means(ops.square(change)))[:, None, None, None]
        return change * ops.minimum(self.radius / (size + _TINY), 1.0)
