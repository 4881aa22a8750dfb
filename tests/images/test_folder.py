"""Folders of images: order, unreadable files, labels, prefetching and the end of its threads."""

import itertools
import threading
import time

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ImageError
from dreamfilters.images import image_folder
from dreamfilters.images.folder import ImageFolder
from dreamfilters.images.labels import label_of
from dreamfilters.images.prefetch import in_order, prefetched


def put(path, gray=255, size=(2, 2)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, gray).save(path, "PNG")
    return path


@pytest.fixture
def folder(tmp_path):
    """Eight images in two classes, number i of gray i; two are unreadable."""
    for number in range(8):
        put(tmp_path / "ab"[number // 4] / f"{number}.png", number)
    (tmp_path / "a" / "1.png").write_bytes(b"")
    (tmp_path / "b" / "6.png").write_text("no image")
    return tmp_path


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "dreamfilters-ahead"]


def test_images_come_in_order_with_their_index_and_label(folder):
    found = image_folder(folder, size=(3, 4))
    seen = list(found)
    assert [index for index, _ in seen] == [0, 2, 3, 4, 5, 7]
    for index, image in seen:
        np.testing.assert_array_equal(image, np.full((3, 4, 3), index / 255, np.float32))
    assert len(found) == 8
    assert [path.name for path in found.paths] == [f"{number}.png" for number in range(8)]
    assert found.labels == ("a",) * 4 + ("b",) * 4


def test_failures_are_listed_once_when_they_are_read(folder):
    found = image_folder(folder)
    assert found.failures == ()
    for _ in range(2):
        list(found)
    assert [path.name for path, _ in found.failures] == ["1.png", "6.png"]
    assert found.failures[0][1] == "is empty (0 bytes); get a fresh copy"
    put(folder / "a" / "1.png", 1)
    assert [index for index, _ in found.only([1])] == [1]
    assert [path.name for path, _ in found.failures] == ["6.png"]


def test_some_images_or_one_can_be_read(folder):
    found = image_folder(folder, channels=1)
    assert [index for index, _ in found.only([5, 1, 4])] == [5, 4]
    np.testing.assert_array_equal(found.read(7), np.full((2, 2, 1), 7 / 255, np.float32))
    with pytest.raises(ImageError, match=r"6\.png: is not an image"):
        found.read(6)


def test_a_file_is_a_folder_of_one(folder):
    found = image_folder(folder / "a" / "3.png")
    assert [index for index, _ in found] == [0]
    assert found.labels == ("",)


def test_the_thread_ends_with_its_consumer(folder):
    pairs = iter(image_folder(folder))
    next(pairs)
    pairs.close()
    assert threads() == []
    for index, _ in image_folder(folder):
        if index == 2:
            break
    assert threads() == []


def test_arrays_are_images_where_there_are_no_image_files(tmp_path):
    np.save(tmp_path / "b.npy", np.full((2, 2, 5), 0.5))
    np.savez(tmp_path / "a.npz", np.full((2, 2, 5), 51, np.uint8))
    found = image_folder(tmp_path, channels=5, size=(3, 3))
    assert found.names == ("a.npz", "b.npy")
    assert [image[0, 0].tolist() for _, image in found] == [pytest.approx([0.2] * 5), [0.5] * 5]
    put(tmp_path / "c.png")
    assert image_folder(tmp_path).names == ("c.png",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (0, 4)}, r"size=\(0, 4\)"),
        ({"channels": 0}, "channels=0"),
        ({"labels": "none.csv"}, r"none\.csv: cannot be read: No such file"),
    ],
)
def test_invalid_arguments_are_refused_at_once(folder, settings, message):
    with pytest.raises(ImageError, match=message):
        image_folder(folder, **settings)


@pytest.mark.parametrize(
    "text",
    [
        "a/0.png,STOP\nb/7.png,Vorfahrt\n",
        "file,label\na/0.png,STOP\nb/7.png,Vorfahrt\n",
        "Width;ClassId;Path\n29;STOP;a/0.png\n30;Vorfahrt;b/7.png\n",
        "0.png\tSTOP\n./b/../b/7.png\tVorfahrt\n",
        '"a/0.png","STOP"\r\n"b/7.png","Vorfahrt"\r\n',
    ],
)
def test_labels_are_read_from_a_csv(folder, text):
    (folder / "labels.csv").write_text(text, newline="")
    found = image_folder(folder, labels=folder / "labels.csv")
    assert found.labels == ("STOP", *[""] * 6, "Vorfahrt")


