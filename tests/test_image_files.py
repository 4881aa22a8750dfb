"""Image files are found by their suffix, at any depth."""

import pytest

from dreamfilters.errors import ImageError
from dreamfilters.image_files import image_paths


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_file_of_any_suffix_is_its_own_path(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert image_paths(tmp_path / "notes.txt") == (tmp_path / "notes.txt",)


def test_a_folder_gives_its_images_at_any_depth_sorted(tmp_path):
    wanted = [put(tmp_path / name) for name in ("b/1.PNG", "b/c/2.Jpg", "a.webp", "B.tiff", "ä.gif")]
    for other in ("readme.md", ".hidden.png", ".git/3.png", "png", "b/Thumbs.db"):
        put(tmp_path / other)
    assert image_paths(tmp_path) == tuple(sorted(wanted, key=lambda path: path.as_posix()))
    assert image_paths(str(tmp_path))[0].name == "B.tiff"


def test_a_link_to_the_folder_itself_is_not_followed(tmp_path):
    put(tmp_path / "a.png")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert image_paths(tmp_path) == (tmp_path / "a.png",)


def test_a_missing_or_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ImageError, match=r"none: no such file or folder"):
        image_paths(tmp_path / "none")
    with pytest.raises(ImageError, match=r"no image files in this folder; known are .*\.png"):
        image_paths(tmp_path)
