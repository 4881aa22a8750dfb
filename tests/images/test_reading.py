"""Folders of good and bad files."""

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ImageError
from dreamfilters.images import image_paths, label_of, read_images


def put(path, size=(2, 2), color=(255, 255, 255)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path, "PNG")
    return path


def test_a_file_means_itself_whatever_its_suffix(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert image_paths(tmp_path / "notes.txt") == (tmp_path / "notes.txt",)


def test_a_folder_means_its_images_sorted_at_any_depth(tmp_path):
    wanted = [put(tmp_path / name) for name in ("b/1.PNG", "b/c/2.Jpg", "a.webp", "B.tiff", "ä.gif")]
    for other in ("readme.md", ".hidden.png", ".git/3.png", "png", "b/Thumbs.db"):
        put(tmp_path / other)
    assert image_paths(tmp_path) == tuple(sorted(wanted, key=lambda path: path.as_posix()))
    assert image_paths(str(tmp_path))[0].name == "B.tiff"


def test_a_folder_that_links_to_itself_ends(tmp_path):
    put(tmp_path / "a.png")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert image_paths(tmp_path) == (tmp_path / "a.png",)


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(ImageError, match=r"none: no such file or folder"):
        image_paths(tmp_path / "none")
    with pytest.raises(ImageError, match=r"no image files in this folder; known are .*\.png"):
        image_paths(tmp_path)


def test_the_label_is_the_first_folder_below():
    assert label_of("signs/14/x/1.png", "signs") == "14"
    assert label_of("signs/1.png", "signs") == ""
    assert label_of("elsewhere/14/1.png", "signs") == ""
    assert label_of("./signs/14/1.png", "signs/") == "14"


def test_bad_files_are_named_and_never_fatal(tmp_path):
    put(tmp_path / "1.png", color=(255, 0, 0))
    (tmp_path / "2.png").touch()
    put(tmp_path / "3.png", size=(8, 4), color=(0, 0, 255))
    (tmp_path / "4.jpg").write_text("no")
    readings = read_images(tmp_path, size=(6, 5))
    assert [path.name for path in readings.paths] == ["1.png", "3.png"]
    np.testing.assert_allclose(readings.images[:, 3, 2], [[1, 0, 0], [0, 0, 1]], atol=1e-6)
    assert [path.name for path, _ in readings.failures] == ["2.png", "4.jpg"]
    assert readings.failures[0][1] == "is empty (0 bytes); get a fresh copy"


def test_without_a_size_the_first_image_sets_it(tmp_path):
    put(tmp_path / "1.png", size=(3, 2))
    put(tmp_path / "2.png", size=(2, 3))
    put(tmp_path / "3.png", size=(3, 2))
    readings = read_images(tmp_path, channels=1)
    assert readings.images.tolist() == [[[[1]] * 3] * 2] * 2
    assert readings.failures == ((tmp_path / "2.png", "is 3x2, but the first image is 2x3; give a size"),)


def test_where_nothing_can_be_read_there_are_no_images(tmp_path):
    (tmp_path / "1.png").touch()
    readings = read_images(tmp_path, size=(4, 5), channels=2)
    assert readings.images.shape == (0, 4, 5, 2)
    assert (readings.paths, len(readings.failures)) == ((), 1)


@pytest.mark.parametrize("settings", [{"channels": 7}, {"size": (0, 3)}])
def test_impossible_settings_are_told_once_and_not_per_image(settings, tmp_path):
    put(tmp_path / "1.png")
    with pytest.raises(ImageError, match=r"channels=7|0x3"):
        read_images(tmp_path, **settings)
