"""The training script on a few drawn images: no sign is in both splits, and the written network can be opened."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from dreamfilters.dreams import priors
from dreamfilters.errors import ImageError
from dreamfilters.images import png_bytes
from dreamfilters.networks import load
from dreamfilters.signs import train
from dreamfilters.signs.rendering.scenes import render


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes, four tracks of two frames each."""
    folder = tmp_path_factory.mktemp("images")
    for number in (0, 13, 42):
        (folder / f"{number:02}").mkdir()
        for track in range(4):
            for frame in range(2):
                path = folder / f"{number:02}" / f"{number:02}_{track:05}_{frame:05}.png"
                path.write_bytes(png_bytes(render(number, 10 * track + frame)))
    return folder


def test_no_physical_sign_is_in_both_splits(folder):
    images = train.read_labeled_images([folder])
    assert len(images) == 24
    training, held = train.split_by_track(images, 0.25, seed=1)
    assert (len(training), len(held)) == (18, 6)  # one track of four, two frames, in each of three classes
    signs = [set(zip(part.classes.tolist(), part.tracks.tolist(), strict=True)) for part in (training, held)]
    assert not signs[0] & signs[1]


def test_an_image_outside_a_class_folder_is_named(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.png").write_bytes(png_bytes(np.zeros((8, 8, 3), "float32")))
    with pytest.raises(ImageError, match=r"1\.png: is not in a class folder"):
        train.read_labeled_images([tmp_path])


def test_the_architecture_is_that_of_the_blog_post():
    model = train.build()
    sizes = [tuple(model.get_layer(f"conv{number}").output.shape[1:]) for number in range(1, 7)]
    assert sizes == [(48, 48, 32), (46, 46, 32), (23, 23, 64), (21, 21, 64), (10, 10, 128), (8, 8, 128)]
    assert [model.get_layer(f"pool{number}").output.shape[1] for number in (1, 2, 3)] == [23, 10, 4]
    # 3*3*3*32+32, 9*32*32+32, 9*32*64+64, 9*64*64+64, 9*64*128+128, 9*128*128+128, 2048*512+512, 512*43+43
    assert model.count_params() == 896 + 9248 + 18496 + 36928 + 73856 + 147584 + 1049088 + 22059


def test_one_epoch_writes_a_network_its_prior_and_its_record(folder, tmp_path):
    images = train.read_labeled_images([folder])
    lines = []
    settings = train.TrainingSettings(epochs=1, batch=9, held_out=0.25)
    record = train.train(images, images, tmp_path, settings, lines.append)
    assert len(lines) == 1
    assert json.loads((tmp_path / "record.json").read_text())["settings"]["epochs"] == 1
    assert record["learnt_from"] == 18
    network = load(tmp_path / "signs.keras")
    assert [layer.activation for layer in network.layers if layer.type == "Dense"] == ["relu", "softmax"]
    untrained = train.build()
    changed = [
        np.abs(keras.ops.convert_to_numpy(a) - keras.ops.convert_to_numpy(b)).max()
        for a, b in zip(network.model.weights, untrained.weights, strict=True)
    ]
    assert min(changed) > 0
    assert priors.read(tmp_path / "prior.npz").shape == (48, 48)
