"""Features of images, their maps and neighbors: the values of the network, the same in any batch, and bad input."""

import keras
import numpy as np
import pytest
from keras import layers

import dreamfilters as df
from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.evidence.embedding import feature_job
from dreamfilters.evidence.embedding.feature_job import FeatureJob, image_features
from dreamfilters.evidence.embedding.feature_table import thumbnail, thumbnail_size
from dreamfilters.evidence.embedding.neighbor_search import neighbors
from dreamfilters.evidence.embedding.placing import embed
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(7).uniform(0, 1, (30, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, images):
    """The images as files in three folders, and one file that cannot be read."""
    path = tmp_path_factory.mktemp("images")
    for number, image in enumerate(images):
        (path / str(number % 3)).mkdir(exist_ok=True)
        (path / str(number % 3) / f"{number:02}.png").write_bytes(png_bytes(image))
    (path / "0" / "99.png").write_bytes(b"no image")
    return path


@pytest.fixture(scope="module")
def features(network, folder):
    return image_features(network, folder, "conv2")


def test_rows_are_the_means_of_the_maps_or_the_whole_activation(network, images, features):
    maps = df.activations(network, images, ["conv2"])["conv2"]
    found = image_features(network, images, "conv2")
    assert found.rows == pytest.approx(maps.mean(axis=(1, 2)), rel=1e-5, abs=1e-7)
    assert image_features(network, images, "conv2", pooled=False).rows == pytest.approx(maps.reshape(30, -1))
    assert found.thumbnails.shape == (30, 16, 16, 3)
    assert np.abs(found.thumbnails / 255 - images).max() <= 0.5 / 255 + 1e-6
    assert image_features(network, images).layer == "conv2"  # that before the logits


def test_names_classes_and_failures_are_those_of_the_folder(features):
    assert len(features) == 30
    assert features.names[0] == "0/00.png"
    assert features.classes == ("20", "STOP", "Vorfahrt achten")
    assert features.labels[0] == "STOP"
    assert features.numbers[:10].tolist() == [1] * 10
    assert features.remark == "the labels are read as the numbers of the classes"
    assert features.failures[0][0] == "0/99.png"


@pytest.mark.parametrize("pooled", [True, False])
def test_the_batch_does_not_change_the_features(network, folder, pooled):
    found = [image_features(network, folder, "conv1", pooled=pooled, batch=batch).rows for batch in (None, 7)]
    assert found[0].tobytes() == found[1].tobytes()


def test_a_stopped_pass_resumes_to_the_same_features(network, folder):
    features = image_features(network, folder, "conv2", batch=4)
    job = FeatureJob(network, source_of(image_folder(folder)), "conv2", batch=4)
    state, steps = job.start(), 0
    while state.done < 31:
        for _ in job.advance(state):
            steps += 1
            if steps % 7 == 0:
                state.failures = {index: why for index, why in state.failures.items() if index < state.done}
                break
    again = job.result(state)
    assert again.rows.tobytes() == features.rows.tobytes()
    assert again.thumbnails.tobytes() == features.thumbnails.tobytes()
    assert again.failures == features.failures


def test_a_thumbnail_pixel_is_the_mean_of_its_area_in_any_number_of_channels():
    image = np.zeros((4, 4, 5), np.float32)
    image[:2, :2, 3] = 1
    assert thumbnail(image, (2, 2))[..., 3].tolist() == [[255, 0], [0, 0]]
    assert thumbnail(image, (1, 1))[0, 0].tolist() == [0, 0, 0, 64, 0]
    assert thumbnail(np.repeat(image[..., 3:4], 3, axis=2), (1, 1))[0, 0].tolist() == [64, 64, 64]
    assert thumbnail_size(10**6, (32, 32), 3) == (8, 8)


def test_an_image_is_found_and_is_no_neighbor_of_itself(network, folder, features):
    own = image_folder(folder).paths[4]
    found = neighbors(network, folder, own, "conv2", k=3)
    assert "0/12.png" in features.names
    assert found.queries.names == ("12.png",)
    assert 4 not in found.by_layer[0].indices
    assert 4 not in found.by_pixels[0].indices
    again = neighbors(network, features, [df.image_folder(own).read(0)], k=3)
    assert (again.by_layer[0].indices[0], again.by_pixels[0].indices[0]) == (4, 4)
    assert again.by_layer[0].distances[0] == pytest.approx(0, abs=1e-6)
    assert again.by_layer[0].indices[1:].tolist() == found.by_layer[0].indices[:2].tolist()
    pixels = np.sqrt(((features.pixels - features.pixels[4]) ** 2).mean(axis=1))
    assert again.by_pixels[0].distances == pytest.approx(np.sort(pixels)[:3], abs=1e-6)
    assert again.rows()[1]["space"] == "conv2"
    assert "12.png" in found._repr_html_()


def test_a_query_of_another_size_is_resized_by_the_input_form(network, features, images):
    large = images[4].repeat(4, axis=0).repeat(4, axis=1)
    found = neighbors(network, features, large, k=2)
    assert found.queries.thumbnails.shape == (1, 16, 16, 3)
    fitted = network.form.fit(large)
    assert found.by_layer[0].indices.tolist() == neighbors(network, features, fitted, k=2).by_layer[0].indices.tolist()


def test_dreams_stand_among_the_images_and_do_not_count(network, features, images):
    found = embed(network, features, dreams=images[:2] * 0.5)
    alone = embed(network, features)
    assert (len(found), found.dreams, found.is_dream.sum()) == (32, 2, 2)
    assert found.quality == alone.quality
    assert found.positions[:30] == pytest.approx(alone.positions, abs=1e-6)  # the axes are those of the images
    assert found.rows()[31]["dream"] == 1
    assert found.neighbors.shape == (32, 10)
    assert (found.neighbors != np.arange(32)[:, None]).all()
    assert "2 dreams by conv2 (pca, cosine): trustworthiness" in found.describe()
    assert found._repr_html_().count("<img") == 2


def test_what_has_no_features_is_one_line(network, network_of, images, features, monkeypatch):
    with pytest.raises(UnknownNameError, match="conv9: tiny has no such layer"):
        image_features(network, images, "conv9")
    with pytest.raises(ImageError, match="no images"):
        image_features(network, images[:0], "conv2")
    with pytest.raises(RecipeError, match="batch=0"):
        image_features(network, images, "conv2", batch=0)
    with pytest.raises(RecipeError, match="k=0: must be at least 1"):
        neighbors(network, features, images[0], k=0)
    with pytest.raises(RecipeError, match="metric='l1': must be cosine or euclidean"):
        embed(network, features, metric="l1")
    with pytest.raises(ImageError, match="2 images: pca needs 3 or more"):
        embed(network, images[:2], "conv2")
    with pytest.raises(RecipeError, match="seed=-1: must be a whole number from 0"):
        embed(network, features, seed=-1)
    other = network_of(keras.Sequential([layers.Input((16, 16, 3)), layers.Flatten(), layers.Dense(2, "softmax")]))
    with pytest.raises(RecipeError, match="the features are those of other weights"):
        neighbors(other, features, images[0])
    monkeypatch.setattr(feature_job, "MOST_BYTES", 1000)
    with pytest.raises(RecipeError, match=r"conv2: 288 features of 30 images take 0\.0 GiB, at most 2 are kept"):
        image_features(network, images, "conv2", pooled=False)


def test_features_that_are_not_finite_are_one_line(network, features):
    rows = features.rows.copy()
    rows[3, 1] = np.nan
    with pytest.raises(ImageError, match=r"0/09.png: its features of conv2 are not finite"):
        embed(network, features.with_rows(features.names, features.labels, rows, features.thumbnails))
