"""Contact sheets: every image is complete, in its place and labeled."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dreamfilters.errors import ImageError
from dreamfilters.images import contact_sheet, image_folder, png_bytes

GROUND = 26 / 255


def test_each_image_stands_in_its_cell():
    sheet = contact_sheet(np.eye(4)[:, None, None, 1:], columns=2, tile=50, gap=10)  # black, red, green, blue
    assert sheet.shape == (2 * 20 + 2 * 50 + 10, 150, 3)
    for (top, left), color in zip([(20, 20), (20, 80), (80, 20), (80, 80)], np.eye(4)[:, 1:], strict=True):
        assert (sheet[top : top + 50, left : left + 50] == color.astype("float32")).all()
    np.testing.assert_allclose(sheet[:20], GROUND, atol=1e-6)
    np.testing.assert_allclose(sheet[70:80], GROUND, atol=1e-6)


def test_tiny_images_are_enlarged_in_squares():
    sheet = contact_sheet([[[0.0, 1.0], [1.0, 0.0]]], tile=100, gap=0)
    assert sheet[..., 0].tolist() == np.kron([[0, 1], [1, 0]], np.ones((50, 50))).tolist()


def test_larger_images_are_enlarged_smoothly_and_by_themselves_to_128_pixels():
    ramp = np.linspace(0, 1, 32)[None].repeat(32, 0)
    sheet = contact_sheet([ramp], gap=0)
    assert sheet.shape == (128, 128, 3)
    assert len(np.unique(sheet[64, :, 0])) > 64


def test_an_image_keeps_its_proportions_in_the_middle_of_its_cell():
    sheet = contact_sheet([np.ones((20, 40)), np.ones((40, 20))], columns=2, tile=100, gap=10)
    bright = sheet[..., 0] == 1
    assert bright[:, 20:120].any(axis=1).nonzero()[0].tolist() == list(range(45, 95))
    assert bright[:, 130:230].any(axis=0).nonzero()[0].tolist() == list(range(25, 75))


def test_a_caption_stands_below_its_own_image_alone():
    plain = contact_sheet(np.zeros((2, 4, 4)), ["", " "], columns=2, tile=100, gap=10)
    written = contact_sheet(np.zeros((2, 4, 4)), ["", "Übermaß"], columns=2, tile=100, gap=10)
    rows, columns = (np.abs(written - plain).sum(axis=-1) > 0).nonzero()
    assert rows.min() > 120
    assert columns.min() >= 130
    assert columns.max() < 230


def test_a_long_caption_does_not_reach_its_neighbor():
    captions = ["a very long caption, much longer than its tile is wide", ""]
    sheet = contact_sheet(np.zeros((2, 4, 4)), captions, columns=2, tile=100, gap=10)
    np.testing.assert_allclose(sheet[:, 120:130], GROUND, atol=1e-6)


def test_a_title_stands_above_all():
    plain = contact_sheet(np.zeros((4, 4, 4)), tile=100, columns=2)
    titled = contact_sheet(np.zeros((4, 4, 4)), tile=100, columns=2, title="conv6: stärkste Bilder")
    above = titled.shape[0] - plain.shape[0]
    assert above > 20
    assert titled[:above].max() > 0.8
    assert titled[above + 24 :].tolist() == plain[24:].tolist()


def test_a_sheet_of_one_image_is_as_wide_as_its_title():
    plain, titled = (contact_sheet(np.zeros((1, 4, 4)), tile=100, title=text) for text in ("", "a title " * 6))
    assert titled.shape[1] > plain.shape[1] + 50
    endless = contact_sheet(np.zeros((1, 4, 4)), tile=100, gap=10, title="a title " * 99)
    assert endless.shape[1] == 4 * 100 + 2 * 20  # four tiles, and a margin on either side


def test_alpha_lies_on_gray_and_mixed_channels_stand_together():
    images = [np.zeros((1, 1, 4)), np.ones((1, 1, 3)), np.ones((1, 1)), np.zeros((1, 1, 2))]
    sheet = contact_sheet(images, columns=4, tile=10, gap=0)
    np.testing.assert_allclose(sheet[5, 5::10], [[128 / 255] * 3, [1] * 3, [1] * 3, [128 / 255] * 3], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.text(max_size=30))
def test_any_number_of_images_and_any_captions_fit(count, caption):
    sheet = contact_sheet(np.ones((count, 2, 2)), [caption] * count, tile=16, gap=2)
    assert (sheet == 1).all(axis=-1).sum() >= count * 16 * 16  # no image is covered by another or by text
    height, width, _ = sheet.shape
    assert width <= 80 * height  # and no sheet is one endless row


def test_the_same_images_give_the_same_sheet():
    images = np.random.default_rng(0).random((3, 20, 20, 3))
    first, second = (contact_sheet(images, ["ä", "b"], title="t") for _ in range(2))
    assert first.tolist() == second.tolist()


def test_impossible_sheets_are_refused():
    with pytest.raises(ImageError, match="contact sheet: 0 captions for 0 images"):
        contact_sheet([])
    with pytest.raises(ImageError, match="contact sheet: 2 captions for 1 images"):
        contact_sheet([[[0.0]]], ["a", "b"])
    with pytest.raises(ImageError, match="no image has the shape"):
        contact_sheet([np.zeros((2, 2, 7, 1))])


def test_the_images_of_a_folder_are_named(tmp_path):
    images = {"a.png": np.zeros((20, 20, 3)), "b/c.png": np.ones((20, 20, 3))}
    for name, image in images.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png_bytes(image))
    (tmp_path / "a-broken.png").write_bytes(b"no image")
    folder = image_folder(tmp_path)
    np.testing.assert_array_equal(contact_sheet(folder), contact_sheet(list(images.values()), list(images)))
    html = folder._repr_html_()
    assert html.count("<img") == 2
    assert "a-broken.png: is" in html
    assert repr(folder) == f"ImageFolder({str(tmp_path)[-80:]!r}, 3 images in 1 class, 3 channels)"


def test_a_caption_that_is_too_long_is_broken_after_its_last_comma():
    def captioned(text):
        return contact_sheet([np.zeros((32, 32))], [text])

    np.testing.assert_array_equal(captioned("predicted: stripes, 40.5 %"), captioned("predicted: stripes,\n40.5 %"))
    assert len(captioned("cross, 99 %")) == len(captioned("cross"))
