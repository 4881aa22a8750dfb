"""The names and shapes of the weights of a denoiser, which its file states; importing them loads no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

# Side in pixels of the squares that one position of the finest map reads. Patches of 4, for larger images, lost what a
# weak noise leaves: at 64 pixels and equal training time, the error was 1.3 to 1.7 times as large.
PATCH = 2
MULTIPLE = 4 * PATCH  # of the sides of an image: two halvings follow the patches
_FINE, _MIDDLE, _COARSE = 32, 48, 64  # channels of the maps of three resolutions
_BLOCKS = {  # residual block -> its channels, in order
    "fine1": _FINE, "middle1": _MIDDLE, "coarse1": _COARSE, "coarse2": _COARSE, "middle2": _MIDDLE, "fine2": _FINE,
}  # fmt: skip
_EMBEDDED = 96  # numbers that the noise level is embedded in
_FREQUENCIES = 16  # sines of a noise level, and as many cosines: `backend.LANES`


@dataclass(frozen=True)
class Architecture:
    """What decides the shapes of the weights.

    Attributes:
        channels: of the images.
    """

    channels: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each weight."""
        depth = PATCH**2 * self.channels
        kernels = {
            "enter": (3, 3, depth, _FINE),
            "down1": (3, 3, _FINE, _MIDDLE),
            "down2": (3, 3, _MIDDLE, _COARSE),
            "up2": (3, 3, _COARSE, _MIDDLE),
            "up1": (3, 3, _MIDDLE, _FINE),
            "leave": (3, 3, _FINE, depth),
            "level1": (2 * _FREQUENCIES, _EMBEDDED),
            "level2": (_EMBEDDED, _EMBEDDED),
        }
        for name, width in _BLOCKS.items():
            kernels |= {f"{name}.first": (3, 3, width, width), f"{name}.second": (3, 3, width, width)}
            kernels[f"{name}.level"] = (_EMBEDDED, 2 * width)
        return {
            **{f"{name}.kernel": shape for name, shape in kernels.items()},
            **{f"{name}.bias": shape[-1:] for name, shape in kernels.items()},
        }
