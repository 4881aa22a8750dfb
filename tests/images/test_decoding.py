"""Hand-made files of unusual kinds, and the pixels that must be read from them."""

import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st
from PIL import Image, features

from dreamfilters.errors import ImageError
from dreamfilters.images import LARGEST, decoding, image_folder, read_image
from dreamfilters.images.decoding import image_size, read_shown

RED, GRAY, WHITE = (255, 0, 0), (128, 128, 128), (255, 255, 255)


def saved(path, image, **settings):
    image.save(path, **settings)
    return path


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_file(width: int, height: int, depth: int, color: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def refused(path, match):
    with pytest.raises(ImageError, match=match) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_a_plain_png_is_read_to_the_value(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(np.array([[[0, 51, 255], [102, 153, 204]]], "uint8")))
    image = read_image(path)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, [[[0, 0.2, 1], [0.4, 0.6, 0.8]]], atol=1e-7)


FLAT = ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"] + ["AVIF"] * features.check("avif")


@pytest.mark.parametrize("kind", FLAT)
def test_every_format_on_the_list_is_read(kind, tmp_path):
    path = saved(tmp_path / "image", Image.new("RGB", (16, 8), (200, 100, 50)), format=kind)
    image = read_image(path)
    assert image.shape == (8, 16, 3)
    np.testing.assert_allclose(image * 255, np.broadcast_to([200, 100, 50], (8, 16, 3)), atol=4)


@pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "EPS", "PDF", "SGI"])
def test_no_other_format_is_even_tried(kind, tmp_path):
    refused(
        saved(tmp_path / "a.png", Image.new("RGB", (16, 16)), format=kind),
        r"a\.png: is not an image",
    )


def test_the_content_tells_the_format_not_the_name(tmp_path):
    saved(tmp_path / "lies.jpg", Image.new("RGB", (2, 2), RED), format="PNG")
    assert read_image(tmp_path / "lies.jpg")[0, 0].tolist() == [1, 0, 0]


def test_channels_follow_from_one_another(tmp_path):
    path = saved(tmp_path / "a.png", Image.new("RGBA", (1, 1), (255, 0, 0, 51)))  # red, a fifth opaque
    assert read_image(path, channels=4)[0, 0] == pytest.approx([1, 0, 0, 0.2])
    assert read_image(path, channels=3)[0, 0] == pytest.approx([0.2 + 0.4, 0.4, 0.4])  # the rest is mid-gray
    assert read_image(path, channels=2)[0, 0] == pytest.approx([0.299, 0.2])
    assert read_image(path, channels=1)[0, 0] == pytest.approx([0.299 * 0.2 + 0.5 * 0.8])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_gray_has_equal_channels_and_full_alpha(channels, tmp_path):
    path = saved(tmp_path / "a.png", Image.new("L", (1, 1), 51))
    assert read_image(path, channels=channels)[0, 0].tolist() == pytest.approx(
        {1: [0.2], 2: [0.2, 1], 3: [0.2] * 3, 4: [0.2] * 3 + [1]}[channels]
    )


def test_no_channel_is_made_up(tmp_path):
    with pytest.raises(ImageError, match=r"channels=0: must be 1 \(luma\)"):
        read_image(tmp_path / "a.png", channels=0)
    saved(tmp_path / "a.png", Image.new("RGB", (2, 2)))
    with pytest.raises(ImageError, match="has 3 channels, the network takes 5"):
        read_image(tmp_path / "a.png", channels=5)
    np.save(tmp_path / "bands.npy", np.zeros((2, 2, 12)))
    with pytest.raises(ImageError, match=r"bands\.npy: has 12 channels, the network takes 3"):
        read_image(tmp_path / "bands.npy")


def test_twelve_bits_in_a_file_of_sixteen(tmp_path):
    values = np.array([[0, 1024, 4095]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    Image.fromarray(values).save(tmp_path / "a.tif")
    np.save(tmp_path / "a.npy", values)
    for name in ("a.png", "a.tif", "a.npy"):
        image = read_image(tmp_path / name, channels=1, bits=12)
        assert image[0, :, 0] == pytest.approx([0, 1024 / 4095, 1])
    assert read_image(tmp_path / "a.png", channels=1)[0, 2, 0] == pytest.approx(4095 / 65535)
    for name in ("a.png", "a.npy"):
        with pytest.raises(ImageError, match=name + r": .*values .*range from 0 to "):
            read_image(tmp_path / name, channels=1, bits=11)


def test_arrays_and_bands_are_images_of_any_number_of_channels(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (4, 5, 12)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "rows.tif", values, photometric="minisblack", planarconfig="contig")
    tifffile.imwrite(
        tmp_path / "planes.tif", np.moveaxis(values, -1, 0), photometric="minisblack", planarconfig="separate"
    )
    np.savez(tmp_path / "a.npz", values)
    for name in ("rows.tif", "planes.tif", "a.npz"):
        assert image_size(tmp_path / name) == (4, 5)
        np.testing.assert_allclose(read_image(tmp_path / name, channels=12), values / 65535, atol=1e-6)
        np.testing.assert_allclose(read_shown(tmp_path / name), values[..., :3] / 65535, atol=1e-6)
    np.save(tmp_path / "gray.npy", np.full((4, 5), 0.25))
    assert np.unique(read_image(tmp_path / "gray.npy")).tolist() == [0.25]


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 13107, 65535]], "uint16")  # 13107 is a fifth of 65535
    for name in ("a.png", "a.tiff", "a.pgm"):
        image = read_image(saved(tmp_path / name, Image.fromarray(values)), channels=1)
        np.testing.assert_allclose(image[..., 0], [[0, 0.2, 1]], atol=1e-6)


