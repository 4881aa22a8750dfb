import io
import zipfile
import zlib

import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.archive import check_archive, open_weights, read_text
from dreamfilters.networks.io.parsing.foreign_files import CONFIG, METADATA, WEIGHTS


def packed(path, method=zipfile.ZIP_STORED, **members):
    """Write an archive with the three members of Keras, behind other bytes."""
    whole = {CONFIG: b"{}", METADATA: b"{}", WEIGHTS: bytes(range(200))}
    whole.update({name.replace("__", "."): data for name, data in members.items()})
    with path.open("wb") as file:
        file.write(b"before")
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, data in whole.items():
                archive.writestr(name, data)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_the_weights_are_read_like_a_file(tmp_path, method):
    path = packed(tmp_path / "x.keras", method)
    with path.open("rb") as file, zipfile.ZipFile(file) as archive, open_weights(archive, file) as weights:
        assert weights.seek(0, io.SEEK_END) == 200
        weights.seek(190)
        assert weights.read() == bytes(range(190, 200))
        weights.seek(10)
        assert weights.read(5) == bytes(range(10, 15))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_weights_are_refused(tmp_path, method):
    path = packed(tmp_path / "x.keras", method)
    data = bytearray(path.read_bytes())
    data[data.index(WEIGHTS.encode()) + len(WEIGHTS) + 60] ^= 1
    path.write_bytes(bytes(data))
    with (
        path.open("rb") as file,
        zipfile.ZipFile(file) as archive,
        pytest.raises((zipfile.BadZipFile, zlib.error)),
        open_weights(archive, file),
    ):
        pass


def test_other_members_of_an_archive_are_allowed(tmp_path):
    path = packed(tmp_path / "x.keras", **{"assets/labels__txt": b"a\nb\n"})
    with zipfile.ZipFile(path) as archive:
        check_archive(archive)


@pytest.mark.parametrize(("name", "most"), [(CONFIG, "LARGEST_CONFIG"), (METADATA, "LARGEST_METADATA")])
def test_a_text_is_not_read_if_it_is_too_large(tmp_path, name, most):
    """Stored as it is, so that it does not claim more than is stored."""
    path = packed(tmp_path / "x.keras", **{name.replace(".", "__"): bytes(getattr(limits, most) + 1)})
    with zipfile.ZipFile(path) as archive:
        check_archive(archive)
        with pytest.raises(ModelError, match="is too large for a model"):
            read_text(archive, name)


def test_weights_that_are_compressed_to_a_twentieth_are_refused(tmp_path):
    path = packed(tmp_path / "x.keras", zipfile.ZIP_DEFLATED, model__weights__h5=bytes(2**21))
    with (
        zipfile.ZipFile(path) as archive,
        pytest.raises(ModelError, match=r"claims to be larger than the file: 2\.1 MB"),
    ):
        check_archive(archive)
