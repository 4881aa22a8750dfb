"""The content of a model file: its configuration, the version of Keras, and weights that are read later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits, saved_model, weight_loading
from dreamfilters.networks.io.parsing.description import Block, Description, Objects, Tree
from dreamfilters.networks.io.parsing.json_text import Config, parsed
from dreamfilters.networks.io.parsing.process.parser_process import ParsedFile, parsed_apart, parsed_here
from dreamfilters.networks.io.parsing.regular_files import open_regular
from dreamfilters.networks.io.training_loss import loss_name
from dreamfilters.networks.io.weight_loading import Pair, Weight, WeightBlock
from dreamfilters.networks.migrate.keras_migrations import version_of
from dreamfilters.networks.migrate.weight_layouts import LayoutSource

Pairing: TypeAlias = Callable[[keras.Model, Config], Sequence[Pair]]


@dataclass(frozen=True)
class StoredModel:
    """The content of a model file.

    Attributes:
        config: of the model, None if the file holds weights only.
        version: of the Keras that wrote the file, '' if unknown.
        pairs: function from the model and its upgraded configuration to (variable, weight) pairs; None without weights.
        numbers: count of stored numbers.
        loss: name of the loss that the model was trained with, '' if unknown.
    """

    config: Config | None
    version: str
    pairs: Pairing | None = None
    numbers: int = 0
    loss: str = ""

    @property
    def is_old(self) -> bool:
        """Whether a version before Keras 3 wrote the file."""
        return version_of(self.version) < (3,)


@contextmanager
def open_stored(path: Path) -> Iterator[StoredModel]:
    """Yield the content of a model file, which another process parses; its weights can be read inside the block.

    Raises:
        ModelError: it is no model file, or it is damaged.
    """
    with parsed_apart(path) as file:
        yield _stored(file)


@contextmanager
def open_built_in(path: Path) -> Iterator[StoredModel]:
    """Yield the content of a model file that comes with the package, which this process parses."""
    with parsed_here(path) as file:
        yield _stored(file)


def read_architecture(path: Path) -> StoredModel:
    """Return the configuration in a JSON file that `model.to_json()` wrote.

    Raises:
        ModelError: there is no such file, or it has another content.
    """
    try:
        with open_regular(path) as file:
            config = parsed(file.read(limits.LARGEST_CONFIG + 1))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ModelError:
        raise ModelError(f"{path}: is not the JSON that model.to_json() writes") from None
    if "class_name" not in config:
        raise ModelError(f"{path}: is JSON without a model; give what model.to_json() writes")
    version = str(config.get("keras_version", ""))
    if not version and "module" in config:  # Keras 3 leaves it out
        version = keras.__version__
    return StoredModel(config, version)


def _stored(file: ParsedFile) -> StoredModel:
    described = file.description
    config = None if described.config is None else parsed(described.config)
    numbers = sum(info.count for info in described.arrays)
    loss = _loss(described.training if described.training is not None else (config or {}).get("compile_config"))
    return StoredModel(config, described.version, _pairing(file, config), numbers, loss)


def _loss(training: Any) -> str:
    """Return the loss in a stored training configuration, which is not needed to open the model."""
    with suppress(ModelError):
        settings = training if isinstance(training, Mapping) else parsed(training) if training else {}
        return loss_name(settings.get("loss"))
    return ""


def _pairing(file: ParsedFile, config: Config | None) -> Pairing | None:
    described, weights = file.description, _weights(file)
    layout = described.layout
    if isinstance(layout, Objects):
        return partial(saved_model.by_objects, objects=layout, weights=weights)
    if isinstance(layout, tuple):
        blocks = [_block(block, weights) for block in layout]
        return partial(weight_loading.by_blocks, blocks=blocks, source=_source(described, layout))
    if layout is None:
        return None
    has_groups = bool({"layers", "_layer_checkpoint_dependencies"} & set(layout))
    if config is None and version_of(described.version) == (1,) and not has_groups:
        return None  # an HDF5 file of other groups
    return partial(weight_loading.by_numbers, tree=_tree(layout, weights))


def _weights(file: ParsedFile) -> list[Weight]:
    return [Weight(info.shape, partial(file.read, number)) for number, info in enumerate(file.description.arrays)]


def _block(block: Block, weights: Sequence[Weight]) -> WeightBlock:
    return WeightBlock(block.layer, block.names, tuple(weights[number] for number in block.arrays))


def _tree(tree: Tree, weights: Sequence[Weight]) -> dict[str, Any]:
    return {name: weights[inner] if isinstance(inner, int) else _tree(inner, weights) for name, inner in tree.items()}


def _source(described: Description, blocks: Sequence[Block]) -> LayoutSource:
    """Return what wrote the weights. Keras 1 does not store its backend, but only TensorFlow's names end in ':0'."""
    keras_1 = version_of(described.version) < (2,)
    names = [name for block in blocks for name in block.names]
    unknown = not described.backend and bool(names) and not any(":" in name for name in names)
    return LayoutSource(keras_1, described.backend == "theano" or (keras_1 and unknown))
