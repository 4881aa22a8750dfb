"""Tests of image sources: files and arrays."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ImageError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.networks import InputForm


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.new("RGB", (6, 4), (85 * number, 0, 0)).save(tmp_path / "ab"[number % 2] / f"{number}.png")
    return tmp_path


def test_files_have_names_labels_and_failures(folder):
    (folder / "a" / "2.png").write_bytes(b"")
    source = source_of(image_folder(folder))
    assert source.names == ("a/0.png", "a/2.png", "b/1.png")
    assert source.labels == ("a", "a", "b")
    assert [index for index, _ in source.fitted((4, 4), InputForm()).only(range(3))] == [0, 2]
    assert source.tried(1) == "is empty (0 bytes); get a fresh copy"
    assert source.first(3).shape == (4, 6, 3)


def test_the_digest_depends_on_names_lengths_and_contents(folder):
    before = source_of(image_folder(folder)).digest
    assert source_of(image_folder(folder)).digest == before
    image = folder / "a" / "0.png"
    content = bytearray(image.read_bytes())
    content[-20] ^= 1
    image.write_bytes(content)
    changed = source_of(image_folder(folder)).digest
    image.rename(folder / "a" / "00.png")
    assert len({before, changed, source_of(image_folder(folder)).digest}) == 3
    os.utime(folder / "b" / "1.png", (0, 0))
    shutil.copytree(folder, folder.with_name("copy"))
    assert source_of(image_folder(folder.with_name("copy"))).digest == source_of(image_folder(folder)).digest


def test_the_digest_reads_both_ends_of_a_large_file(folder):
    large = folder / "a" / "0.png"
    digests = set()
    for position in (0, 150_000, 299_999):
        content = bytearray(300_000)
        content[position] = 1
        large.write_bytes(content)
        digests.add(source_of(image_folder(folder)).digest)
    large.write_bytes(bytes(300_000))
    assert len(digests) == 3
    assert source_of(image_folder(folder)).digest in digests  # the middle is not read


def test_arrays_are_resized_and_numbered():
    source = source_of(np.zeros((3, 8, 8, 3), np.float32), ["x", "", "y"])
    assert source.names == ("0", "1", "2")
    assert [(index, image.shape) for index, image in source.fitted((4, 5), InputForm()).only([1, 2])] == [
        (1, (4, 5, 3)),
        (2, (4, 5, 3)),
    ]
    assert source.digest != source_of(np.ones((3, 8, 8, 3), np.float32)).digest


def test_an_image_without_a_channel_axis_is_refused():
    with pytest.raises(ImageError, match=r"\(4, 4\)"):
        source_of(np.zeros((2, 4, 4))).first(3)
