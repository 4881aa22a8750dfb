"""Arrays come back as they were written; what a file claims is compared with it before memory is taken."""

import io
import zipfile

import numpy as np
import pytest

from dreamfilters.errors import DamagedError
from dreamfilters.runs.storage.array_files import arrays_of, npz_bytes, read_npz

WHOLE = {
    "b": np.eye(3, dtype=np.float32), "a": np.zeros(2, np.float16), "one": np.array(3), "name": np.array("prior"),
    "none": np.zeros((0, 4), np.int32), "turned": np.arange(6.0).reshape(2, 3).T, "yes": np.array([True, False]),
}  # fmt: skip


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_equal_arrays_have_equal_bytes_and_come_back(save, tmp_path):
    content = npz_bytes(WHOLE, save)
    assert content == npz_bytes(dict(WHOLE), save)
    (tmp_path / "arrays.npz").write_bytes(content)
    found = read_npz(tmp_path, "arrays.npz")
    assert list(found) == list(WHOLE)
    for name, values in WHOLE.items():
        np.testing.assert_array_equal(found[name], values, strict=True)
    found["b"][0, 0] = 7  # what is read can be changed


def archive(*members):
    """Return an archive of (name, content)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members:
            written.writestr(name, content)
    return file.getvalue()


def claiming(shape, kind="<f8", content=b"", order="False"):
    """Return the file of an array with this header."""
    header = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def test_the_headers_of_this_test_are_those_of_numpy():
    np.testing.assert_array_equal(arrays_of(archive(("a.npy", claiming("(1,)", "<i2", b"\1\0"))))["a"], [1])


@pytest.mark.parametrize(
    "array",
    [
        claiming("(1000000000,)"), claiming("(2,)", content=bytes(8)), claiming("(1,)", content=bytes(9)),
        claiming("(-1,)", content=bytes(8)), claiming("(0, 9999999999999999)"), claiming("(0,)" + " " * 9 + "(1,)"),
        claiming("(1,)", "|O", bytes(8)), claiming("(1,)", "|V8", bytes(8)), claiming("(9,)", "<U0"),
        claiming("(1,)", "<f999", bytes(999)), claiming("(1,)", "<U99999", bytes(8)), claiming("3", content=bytes(24)),
        claiming("(1,)", order="__import__('os')", content=bytes(8)), claiming(f"({'1, ' * 70})", content=bytes(8)),
        claiming("(" * 50), b"", b"\x93NUMPY", b"\x93NUMPY\x02\x00" + bytes(200), bytes(300),
    ],
)  # fmt: skip
def test_an_array_that_lies_is_refused(array, tmp_path):
    with pytest.raises(ValueError, match=r"."):
        arrays_of(archive(("a.npy", array)))
    (tmp_path / "a.npz").write_bytes(archive(("a.npy", array)))
    with pytest.raises(DamagedError, match=r"a\.npz: is damaged"):
        read_npz(tmp_path, "a.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", archive(("a.npy", b"x"))[:-9]])
def test_what_is_no_archive_is_refused(content):
    with pytest.raises(ValueError, match=r"."):
        arrays_of(content)


def test_a_long_name_is_shown_in_part():
    with pytest.raises(ValueError, match="xxx") as caught:
        arrays_of(archive((f"{'x' * 5000}.npy", b"no array")))
    assert len(str(caught.value)) <= 200


def test_two_arrays_of_one_name_are_refused():
    one = claiming("(1,)", "<i2", b"\1\0")
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = archive(("a.npy", one), ("a.npy", one))
    with pytest.raises(ValueError, match="two arrays have one name"):
        arrays_of(content)


def test_what_all_arrays_claim_is_compared_with_the_file():
    content = archive(("a.npy", claiming("(1,)", "<i2", b"\1\0")))
    size = zipfile.ZipFile(io.BytesIO(content)).infolist()[0].file_size
    at = content.rindex(size.to_bytes(4, "little"))  # in the directory at the end
    forged = content[:at] + (2**31).to_bytes(4, "little") + content[at + 4 :]
    with pytest.raises(ValueError, match=f"claim {2**31} bytes, the file has {len(content)}"):
        arrays_of(forged)
