"""Malicious and damaged zip files."""

import zipfile
from pathlib import Path

import pytest

from dreamfilters.errors import DownloadError
from dreamfilters.signs.gtsrb import unpack as unpacking
from dreamfilters.signs.gtsrb.unpack import unpack
from dreamfilters.writing.open_folder import OpenFolder

PPM = b"P6\n1 1\n255\n" + bytes([1, 2, 3])


def made(path: Path, members: dict[str | zipfile.ZipInfo, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def place(name: str) -> Path | None:
    return Path("out", f"{len(name)}.png") if name.endswith(".ppm") else None


def refused(archive: Path, match: str) -> None:
    with pytest.raises(DownloadError, match=match) as caught:
        unpack(archive, OpenFolder(archive.parent), place, None)
    assert "\n" not in str(caught.value)
    assert sorted(archive.parent.rglob("*")) == [archive]


def test_images_are_unpacked_and_other_members_ignored(tmp_path):
    archive = made(tmp_path / "a.zip", {"x.ppm": PPM, "read.me": b"", "a/b.ppm": PPM})
    unpack(archive, OpenFolder(tmp_path), place, None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["5.png", "7.png"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "GTSRB/../../evil.ppm", "C:evil", "GTSRB\\..\\evil"])
def test_an_archive_with_a_path_outside_the_folder_is_refused(name, tmp_path):
    refused(made(tmp_path / "a.zip", {"x.ppm": PPM, name: b"x"}), r"a\.zip: has the unsafe member .*evil")


def test_an_archive_with_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("link.ppm")
    link.external_attr = 0o120777 << 16
    refused(made(tmp_path / "a.zip", {link: b"/etc/passwd"}), "unsafe member 'link.ppm'")


def test_an_archive_with_a_huge_member_is_refused(tmp_path):
    refused(made(tmp_path / "a.zip", {"x.ppm": bytes(5 * 1024**2)}), "unsafe member 'x.ppm'")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "LARGEST_TOTAL", 20)
    refused(made(tmp_path / "a.zip", {"x.ppm": PPM, "yy.ppm": PPM}), "unpacks to more than 20 bytes")


def test_a_member_larger_than_declared_is_refused(tmp_path):
    archive = made(tmp_path / "a.zip", {"x.ppm": bytes(2_000_000)})
    true, told = (2_000_000).to_bytes(4, "little"), len(PPM).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(true, told))
    refused(archive, r"a\.zip: x\.ppm cannot be unpacked \(Bad CRC-32")


def test_a_file_that_is_not_a_zip_is_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>login</html>")
    refused(tmp_path / "a.zip", r"a\.zip: is not a valid zip file \(.*\); delete it and run again")


def test_a_damaged_member_is_named(tmp_path):
    archive = made(tmp_path / "a.zip", {"x.ppm": PPM}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(PPM, PPM[:-1] + b"?"))
    refused(archive, r"a\.zip: x\.ppm cannot be unpacked \(Bad CRC-32")


@pytest.mark.parametrize("content", [b"", b"P6\n2 1\n255\n\0", b"P6\n99999 99999\n255\n", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_image_is_named(content, tmp_path):
    refused(made(tmp_path / "a.zip", {"x.ppm": content}), r"x\.ppm: is not a valid PPM image")
