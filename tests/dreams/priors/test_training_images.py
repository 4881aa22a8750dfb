"""Which images a prior is trained on: their size, copies, flat ones, and the groups that are held out."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from dreamfilters.dreams.priors import pixel_store
from dreamfilters.dreams.priors.training_images import held_out, training_images, working_size
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.images import image_folder


def random_images(count, side=8, channels=3):
    return np.random.default_rng(0).random((count, side, side, channels)).astype("float32")


def test_images_are_reduced_and_kept_in_8_bits():
    found = training_images(random_images(120, 16), (8, 8), 3)
    assert found.pixels.shape == (120, 8, 8, 3)
    assert found.pixels.take([0]).dtype == np.uint8
    assert found.held_out.sum() == 12
    same = training_images(np.rint(random_images(120, 16) * 255).astype("uint8"), (8, 8), 3)
    assert np.abs(found.pixels.take(range(120)).astype(int) - same.pixels.take(range(120))).max() <= 1


def test_copies_and_images_of_one_color_do_not_count():
    images = random_images(100)
    flat = np.ones((50, 8, 8, 3), "float32") * np.linspace(0, 1, 50, dtype="float32")[:, None, None, None]
    found = training_images(np.concatenate([images, flat, images[:20]]), (8, 8), 3)
    assert (len(found.pixels), found.found) == (100, 170)
    with pytest.raises(RecipeError, match="149 images, of which 99 can be read, differ and have more than one color"):
        training_images(np.concatenate([images[:99], flat]), (8, 8), 3)
    with pytest.raises(RecipeError, match="0 images"):
        training_images(images[:0], (8, 8), 3)
    with pytest.raises(ImageError, match=r"image 0 of shape \(8, 8, 3\): must be \(h, w, 1\); give channels="):
        training_images(images, (8, 8), 1)


def test_all_images_count_and_the_digest_is_that_of_their_pixels(monkeypatch, tmp_path):
    images = random_images(1000, channels=1)
    whole = np.rint(images * 255).astype("uint8")
    digest = hashlib.sha256(b"(1000, 8, 8, 1)" + whole.tobytes()).hexdigest()[:16]
    for limit in (2**28, 8 * 8 * 110):  # in memory, and in a file from the 111th image on
        monkeypatch.setattr(pixel_store, "MOST_BYTES", limit)
        found = training_images(images, (8, 8), 1, folder=tmp_path)
        assert (len(found.pixels), found.found, found.digest) == (1000, 1000, digest)
        assert np.array_equal(found.pixels.take(range(1000)), whole)
        rows = np.flatnonzero(~found.held_out)
        assert np.array_equal(found.sample(3), whole[rows[[0, len(rows) // 2 - 1, len(rows) - 1]]])
    assert not list(tmp_path.iterdir())  # the file has no name


def test_a_folder_is_read_and_its_unreadable_files_are_named(tmp_path):
    for number, image in enumerate(random_images(101)):
        Image.fromarray(np.uint8(image * 255)).save(tmp_path / f"{number:03}.png")
    folder = image_folder(tmp_path)
    assert len(training_images(folder, (8, 8), 3).pixels) == 101
    for number in range(5):
        (tmp_path / f"{number:03}.png").write_bytes(b"no image")
    with pytest.raises(RecipeError, match=r"101 images, of which 96 .*; first error: .*000.png"):
        training_images(image_folder(tmp_path), (8, 8), 3)


def test_frames_of_a_track_are_all_held_out_or_none():
    names = [f"{track % 5}/{track:05}_{frame:03}.png" for track in range(200) for frame in range(10)]
    out = held_out(names).reshape(200, 10)
    assert set(out.sum(axis=1).tolist()) == {0, 10}
    assert out.any(axis=1).sum() == 20
    assert np.array_equal(out, held_out(names).reshape(200, 10))


def test_of_few_groups_single_images_are_held_out():
    numbered = held_out([f"{number % 3}/{number:04}.png" for number in range(300)])  # a name that is only a number
    photos = held_out([f"IMG_{number}.jpg" for number in range(300)])  # one prefix
    assert numbered.sum() == photos.sum() == 30


def test_of_groups_that_are_too_large_the_smallest_is_held_out():
    names = [f"film{group}_{frame}.png" for group in range(60) for frame in range(1 if group == 7 else 2)]
    out = held_out(names[:5])  # at most half an image
    assert out.sum() == 1


@pytest.mark.parametrize(
    ("shape", "size", "found"),
    [
        ((20, 50, 3), None, (24, 24)),
        ((300, 300, 3), None, (48, 48)),
        ((5, 5, 3), None, (8, 8)),
        ((64, 64, 3), 30, (32, 32)),
        ((64, 64, 3), 96, (96, 96)),
        ((64, 64, 3), (32, 70), (32, 72)),
    ],
)
def test_the_size_is_a_multiple_that_the_denoiser_takes(shape, size, found):
    assert working_size(np.zeros((3, *shape)), size) == found
    with pytest.raises(RecipeError, match="size=224: a prior has sides of 8 to 96 pixels"):
        working_size(np.zeros((3, *shape)), 224)
