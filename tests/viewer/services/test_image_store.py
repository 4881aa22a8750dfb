import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dreamfilters.errors import ImageError, OutputError, UnknownNameError
from dreamfilters.viewer.services import image_store
from dreamfilters.viewer.services.image_store import ImageStore
from tests.viewer.http_client import png

RED = np.broadcast_to([1.0, 0.0, 0.0], (8, 6, 3))
BLUE = np.broadcast_to([0.0, 0.0, 1.0], (8, 6, 3))


@pytest.fixture
def store():
    store = ImageStore()
    yield store
    store.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "14").mkdir()
    (tmp_path / "14" / "red.png").write_bytes(png(RED))
    (tmp_path / "broken.png").write_bytes(b"no image")
    return tmp_path


def uploads_of(store):
    """The names of the files in the store's folder, without its lock."""
    return sorted(path.name for path in store.samples.parent.iterdir() if path.name != "lock")


def test_the_images_of_a_folder_get_ids_in_the_order_of_their_names(store, folder):
    ids, images = store.add_folder(folder)
    first, broken = store.listed()
    assert (first.id, first.name, first.label, first.width, first.height) == (ids[0], "14/red.png", "14", 6, 8)
    assert (broken.id, broken.width, broken.height) == (ids[1], 0, 0)
    assert images.names == (first.name, broken.name)
    assert str(folder) not in str(first.as_values())


def test_a_network_input_has_the_size_and_channels_of_the_network(store, folder):
    (red, broken), _ = store.add_folder(folder)
    assert store.network_input(red, (4, 4), 3)[0, 0].tolist() == [1, 0, 0]
    assert store.network_input(red, (4, 4), 1).shape == (4, 4, 1)
    with pytest.raises(ImageError, match=r"^broken\.png: is not an image in a supported format") as error:
        store.network_input(broken, (4, 4), 3)
    assert str(folder) not in str(error.value)


def test_an_array_of_many_channels_is_shown_and_given_to_the_network(store, tmp_path):
    np.save(tmp_path / "bands.npy", np.broadcast_to([1.0, 0.0, 0.0, 0.5, 0.5], (8, 6, 5)))
    (bands,), _ = store.add_folder(tmp_path)
    assert (store.image(bands).width, store.image(bands).height) == (6, 8)
    assert store.png(bands, 8) == png(RED)
    assert store.network_input(bands, (4, 4), 5)[0, 0].tolist() == [1, 0, 0, 0.5, 0.5]


def test_a_network_input_is_resized_by_the_rule(store, folder):
    corner = np.zeros((4, 4, 3))
    corner[0, 0] = 1  # one of the four pixels of a block
    image = store.add(png(corner), "corner").id
    area, bicubic = (store.network_input(image, (2, 2), 3, rule) for rule in ("area", "bicubic"))
    assert area[0, 0, 0] == pytest.approx(0.25)
    assert bicubic[0, 0, 0] != pytest.approx(0.25, abs=1e-3)


def test_an_upload_can_be_removed_and_an_image_of_the_folder_cannot(store, folder):
    ids, _ = store.add_folder(folder)
    upload = store.add(png(RED), "my%20dog.png")
    assert (upload.name, upload.uploaded, upload.width) == ("my dog.png", True, 6)
    assert [image.id for image in store.listed()] == [*ids, upload.id]
    assert store.png(upload.id, 4).startswith(b"\x89PNG")
    store.remove(upload.id)
    with pytest.raises(UnknownNameError, match=f"image {upload.id}: no image has this id"):
        store.png(upload.id, 4)
    with pytest.raises(ImageError, match="belongs to the folder"):
        store.remove(ids[0])


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/passwd", "passwd"), ("a%2F..%2Fb", "b"), ("C:%5Cx%5Cy.png", "y.png"), ("", "upload"), ("..", ".."),
     ("a%0Ab%00%1B[2J", "ab[2J"), ("x" * 500, "x" * 120), ("%E2%80%AEgnp", "gnp")],
)  # fmt: skip
def test_the_name_of_an_upload_is_only_displayed(store, given, name):
    upload = store.add(png(RED), given)
    assert upload.name == name
    assert uploads_of(store) == [upload.id]


def test_content_that_is_no_image_leaves_no_file(store):
    for content in (b"", b"<svg onload=alert(1)></svg>", png(RED)[:40], b"%!PS-Adobe-3.0 EPSF-3.0"):
        with pytest.raises(ImageError, match=r"^evil: "):
            store.add(content, "evil")
    assert store.listed() == []
    assert uploads_of(store) == []


def test_uploads_are_limited_in_pixels_and_in_number():
    small, full = ImageStore(max_pixels=47), ImageStore(max_pixels=48, max_uploads=1)
    with pytest.raises(ImageError, match="at most"):
        small.add(png(RED), "large")
    full.add(png(RED), "fits")
    with pytest.raises(ImageError, match="there are 1 uploads already"):
        full.add(png(RED), "one more")
    small.close()
    full.close()


def test_a_camera_frame_replaces_the_one_before(store):
    first, second = store.set_camera_frame(png(RED)), store.set_camera_frame(png(BLUE))
    assert (first.id, first.version) == (second.id, 0)
    assert second.version == 1
    assert store.network_input(second.id, (2, 2), 3)[0, 0].tolist() == [0, 0, 1]
    assert len(store.listed()) == 1


