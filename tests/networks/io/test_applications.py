import importlib

import numpy as np
import pytest

from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.networks.io import applications


@pytest.mark.parametrize("name", applications.names())
def test_each_form_equals_the_preprocessing_of_keras(name):
    home = applications.constructor(name).__module__
    own = importlib.import_module(home).preprocess_input
    bytes_ = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype("float32")
    ours = np.asarray(applications.form(name).to_input(bytes_ / 255))
    np.testing.assert_allclose(ours, own(bytes_.copy(), data_format="channels_last"), rtol=1e-5, atol=1e-4)


def test_well_known_networks_are_listed():
    assert {"VGG16", "ResNet50", "MobileNetV2", "EfficientNetB0", "ConvNeXtTiny"} <= set(applications.names())


def test_an_unknown_name_is_refused():
    with pytest.raises(
        UnknownNameError, match=r"applications:VGG61: Keras has no such network\. Close names: VGG19, VGG16"
    ):
        applications.constructor("VGG61")


def test_a_failed_download_points_to_random_weights(monkeypatch):
    def offline(*, weights):
        raise OSError(f"no route to {weights}\nmore")

    offline.__module__ = "keras.src.applications.vgg16"
    monkeypatch.setattr(applications.keras.applications, "VGG16", offline)
    with pytest.raises(ModelError) as caught:
        applications.open_application("VGG16")
    assert str(caught.value) == (
        "applications:VGG16: its weights cannot be downloaded (no route to imagenet); "
        "applications:VGG16:random needs no download"
    )


def test_class_names_come_from_the_file_of_keras(monkeypatch, tmp_path):
    path = tmp_path / "index.json"
    path.write_text('{"1": ["n2", "goldfish"], "0": ["n1", "tench"]}')
    monkeypatch.setattr(applications.keras.utils, "get_file", lambda *_, **__: str(path))
    assert applications.imagenet_classes() == ("tench", "goldfish")


def test_without_the_file_there_are_no_names(monkeypatch):
    def offline(*_, **__):
        raise OSError("offline")

    monkeypatch.setattr(applications.keras.utils, "get_file", offline)
    assert applications.imagenet_classes() == ()
