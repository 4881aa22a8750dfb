"""Images and labels as they are in a notebook: a path, uint8, gray without an axis, numbers as labels."""

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.images import png_bytes


@pytest.fixture(scope="module")
def net(gray):
    """The gray network; its input form is given, so that no warning says that it is assumed."""
    return df.load(gray, form={"range": [0, 1]})


@pytest.fixture(scope="module")
def levels():
    """Six gray images (n, h, w) of uint8, and their classes (n, 1) as numbers."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 16, 16)).astype(np.uint8), np.array([[0], [1], [2]] * 2)


@pytest.fixture(scope="module")
def folder(levels, tmp_path_factory):
    """The same images as files."""
    path = tmp_path_factory.mktemp("levels")
    for number, (image, label) in enumerate(zip(*levels, strict=True)):
        file = path / str(label[0]) / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(png_bytes(image / 255))
    return path


def test_uint8_floats_and_files_are_the_same_images(net, levels, folder):
    """Files are sorted by class, arrays by number."""
    images, labels = levels
    order = np.argsort(labels[:, 0], kind="stable")
    wanted = df.activations(net, images[..., None].astype("float32") / 255, ["conv2"])["conv2"]
    for given, rows in ((images, slice(None)), (images[..., None], slice(None)), (str(folder), order), (folder, order)):
        np.testing.assert_allclose(df.activations(net, given, ["conv2"])["conv2"], wanted[rows], atol=1e-5)
    maxima = [df.scan(net, given, ["conv2"]).layer("conv2").maximum for given in (images, folder, images / 255)]
    for maximum in maxima[1:]:
        np.testing.assert_allclose(maximum, maxima[0], rtol=1e-5)


CONVERSIONS = [np.ndarray.tolist, np.ravel, np.asarray, lambda y: y.astype(float), lambda y: y.astype(str)]


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_labels_are_numbers_or_text(net, levels, convert):
    images, labels = levels
    given = convert(labels)
    assert df.accuracy_of(net, images, given).labels.tolist() == [0, 1, 2] * 2
    assert df.scan(net, images, ["classes"], labels=given).labels == ("0", "1", "2") * 2
    assert len(df.rank_forms(net, images, given).best.right) == 6


def test_the_accuracy_of_arrays_and_of_a_folder_is_the_same(net, levels, folder):
    assert df.accuracy_of(net, *levels).value == df.accuracy_of(net, folder).value


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.full((2, 16, 16, 1), 255.0), "an image with values from 255 to 255: floats are 0 for black to 1 for white"),
        (np.full((2, 16, 16, 1), 3), "an image of int64: give uint8, uint16 or floats"),
        (np.full((2, 16, 16, 1), "a"), "an image of <U1: give an array of numbers"),
        (np.zeros((2, 1, 1, 16, 16)), r"an image of shape \(1, 1, 16, 16\)"),
    ],
)
def test_what_is_no_image_is_one_line(net, images, words):
    for function in (df.activations, df.scan):
        with pytest.raises(df.ImageError, match=words):
            function(net, images, ["conv1"])
    for measured in (df.accuracy_of, df.rank_forms):
        with pytest.raises(df.ImageError, match=words):
            measured(net, images, [0, 1])


def test_what_are_no_labels_targets_or_scans_is_one_line(net, levels, folder):
    images, labels = levels
    with pytest.raises(df.ImageError, match=r"labels of shape \(6, 3\): give one for each image, such as"):
        df.scan(net, images, ["conv1"], labels=np.eye(3)[labels[:, 0]])
    with pytest.raises(df.ImageError, match="5 labels for 6 images"):
        df.accuracy_of(net, images, labels[:5])
    with pytest.raises(df.TargetError, match="target of type Objective: give text, such as"):
        df.compare(net, [df.channel("conv1", 0)], folder)
    with pytest.raises(df.ImageError, match=r"scan of type ImageFolder: give what scan\(network, images\) returns"):
        df.audit(net, df.image_folder(folder))


def test_maps_take_a_path_and_uint8(net, levels, folder, tmp_path):
    kept = df.draw_maps(net, folder / "0", tmp_path / "files")
    drawn = df.draw_maps(net, levels[0][[0, 3], ..., None], tmp_path / "arrays")
    first, second = (result.value[0].read()["layers"]["conv2"]["max"] for result in (kept, drawn))
    assert first == pytest.approx(second, rel=1e-4)