def test_no_two_images_have_the_same_id(store, folder):
    early = store.add(png(BLUE), "early").id
    ids, _ = store.add_folder(folder)
    camera, late = store.set_camera_frame(png(RED)).id, store.add(png(BLUE), "late").id
    assert len({early, *ids, camera, late}) == 5
    assert [image.id for image in store.listed()] == [*ids, early, camera, late]


def test_closing_deletes_the_uploads():
    store = ImageStore()
    store.add(png(RED), "one")
    folder = store.samples.parent
    store.close()
    assert not folder.exists()


def at_once(count, work):
    """The results of `count` calls of work, which begin together; an error counts as None."""
    barrier = threading.Barrier(count)

    def call(number):
        barrier.wait()
        try:
            return work(number)
        except ImageError:
            return None

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def test_the_limit_of_uploads_holds_for_uploads_that_arrive_together():
    store, content = ImageStore(max_uploads=8), png(RED)
    stored = [each for each in at_once(24, lambda number: store.add(content, f"{number}")) if each]
    assert len(stored) == 8
    assert uploads_of(store) == sorted(image.id for image in stored)
    store.remove(stored[0].id)
    assert store.add(content, "in the free place").id
    with pytest.raises(ImageError, match="there are 8 uploads already"):
        store.add(b"no image", "refused")
    store.remove(stored[1].id)
    with pytest.raises(ImageError, match="refused: is not an image"):
        store.add(b"no image", "refused")
    assert store.add(content, "a refused upload takes no place").id
    store.close()


def test_camera_frames_that_arrive_together_are_one_image_of_different_versions(store):
    content = png(RED)
    frames = at_once(8, lambda _: store.set_camera_frame(content))
    assert len({frame.id for frame in frames}) == len(store.listed()) == 1
    assert sorted(frame.version for frame in frames) == list(range(8))


def test_an_upload_that_does_not_fit_on_the_disk_is_one_line_and_leaves_nothing(store, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class FullFile:
        """A file on a full disk."""

        write, flush, close = full, full, lambda *_: None

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", lambda descriptor, _: os.close(descriptor) or FullFile())
        with pytest.raises(OutputError, match=r"^my dog.png: cannot be stored \(No space left on device\); free space"):
            store.add(png(RED), "my%20dog.png")
    assert (uploads_of(store), store.listed()) == ([], [])
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]
    assert store.add(png(RED), "small").id  # the failed one takes no place and no name


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_an_upload_above_the_limit_of_the_system_leaves_nothing():
    code = """if True:
        import resource, sys
        from dreamfilters.errors import OutputError
        from dreamfilters.viewer.services.image_store import ImageStore
        store = ImageStore()
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            store.add(sys.stdin.buffer.read(), "noise.png")
        except OutputError as error:
            print(error)
        print(sorted(path.name for path in store.samples.parent.iterdir()))
    """
    noise = png(np.random.default_rng(0).uniform(0, 1, (64, 64, 3)))
    done = subprocess.run([sys.executable, "-c", code], input=noise, capture_output=True, timeout=60, check=True)
    assert done.stdout.decode().splitlines() == [
        "noise.png: cannot be stored (File too large); free space for temporary files", "['lock']",
    ]  # fmt: skip


def test_of_a_large_folder_the_first_images_are_listed_and_others_on_request(store, tmp_path, monkeypatch):
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(png(np.zeros((3, 2 + number, 3))))
    monkeypatch.setattr(image_store, "_MAX_LISTED", 2)
    ids, _ = store.add_folder(tmp_path)
    assert [image.name for image in store.listed()] == ["0.png", "1.png"]
    further = store.listed([ids[1], ids[4], ids[2], ids[3]])
    assert [(image.name, image.width) for image in further] == [
        ("0.png", 2), ("1.png", 3), ("4.png", 6), ("2.png", 4),
    ]  # fmt: skip


def test_a_cropped_image_is_its_middle_in_the_shape_of_the_input(store, tmp_path):
    """Twelve columns: the four in the middle are white."""
    wide = np.zeros((4, 12, 3))
    wide[:, 4:8] = 1
    (tmp_path / "wide.png").write_bytes(png(wide))
    (image,), _ = store.add_folder(tmp_path)
    stretched, cropped = (store.network_input(key, (4, 4), 3, "area") for key in (image, f"{image}.cropped"))
    assert stretched.mean(axis=(0, 2)) == pytest.approx([0, 2 / 3, 2 / 3, 0])  # each column is the mean of three
    assert (cropped == 1).all()
    assert (store.image(f"{image}.cropped").cropped, store.image(image).cropped) == (True, False)
    assert store.values(image, (4, 4), 3, "area").shape == (4, 12, 3)
    assert store.values(f"{image}.cropped", (2, 1), 3, "area").shape == (4, 2, 3)
    with pytest.raises(UnknownNameError):
        store.image(f"{image}.cropped.cropped")


def test_values_of_a_large_image_are_reduced(store, monkeypatch):
    monkeypatch.setattr(image_store, "_MOST_VALUES", 4)
    image = store.add(png(RED), "red.png")
    assert store.values(image.id, (2, 2), 3, "area").shape == (4, 3, 3)
    assert store.values(image.id, (6, 6), 3, "area").shape == (6, 4, 3)  # no smaller than the network's input


def test_an_upload_is_removed_with_the_inputs_of_its_middle(store):
    upload = store.add(png(RED), "red.png").id
    store.network_input(f"{upload}.cropped", (4, 4), 3)
    store.remove(f"{upload}.cropped")
    assert uploads_of(store) == []
    with pytest.raises(UnknownNameError):
        store.network_input(f"{upload}.cropped", (4, 4), 3)
