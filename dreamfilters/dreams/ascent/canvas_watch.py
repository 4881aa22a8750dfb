"""The layers of a network that are watched on a canvas: the input form, and images of another size than the input."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Precision, Tensor
from dreamfilters.dreams import priors
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError, reason
from dreamfilters.images.resizing import resize_matrix
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.programs import programs_of


class CanvasWatch:
    """Layers of a network on images (n, h, w, c) of a canvas.

    Attributes:
        network: the network.
        names: layer as it is given -> its exact name; `LOGITS` stands for the values before the softmax.
        shapes: of the layers for one image, (1, ..., c).

    Raises:
        RecipeError: the canvas is too small for a layer.
    """

    def __init__(
        self, network: Network, layers: Iterable[str], canvas: Canvas, precision: Precision = "float32"
    ) -> None:
        self.network = network
        self.names = {layer: layer if layer == LOGITS else network.layer(layer).name for layer in sorted(layers)}
        self._watch = network.watch(frozenset(self.names.values()), precision=precision)
        self._refusals: dict[tuple[int, int], str] = {}  # size -> why the network does not accept it, or ""
        self.shapes = self._shapes(canvas)

    def activations(self, image: Tensor) -> dict[str, Tensor]:
        """Return the activation of each layer, by its exact name."""
        return self._watch(self.input_of(image))

    def input_of(self, image: Tensor) -> Tensor:
        """Return the input of the network; images of a size that it does not accept are resized by `images.resize`."""
        count, height, width, channels = map(int, image.shape)
        form = self.network.form
        if self.accepts((height, width), channels):
            return form.to_input(image)
        rows = resize_matrix(height, form.size[0] or height, form.resize)
        columns = resize_matrix(width, form.size[1] or width, form.resize)
        # one matrix product per image and per row, whose bytes do not depend on the batch
        resized = backend.matmul(rows, ops.reshape(image, (count, height, width * channels)))
        resized = backend.matmul(columns, ops.reshape(resized, (count, len(rows), width, channels)))
        lowest, highest = (ops.stop_gradient(end(image, axis=(1, 2), keepdims=True)) for end in (ops.min, ops.max))
        return form.to_input(ops.maximum(ops.minimum(resized, highest), lowest))

    def accepts(self, size: tuple[int, int], channels: int) -> bool:
        """Return whether the network runs on this size up to the watched layers; found by tracing, once per size."""
        if size == self.network.form.size:
            return True
        if size not in self._refusals:
            self._refusals[size] = ""
            try:
                if any(0 in shape for shape in self._shapes_on(size, channels).values()):
                    self._refusals[size] = "its map would be empty"
            except Exception as error:  # any error that a layer raises on a size that it was not built for
                self._refusals[size] = reason(error)
        return not self._refusals[size]

    def _shapes_on(self, size: tuple[int, int], channels: int) -> dict[str, tuple[int, ...]]:
        shapes = backend.output_shapes(
            lambda image: self._watch(self.network.form.to_input(image)), (1, *size, channels)
        )
        return {layer: shapes[name] for layer, name in self.names.items()}

    def _shapes(self, canvas: Canvas) -> dict[str, tuple[int, ...]]:
        """Return the watched layers' shapes (1, ..., c) on this canvas, or on the network's size after resizing.

        A head of dense layers or a transformer accepts one size only, so the image is resized for it. For a map, a
        canvas that is too small is an error: after resizing, the map would not be that of the canvas.
        """
        size = (canvas.height, canvas.width)
        if self.accepts(size, canvas.channels):
            return self._shapes_on(size, canvas.channels)
        height, width = self.network.form.size
        if height and width:
            shapes = self._shapes_on((height, width), canvas.channels)
            larger = size[0] >= height and size[1] >= width
            if larger or all(self.network.layer(name).kind != "map" for name in self.names.values()):
                return shapes
        layers = ", ".join("the classes" if layer == LOGITS else layer for layer in sorted(self.names))
        native = f"; its native size is {height}x{width}" if height and width else ""
        raise RecipeError(
            f"canvas {size[0]}x{size[1]}: too small for {layers} of {self.network.name}{native} "
            f"({self._refusals[size][:120]})"
        )


def layer_activations(network: Network, layers: Iterable[str], images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the activations of layers for images (n, h, w, c) in [0, 1] as an ascent of their size sees them.

    Raises:
        RecipeError: the images are too small for a layer.
        UnknownNameError: there is no such layer.
    """
    count, height, width, channels = images.shape
    wanted, canvas = frozenset(layers), Canvas(height, width, priors.neutral(channels))

    def compiled(network: Network) -> Callable[[Tensor], dict[str, Tensor]]:
        watch = CanvasWatch(network, wanted, canvas)

        def activations(image: Tensor) -> dict[str, Tensor]:
            seen = watch.activations(image)
            return {layer: seen[name] for layer, name in watch.names.items()}

        return backend.compile(activations)

    program = programs_of(network).get((layer_activations, wanted, height, width), compiled)
    # two rows at least: one row takes another path through the convolutions, see `Batches.padded`
    padded = np.concatenate([images, images[-1:]]) if count == 1 else images
    return {layer: np.asarray(values)[:count] for layer, values in program(backend.tensor(padded)).items()}
