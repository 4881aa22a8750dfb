"""Encoded images and their text are read back unchanged."""

import io

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, PngImagePlugin

from dreamfilters.errors import ImageError
from dreamfilters.images import gif_bytes, png_bytes, png_text, read_image
from dreamfilters.images.encoding import channels_side_by_side, displayed

shapes = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=79)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@settings(max_examples=60, deadline=None)
@given(shapes.flatmap(lambda shape: arrays("uint8", shape)), st.dictionaries(keys, texts, max_size=4))
def test_a_png_gives_back_each_channel_and_all_text(tmp_path_factory, samples, text):
    path = tmp_path_factory.mktemp("png") / "a.png"
    image = samples / np.float32(255)
    path.write_bytes(png_bytes(image, text=text))
    np.testing.assert_allclose(read_image(path, channels=samples.shape[-1]), image, atol=1e-6)
    assert png_text(path) == text


def test_values_are_rounded_cut_and_nan_is_gray():
    file = png_bytes([[-1.0, 0.0, 0.001, 0.4999, 1.0, 7.0, float("nan"), float("inf")]])
    assert np.asarray(Image.open(io.BytesIO(file))).tolist() == [[0, 0, 0, 127, 255, 255, 128, 255]]


def test_the_same_image_and_text_give_the_same_bytes():
    image = np.random.default_rng(0).random((20, 20, 3))
    first = png_bytes(image, text={"b": "ü", "a": "x"})
    assert first == png_bytes(image.copy(), text={"a": "x", "b": "ü"})
    assert first != png_bytes(image, text={"b": "ü", "a": "y"})


def test_the_text_can_be_read_without_the_pixels(tmp_path):
    file = png_bytes(np.zeros((50, 50, 3)), text={"recipe": "steps = 64\n# für später"})
    (tmp_path / "half.png").write_bytes(file[: file.index(b"IDAT") + 10])
    assert png_text(tmp_path / "half.png") == {"recipe": "steps = 64\n# für später"}


def test_a_png_without_text_has_none(tmp_path):
    (tmp_path / "a.png").write_bytes(png_bytes([[0.5]]))
    assert png_text(tmp_path / "a.png") == {}


def test_text_that_unpacks_to_too_much_is_refused(tmp_path):
    bomb = PngImagePlugin.PngInfo()
    bomb.add_itxt("a", "x" * 50_000_000, zip=True)
    Image.new("L", (1, 1)).save(tmp_path / "bomb.png", pnginfo=bomb)
    with pytest.raises(ImageError, match=r"bomb\.png: is damaged or truncated"):
        png_text(tmp_path / "bomb.png")


def test_text_is_only_read_from_png(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png", "JPEG", comment=b"hello")
    with pytest.raises(ImageError, match=r"a\.png: is JPEG, and text is only read from PNG"):
        png_text(tmp_path / "a.png")


@pytest.mark.parametrize("key", ["", " a", "a" * 80, "日本", "a\nb"])
def test_keys_that_png_does_not_know_are_refused(key):
    with pytest.raises(ImageError, match="not a valid key of PNG text; must be 1 to 79 Latin-1"):
        png_bytes([[0.0]], text={key: "x"})


@pytest.mark.parametrize("value", ["x" * (2**20 + 1), "a\0b", "\ud800"])
def test_text_that_would_not_come_back_is_refused(value):
    with pytest.raises(ImageError, match="recipe: "):
        png_bytes([[0.0]], text={"recipe": value})


@pytest.mark.parametrize("shape", [(3,), (1, 2, 2, 3), (0, 2, 3), (2, 2, 0)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ImageError, match="no image has the shape"):
        png_bytes(np.zeros(shape))


def test_of_many_channels_the_first_three_are_shown():
    bands = np.random.default_rng(0).random((3, 4, 7))
    assert png_bytes(bands) == png_bytes(bands[..., :3])
    np.testing.assert_array_equal(displayed(bands), bands[..., :3].astype("float32"))
    assert displayed(bands[..., :4]).shape == (3, 16, 1)


def test_a_gif_shows_each_frame_for_its_time():
    frames = np.linspace(0, 1, 5)[:, None, None, None] * np.ones((5, 4, 6, 3))
    with Image.open(io.BytesIO(gif_bytes(frames, seconds_per_frame=0.25))) as gif:
        assert (gif.n_frames, gif.size, gif.info["loop"], gif.info["duration"]) == (5, (6, 4), 0, 250)
        for index, gray in enumerate([0, 64, 128, 191, 255]):
            gif.seek(index)
            assert np.asarray(gif.convert("RGB"))[2, 3].tolist() == [gray] * 3


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_gif_takes_frames_of_any_channels(channels):
    frames = np.stack([np.zeros((3, 3, channels)), np.ones((3, 3, channels))])
    with Image.open(io.BytesIO(gif_bytes(frames))) as gif:
        gray = 0 if channels in (1, 3) else 128  # alpha 0 in the first frame: nothing but the ground
        assert np.asarray(gif.convert("RGB")).tolist() == np.full((3, 3, 3), gray).tolist()
        gif.seek(1)
        assert np.asarray(gif.convert("RGB")).tolist() == np.full((3, 3, 3), 255).tolist()
        assert gif.info["duration"] == 80


@pytest.mark.parametrize("frames", [[], [np.zeros((2, 2)), np.zeros((2, 3))]])
def test_frames_of_no_or_different_size_are_refused(frames):
    with pytest.raises(ImageError, match="must be at least one, all of one size"):
        gif_bytes(frames)


def test_channels_that_are_no_colors_are_placed_side_by_side():
    image = np.stack([np.zeros((2, 2)), np.ones((2, 2))], axis=-1)
    assert channels_side_by_side(image)[..., 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    color = np.ones((2, 2, 3), np.float32)
    assert channels_side_by_side(color) is color