def test_sixteen_bits_of_color_are_scaled_too(tmp_path):
    (tmp_path / "a.png").write_bytes(png_file(1, 1, 16, 2, b"\0" + struct.pack(">HHH", 0, 32768, 65535)))
    np.testing.assert_allclose(read_image(tmp_path / "a.png")[0, 0], [0, 0.5, 1], atol=0.003)


def test_one_bit_is_black_and_white(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(np.array([[True, False]])))
    assert read_image(path, channels=1)[..., 0].tolist() == [[1, 0]]


def test_a_palette_with_transparency_lies_on_gray(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 0, 255, 0])
    image.putpixel((1, 0), 1)
    path = saved(tmp_path / "a.png", image, transparency=bytes([255, 0]))  # green is not seen at all
    assert read_image(path).tolist() == [[[1, 0, 0], [0.5, 0.5, 0.5]]]


def test_a_cmyk_jpeg_becomes_rgb(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=95)
    np.testing.assert_allclose(read_image(path)[0, 0], [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("values", [[[0.0, 0.25, 1.0]], [[1, 2, 3]]])
def test_floats_are_taken_if_they_lie_in_the_unit_range(values, tmp_path):
    path = saved(tmp_path / "a.tiff", Image.fromarray(np.array(values, "float32")))
    if values == [[1, 2, 3]]:
        refused(path, r"range from 1 to 3, not from 0 to 1")
    else:
        assert read_image(path, channels=1)[..., 0].tolist() == values


def test_wide_integers_beyond_sixteen_bits_are_refused(tmp_path):
    refused(saved(tmp_path / "a.tiff", Image.fromarray(np.array([[70000]], "int32"))), "not from 0 to 1")


UPRIGHT = np.arange(6).reshape(2, 3) * 50  # what has to be seen: 2 rows of 3
# EXIF 2.32, table 4: where row 0 and column 0 of the stored image lie in the upright one -> how to store it
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],  # row 0 top, column 0 right
    3: UPRIGHT[::-1, ::-1],  # bottom, right
    4: UPRIGHT[::-1],  # bottom, left
    5: UPRIGHT.T,  # left, top
    6: UPRIGHT[:, ::-1].T,  # right, top
    7: UPRIGHT[::-1, ::-1].T,  # right, bottom
    8: UPRIGHT[::-1].T,  # left, bottom
}


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_each_exif_orientation_is_turned_upright(orientation, kind, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation]).astype("uint8")).convert("RGB")
    path = saved(tmp_path / "a", stored, format=kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.rint(read_image(path)[..., 0] * 255).tolist() == UPRIGHT.tolist()


def test_a_jpeg_from_a_turned_camera_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("L", (32, 16))
    image.paste(255, (0, 0, 16, 16))  # bright on the stored left, which is the top of what was seen
    upright = read_image(saved(tmp_path / "a.jpg", image, exif=exif), channels=1)[..., 0]
    assert upright.shape == (32, 16)
    assert upright[:12].min() > 0.9
    assert upright[20:].max() < 0.1


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01"]
)
def test_broken_exif_does_not_make_an_image_bad(exif, tmp_path):
    assert read_image(saved(tmp_path / "a.jpg", Image.new("RGB", (8, 8), RED), exif=exif)).shape == (8, 8, 3)


