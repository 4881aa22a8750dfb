import numpy as np
import pytest

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.viewer.services import image_store as module
from dreamfilters.viewer.services.image_store import ImageStore
from tests.viewer.visiting import png

RED = np.broadcast_to([1.0, 0.0, 0.0], (8, 6, 3))
BLUE = np.broadcast_to([0.0, 0.0, 1.0], (8, 6, 3))


@pytest.fixture
def gallery():
    found = ImageStore()
    yield found
    found.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "14").mkdir()
    (tmp_path / "14" / "red.png").write_bytes(png(RED))
    (tmp_path / "broken.png").write_bytes(b"no image")
    return tmp_path


def test_a_folders_images_are_known_by_ids_in_the_order_of_their_names(gallery, folder):
    gallery.open(folder)
    first, broken = gallery.listed()
    assert (first.id, first.name, first.label, first.width, first.height) == ("I0", "14/red.png", "14", 6, 8)
    assert (broken.id, broken.width, broken.height) == ("I1", 0, 0)
    assert str(folder) not in str(first.as_values())


def test_what_the_network_is_shown_has_its_size_and_channels(gallery, folder):
    gallery.open(folder)
    assert gallery.shown("I0", (4, 4), 3)[0, 0].tolist() == [1, 0, 0]
    assert gallery.shown("I0", (4, 4), 1).shape == (4, 4, 1)
    with pytest.raises(ImageError, match=r"^broken\.png: is no image of a kind") as error:
        gallery.shown("I1", (4, 4), 3)
    assert str(folder) not in str(error.value)


def test_an_upload_is_an_image_until_it_is_forgotten(gallery, folder):
    gallery.open(folder)
    item = gallery.add(png(RED), "my%20dog.png")
    assert (item.id, item.name, item.uploaded, item.width) == ("U0", "my dog.png", True, 6)
    assert [each.id for each in gallery.listed()] == ["I0", "I1", "U0"]
    assert gallery.png("U0", 4).startswith(b"\x89PNG")
    gallery.forget("U0")
    with pytest.raises(UnknownNameError, match="image U0: there is none"):
        gallery.png("U0", 4)
    with pytest.raises(ImageError, match="belongs to the folder"):
        gallery.forget("I0")


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/passwd", "passwd"), ("a%2F..%2Fb", "b"), ("C:%5Cx%5Cy.png", "y.png"), ("", "upload"), ("..", ".."),
     ("a%0Ab%00%1B[2J", "ab[2J"), ("x" * 500, "x" * 120), ("%E2%80%AEgnp", "gnp")],
)  # fmt: skip
def test_an_uploads_name_is_for_people_only(gallery, given, name):
    assert gallery.add(png(RED), given).name == name
    assert sorted(path.name for path in gallery.samples.parent.iterdir()) == ["U0"]


def test_what_is_no_image_leaves_nothing_behind(gallery):
    for content in (b"", b"<svg onload=alert(1)></svg>", png(RED)[:40], b"%!PS-Adobe-3.0 EPSF-3.0"):
        with pytest.raises(ImageError, match=r"^evil: "):
            gallery.add(content, "evil")
    assert gallery.listed() == []
    assert list(gallery.samples.parent.iterdir()) == []


def test_uploads_are_bounded_in_pixels_and_in_number(gallery, monkeypatch):
    monkeypatch.setattr(module, "_MOST_PIXELS", 47)
    with pytest.raises(ImageError, match="at most"):
        gallery.add(png(RED), "large")
    monkeypatch.setattr(module, "_MOST_PIXELS", 48)
    monkeypatch.setattr(module, "_MOST_UPLOADS", 1)
    gallery.add(png(RED), "fits")
    with pytest.raises(ImageError, match="1 uploads are here already"):
        gallery.add(png(RED), "one more")


def test_the_webcams_image_is_one_that_is_replaced(gallery):
    first, second = gallery.frame(png(RED)), gallery.frame(png(BLUE))
    assert (first.id, first.version) == (second.id, 0)
    assert second.version == 1
    assert gallery.shown(second.id, (2, 2), 3)[0, 0].tolist() == [0, 0, 1]
    assert len(gallery.listed()) == 1


def test_a_folder_that_is_opened_late_does_not_take_an_uploads_id(gallery, folder):
    gallery.add(png(BLUE), "early")
    gallery.open(folder)
    assert [item.id for item in gallery.listed()] == ["I0", "I1", "U0"]


def test_the_uploads_go_with_the_gallery():
    gallery = ImageStore()
    gallery.add(png(RED), "one")
    folder = gallery.samples.parent
    gallery.close()
    assert not folder.exists()
