"""Array files: what is read, and what is refused in one line."""

import contextlib
import io
import logging
import struct
import warnings
import zipfile

import numpy as np
import pytest
import tifffile

from dreamfilters.errors import ImageError
from dreamfilters.images.arrays import read_array, read_samples
from dreamfilters.images.decoding import read_image


@pytest.mark.parametrize("values", [np.arange(6, dtype=np.uint16).reshape(2, 3), np.full((1, 2, 5), 0.5)])
def test_the_array_of_a_file(values, tmp_path):
    np.save(tmp_path / "one.npy", values)
    np.savez_compressed(tmp_path / "one.npz", values)
    for name in ("one.npy", "one.npz"):
        read = read_array(tmp_path / name)
        assert read.dtype == values.dtype
        np.testing.assert_array_equal(read, values)


class Hostile:
    def __reduce__(self):
        return (print, ("run",))


def test_what_is_no_array_is_one_line(tmp_path, capsys):
    np.save(tmp_path / "code.npy", np.array([Hostile()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
    np.save(tmp_path / "complex.npy", np.zeros(2, np.complex64))
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "empty.npz").write_bytes(b"")
    whole = np.lib.format.magic(1, 0) + (118).to_bytes(2, "little")
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    (tmp_path / "huge.npy").write_bytes(whole + header.ljust(117) + b"\n")
    for name, cause in {"two.npz": "2 arrays", "complex.npy": "complex64", "absent.npy": "No such file"}.items():
        with pytest.raises(ImageError, match=cause):
            read_array(tmp_path / name)
    for name in ("code.npy", "text.npy", "empty.npz", "huge.npy"):
        with pytest.raises(ImageError, match=f"{name}: cannot be read as an array: ") as caught:
            read_array(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["huge.npy", "huge.npz"])
def test_an_array_that_does_not_fit_into_memory_is_refused_by_its_header(tmp_path, name):
    """Eight bytes for each value while it is read and resized, and four as float32: 77 million values."""
    header = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (30_000, 30_000, 3)}
    np.lib.format.write_array_header_1_0(header, described)
    if name == "huge.npy":
        with (tmp_path / name).open("wb") as file:
            file.write(header.getvalue())
            file.truncate(len(header.getvalue()) + 30_000 * 30_000 * 3)  # a hole, which takes no space
    else:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("image.npy", header.getvalue())
    with pytest.raises(ImageError, match=r"it has 2,700,000,000 values of uint8, which take more than 0\.92 GB"):
        read_array(tmp_path / name)


def test_arrays_that_are_no_images_are_refused(tmp_path):
    wrong = {
        "stack": (np.zeros((2, 4, 4, 3)), r"has the shape \(2, 4, 4, 3\); .* save each image of a stack"),
        "line": (np.zeros(4), r"has the shape \(4,\); an image is \(h, w\) or \(h, w, c\)"),
        "wide": (np.full((2, 2), 7), "its values are int64; save uint8, uint16 or floats"),
        "bright": (
            np.full((2, 2), 1.5),
            "its values range from 1.5 to 1.5, not 0 to 1; save them scaled, and say what 0 and 1 are: --range",
        ),
        "nan": (np.full((2, 2), np.nan), "its values range from nan"),
        "signaling nan": (np.full((2, 2), 0x7D00, np.uint16).view(np.float16), "its values range from nan"),
        "beyond float32": (np.full((2, 2), 1e300), "its values range from 1e"),
    }
    for name, (values, cause) in wrong.items():
        np.save(tmp_path / f"{name}.npy", values)
        with pytest.raises(ImageError, match=f"{name}.npy: {cause}"):
            read_samples(tmp_path / f"{name}.npy", 16)


def test_damaged_tiff_files_print_nothing_beside_their_error(tmp_path, caplog):
    """Pillow warns of tags that it skips, and tifffile logs them; the error says that the file is damaged."""
    path = tmp_path / "bands.tif"
    tifffile.imwrite(path, np.zeros((7, 4, 4), np.uint8), photometric="minisblack")
    content = path.read_bytes()
    bands = content.index(struct.pack("<HHI", 277, 3, 1)) + 4
    for count in (2**20, 40):  # beyond the end of the file, and within it
        path.write_bytes(content[:bands] + struct.pack("<I", count) + content[bands + 4 :])
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            with contextlib.suppress(ImageError):
                read_image(path, channels=7)
        assert heard == []
    assert caplog.records == []
    logging.getLogger("tifffile").error("heard again")
    assert len(caplog.records) == 1


def test_a_shape_that_overflows_prints_nothing_beside_its_error(tmp_path):
    """NumPy warns of the overflow before it refuses the file."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807,), }".ljust(117) + b"\n"
    (tmp_path / "huge.npy").write_bytes(np.lib.format.magic(1, 0) + struct.pack("<H", len(header)) + header)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(ImageError, match="cannot be read as an array"):
            read_array(tmp_path / "huge.npy")
    assert heard == []


def test_the_error_of_a_decoder_is_short(tmp_path, monkeypatch):
    """tifffile prints the whole header of some damaged files."""
    (tmp_path / "a.tif").write_bytes(b"II")
    monkeypatch.setattr("dreamfilters.images.arrays._tiff", lambda path: int("x" * 900))
    with pytest.raises(ImageError) as caught:
        read_array(tmp_path / "a.tif")
    assert len(str(caught.value)) < len(str(tmp_path)) + 260