def test_exif_that_makes_the_parser_raise_is_ignored(tmp_path):
    image = Image.new("RGB", (8, 8), RED)
    path = saved(tmp_path / "a.png", image, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    path.write_bytes(path.read_bytes().replace(b"eXIfMM\0*", b"eXIfMM\0?"))
    content = bytearray(path.read_bytes())
    start, length = content.index(b"eXIf"), 14
    content[start + 4 + length : start + 8 + length] = struct.pack(
        ">I", zlib.crc32(content[start : start + 4 + length])
    )
    path.write_bytes(content)
    assert read_image(path)[0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_read(kind, tmp_path):
    rest = [Image.new("RGB", (4, 4), (0, 0, 255))]
    path = saved(tmp_path / "a", Image.new("RGB", (4, 4), RED), format=kind, save_all=True, append_images=rest)
    np.testing.assert_allclose(read_image(path)[0, 0], [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("kind", FLAT)
def test_a_truncated_file_is_named_with_its_cause(kind, tmp_path):
    file = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(file, kind)
    (tmp_path / "half").write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    refused(
        tmp_path / "half",
        r"half: is (damaged or truncated \(.+\); get a fresh copy|not an image)",
    )


def test_a_file_of_zero_bytes_is_named(tmp_path):
    (tmp_path / "a.png").touch()
    refused(tmp_path / "a.png", r"a\.png: is empty \(0 bytes\)")


def test_a_text_file_is_told_from_an_image(tmp_path):
    (tmp_path / "a.png").write_text("<svg></svg>")
    refused(tmp_path / "a.png", r"a\.png: is not an image in a supported format \(JPEG, PNG, .*save it as PNG or JPEG")


def test_what_is_not_there_or_is_a_folder_is_told(tmp_path):
    refused(tmp_path / "none.png", r"none\.png: no such file")
    refused(tmp_path, "is a folder; give one image file")


@pytest.mark.parametrize("side", [10_000, 60_000])  # 100 million pixels: Pillow warns; 3600 million: it raises
def test_a_bomb_is_refused_by_its_header(side, tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_file(side, side, 8, 0, b""))
    refused(tmp_path / "bomb.png", r"bomb\.png: takes more than 0\.92 GB of memory; make it smaller")


def test_the_largest_allowed_size_is_not_refused_for_its_size(tmp_path):
    """Of gray: twelve bytes for three channels, and eight for a channel while it is resized."""
    (tmp_path / "big.png").write_bytes(png_file(LARGEST // 20, 1, 1, 0, b""))
    refused(tmp_path / "big.png", r"big\.png: is damaged or truncated")  # it has no pixels, that is all
    (tmp_path / "big.png").write_bytes(png_file(LARGEST // 20 + 1, 1, 1, 0, b""))
    refused(tmp_path / "big.png", r"big\.png: takes more than 0\.92 GB")


def test_a_large_image_is_in_memory_once(tmp_path):
    """Twelve bytes for each pixel as float32, and a strip; blending all of it at once took 44."""
    path = saved(tmp_path / "a.png", Image.new("RGBA", (4000, 2000), (255, 0, 0, 51)), compress_level=1)
    tracemalloc.start()
    image = read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(image[-1, -1], [0.6, 0.4, 0.4], atol=1e-6)
    assert peak / (4000 * 2000) < 22


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_strips_give_the_same_values(mode, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    if mode in ("I;16", "F"):
        values = rng.random((23, 17), "float32")
        image = Image.fromarray((values * 65535).astype("uint16") if mode == "I;16" else values)
    else:
        image = Image.fromarray(rng.integers(0, 256, (23, 17, 4), "uint8"), "RGBA").convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.tiff", image, exif=exif)
    for channels in (1, 2, 3, 4):
        monkeypatch.setattr(decoding, "_STRIP", 2**20)
        whole = read_image(path, channels=channels)
        monkeypatch.setattr(decoding, "_STRIP", 40)  # two rows, and one at the end
        np.testing.assert_array_equal(read_image(path, channels=channels), whole)
        assert whole.shape == (17, 23, channels)


@pytest.mark.parametrize("name", ["ä ö.png", "-rf.png", "a\nb.png", "日本.png", "%s{}.png", "no suffix", "ÄÖ.PNG.png"])
def test_odd_names_are_read_and_stay_on_one_line(name, tmp_path):
    assert read_image(saved(tmp_path / name, Image.new("RGB", (1, 1), WHITE), format="PNG")).tolist() == [[[1, 1, 1]]]
    (tmp_path / name).write_bytes(b"")
    refused(tmp_path / name, "is empty")


def test_a_name_that_is_no_unicode_can_still_be_printed(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    with pytest.raises(ImageError, match=r"/\\udcff\.png: no such file") as caught:
        read_image(path)
    str(caught.value).encode("utf-8")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FLAT), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_a_damaged_file_gives_an_image_or_one_line(tmp_path_factory, kind, place, damage):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(file, kind)
    content = bytearray(file.getvalue())
    place %= len(content)
    content[place : place + len(damage)] = damage
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(content)
    found = image_folder(path)
    images = [image for _, image in found]  # any error but ImageError would be raised
    assert len(images) + len(found.failures) == 1
    assert all(0 <= image.min() <= image.max() <= 1 for image in images)
    assert not any("\n" in reason for _, reason in found.failures)
