import keras
import pytest

from dreamfilters.networks.migrate.keras_migrations import (
    ACTIVATIONS,
    ERAS,
    GONE,
    KERAS_1,
    KERAS_2,
    eras_after,
    version_of,
)
from dreamfilters.networks.migrate.layer_settings import layer_settings


@pytest.mark.parametrize(
    ("text", "version", "eras"),
    [("", (1,), 3), ("1.2.1", (1, 2, 1), 3), ("2.0.8", (2, 0, 8), 2), ("2.2.4-tf", (2, 3), 1),
     ("2.15.0", (2, 15, 0), 1), ("3.5.0", (3, 5, 0), 0), ("nonsense", (1,), 3)],
)  # fmt: skip
def test_the_tables_for_each_version(text, version, eras):
    assert version_of(text) == version
    assert len(eras_after(version)) == eras


def test_every_new_name_exists_in_keras_3():
    """A misspelt row would refuse every file that needs it."""
    for era in ERAS:
        assert all(layer_settings(new) for new in era.classes.values())
        for layers, renamed in era.renamed.items():
            for kind in layers.split():
                known = layer_settings(kind)
                assert kind == "*" or kind in GONE or known, kind
                if known and kind not in ("DepthwiseConv2D", "SeparableConv2D", "ConvLSTM2D"):
                    assert set(renamed.values()) & known, (kind, renamed)


def test_settings_of_keras_3_are_dropped_only_on_purpose():
    for layers, dropped in KERAS_2.dropped.items():
        for kind in layers.split():
            if kind not in ("*", "Identity"):
                for key in dropped:
                    meant = kind.startswith(("Conv", "Depthwise", "Separable")) or key in ("sparse", "ragged")
                    assert meant or key not in layer_settings(kind), (kind, key)


def test_removed_layers_are_not_in_keras_3():
    assert not [kind for kind in GONE if layer_settings(kind)]
    assert not set(KERAS_1.classes) & set(GONE)
    assert all(keras.activations.get(new) for new in ACTIVATIONS.values())