def test_a_bare_name_of_two_images_labels_neither(folder):
    put(folder / "b" / "0.png")
    (folder / "labels.csv").write_text("0.png,STOP\n7.png,Vorfahrt")
    found = image_folder(folder, labels=folder / "labels.csv")
    assert dict(zip((path.name for path in found.paths), found.labels, strict=True))["0.png"] == ""
    assert found.labels[-1] == "Vorfahrt"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"c/9.png,STOP", r"names none of the 8 images in .*; paths are relative to it, such as a/0\.png"),
        (b"a/0.png", "row 1 has no label; lines must look like"),
        (b"", "has no rows"),
        (b"\xff\xfe\x00", "is not a text file in UTF-8"),
    ],
)
def test_a_csv_that_does_not_fit_is_refused(folder, content, message):
    (folder / "labels.csv").write_bytes(content)
    with pytest.raises(ImageError, match=message):
        image_folder(folder, labels=folder / "labels.csv")


def test_prefetching_stops_at_the_limit():
    made = []

    def items():
        for number in itertools.count():
            made.append(number)
            yield number

    taken = prefetched(items(), lambda _: 10, limit=30)
    assert next(taken) == 0
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert made == [0, 1, 2, 3]  # the one taken, and 30 bytes of others
    taken.close()
    assert threads() == []


def test_an_error_is_raised_after_the_items_before_it():
    def items():
        yield 1
        raise ZeroDivisionError

    taken = prefetched(items(), lambda _: 1, limit=10)
    assert next(taken) == 1
    with pytest.raises(ZeroDivisionError):
        next(taken)


def test_folders_are_compared_by_identity(folder):
    assert image_folder(folder) != image_folder(folder)
    assert "failures" not in repr(ImageFolder((), ()))


def test_names_are_relative_to_the_folder(folder):
    assert image_folder(folder).names[:2] == ("a/0.png", "a/1.png")
    assert image_folder(folder / "a" / "3.png").names == ("3.png",)
    assert ImageFolder((folder / "a" / "0.png",), ("",), folder=folder / "b").names == (f"{folder.as_posix()}/a/0.png",)


def test_the_same_files_at_another_size_share_their_failures(folder):
    found = image_folder(folder)
    small = found.fitted((1, 1), 1)
    assert {image.shape for _, image in small} == {(1, 1, 1)}
    assert found.failures == small.failures != ()


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("dreamfilters-work")]


def test_several_threads_give_results_in_the_order_of_their_items():
    def work(number):
        time.sleep(0.002 * (number % 3 == 0))  # every third is late
        return number * number

    assert list(in_order(work, range(20), threads=3)) == [number * number for number in range(20)]
    assert list(in_order(work, [], threads=3)) == []
    assert workers() == []


def test_threads_take_few_items_ahead_and_end_with_their_consumer():
    taken = []
    results = in_order(str, (taken.append(number) or number for number in itertools.count()), threads=2)
    assert next(results) == "0"
    assert taken == [0, 1, 2]
    results.close()
    assert workers() == []


def test_an_error_is_raised_in_place_of_its_result():
    results = in_order(lambda number: 1 // number, [1, 1, 0, 1], threads=2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert workers() == []


def test_trying_one_image_gives_it_or_the_reason(folder):
    found = image_folder(folder)
    assert found.tried(2).shape == (2, 2, 3)
    assert found.tried(1) == "is empty (0 bytes); get a fresh copy"
    assert [path.name for path, _ in found.failures] == ["1.png"]


def test_the_label_is_the_first_folder_below():
    assert label_of("signs/14/x/1.png", "signs") == "14"
    assert label_of("signs/1.png", "signs") == ""
    assert label_of("elsewhere/14/1.png", "signs") == ""
    assert label_of("./signs/14/1.png", "signs/") == "14"
