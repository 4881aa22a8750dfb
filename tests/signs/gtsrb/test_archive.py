"""A small version of the archive: 43 classes of two tiny images, served locally."""

import hashlib
import io
import json
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import DownloadError, OutputError
from dreamfilters.progress import Progress
from dreamfilters.signs.gtsrb import unpack
from dreamfilters.signs.gtsrb.archive import CLASSES, FILES, FIRST_STAGE, ArchiveFiles, fetch

HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"


def ppm(number: int) -> bytes:
    """One row of two pixels: red as bright as the number, then blue."""
    return b"P6\n2 1\n255\n" + bytes([number, 0, 0, 0, 0, 255])


def training_members(root="GTSRB/Training") -> dict[str, bytes]:
    members = {f"{root}/{number:05}/{number:05}.csv": b"" for number in range(CLASSES)}
    for number in range(CLASSES):
        members |= {f"{root}/{number:05}/00003_{frame:05}.ppm": ppm(number) for frame in (0, 17)}
    return members


def test_members() -> dict[str, bytes]:
    return {"GTSRB/Final_Test/Images/GT-final_test.test.csv": b""} | {
        f"GTSRB/Final_Test/Images/{number:05}.ppm": ppm(number) for number in range(CLASSES)
    }


test_members.__test__ = False  # not a test, despite its name


def label_members() -> dict[str, bytes]:
    rows = "".join(f"{number:05}.ppm;2;1;0;0;1;0;{CLASSES - 1 - number}\n" for number in range(CLASSES))
    return {"GT-final_test.csv": (HEADER + rows).encode()}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, content in members.items():
            archive_file.writestr(name, content)
    return file.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()


@contextmanager
def serving(folder: Path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    server.asked = []
    server.base = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def published(tmp_path):
    """Serve an archive of these members and return a function that downloads it."""

    def publish(training=None, test=None, labels=None, md5=None):
        contents = {
            "training.zip": zipped(training or training_members()),
            "test.zip": zipped(test or test_members()),
            "labels.zip": zipped(labels or label_members()),
        }
        online = tmp_path / "online"
        online.mkdir(exist_ok=True)
        for name, content in contents.items():
            (online / name).write_bytes(content)
        return ArchiveFiles(*((name, md5 or hashlib.md5(content).hexdigest()) for name, content in contents.items()))

    return publish


@pytest.fixture
def server(tmp_path):
    (tmp_path / "online").mkdir(exist_ok=True)
    with serving(tmp_path / "online") as server:
        yield server


def pixels(path: Path) -> list:
    return np.asarray(Image.open(path)).tolist()


def refused(server, files, folder, match):
    with pytest.raises(DownloadError, match=match) as caught:
        fetch(folder, base=server.base, files=files)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("root", ["GTSRB/Training", "GTSRB/Final_Training/Images"])
def test_both_layouts_become_class_folders_with_the_track_in_each_name(root, published, server, tmp_path):
    folder = fetch(tmp_path / "gtsrb", base=server.base, files=published(training_members(root)))
    assert sorted(path.name for path in (folder / "train").iterdir()) == [f"{number:02}" for number in range(43)]
    assert sorted(path.name for path in (folder / "train/07").iterdir()) == ["07_00003_00000.png", "07_00003_00017.png"]
    assert pixels(folder / "train/07/07_00003_00017.png") == [[[7, 0, 0], [0, 0, 255]]]


def test_test_images_go_to_the_class_of_the_table(published, server, tmp_path):
    folder = fetch(tmp_path / "gtsrb", base=server.base, files=published())
    assert [path.name for path in (folder / "test/42").iterdir()] == ["42_00000.png"]
    assert pixels(folder / "test/35/35_00007.png") == [[[7, 0, 0], [0, 0, 255]]]


def test_the_record_counts_each_class_and_a_second_run_requests_nothing(published, server, tmp_path):
    files = published()
    folder = fetch(tmp_path / "gtsrb", base=server.base, files=files)
    record = json.loads((folder / "gtsrb.json").read_text())
    assert record["images"]["train"] == {f"{number:02}": 2 for number in range(43)}
    assert record["images"]["test"]["42"] == 1
    assert "Neural Networks 32, 2012" in record["source"]
    for name in files.checksums():
        (folder / name).unlink()
    server.asked.clear()
    assert fetch(folder, base=server.base, files=files) == folder
    assert server.asked == []


def test_progress_counts_bytes_and_images(published, server, tmp_path):
    seen = []
    fetch(tmp_path / "gtsrb", base=server.base, files=published(), progress=seen.append)
    assert Progress(86, 86, "unpacking training.zip") in seen
    assert Progress(43, 43, "unpacking test.zip") in seen
    assert {each.note for each in seen} >= {"training.zip", "test.zip", "labels.zip"}


def test_a_run_killed_while_unpacking_resumes(published, server, tmp_path, monkeypatch):
    files, as_png, made = published(), unpack._as_png, []

    def killed_at_the_fiftieth(name, content):
        made.append(name)
        if len(made) == 50:
            raise KeyboardInterrupt
        return as_png(name, content)

    monkeypatch.setattr(unpack, "_as_png", killed_at_the_fiftieth)
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path / "gtsrb", base=server.base, files=files)
    server.asked.clear()
    fetch(tmp_path / "gtsrb", base=server.base, files=files)
    assert server.asked == []
    assert len(made) == 50 + (86 - 49) + 43  # 49 images are not unpacked a second time


def test_a_deleted_image_is_unpacked_again(published, server, tmp_path):
    files = published()
    folder = fetch(tmp_path / "gtsrb", base=server.base, files=files)
    (folder / "train/05/05_00003_00000.png").unlink()
    fetch(folder, base=server.base, files=files)
    assert (folder / "train/05/05_00003_00000.png").exists()


def test_existing_archive_files_need_no_server(published, tmp_path):
    files = published()
    folder = tmp_path / "gtsrb"
    (tmp_path / "online").rename(folder)
    assert fetch(folder, base="https://example.invalid/", files=files) == folder


def test_a_wrong_checksum_stops_before_anything_is_unpacked(published, server, tmp_path):
    refused(server, published(md5="0" * 32), tmp_path / "gtsrb", r"training\.zip: the download does not match")
    assert not (tmp_path / "gtsrb/train").exists()


def test_a_missing_archive_file_is_named(published, server, tmp_path):
    files = published()
    (tmp_path / "online/test.zip").unlink()
    refused(server, files, tmp_path / "gtsrb", r"test\.zip: the server responded 404")


def test_a_hostile_archive_leaves_no_trace(published, server, tmp_path):
    refused(
        server, published(training_members() | {"../evil": b"x"}), tmp_path / "a/gtsrb", r"unsafe member '\.\./evil'"
    )
    assert not (tmp_path / "a/gtsrb/train").exists()
    assert not list(tmp_path.rglob("*evil*"))


def test_a_missing_class_is_named(published, server, tmp_path):
    members = {name: content for name, content in training_members().items() if "/00011/" not in name}
    refused(server, published(members), tmp_path / "gtsrb", r"training\.zip: has no image of class 11;")
    assert json.loads((tmp_path / "gtsrb/gtsrb.json").read_text())["images"] is None


def test_a_class_beyond_the_last_is_refused(published, server, tmp_path):
    members = training_members() | {"GTSRB/Training/00043/00000_00000.ppm": ppm(0)}
    refused(server, published(members), tmp_path / "gtsrb", "class 43 of image 00000_00000: .* classes 0 to 42")


@pytest.mark.parametrize("table", ["", HEADER, "Name;Class\n0;1\n", HEADER + "00000.ppm;2;1;0;0;1;0;stop\n"])
def test_a_table_without_classes_is_refused(table, published, server, tmp_path):
    files = published(labels={"GT-final_test.csv": table.encode()})
    refused(server, files, tmp_path / "gtsrb", r"labels\.zip: does not contain the table GT-final_test\.csv")


def test_a_test_image_without_a_class_is_named(published, server, tmp_path):
    files = published(test=test_members() | {"GTSRB/Final_Test/Images/00099.ppm": ppm(0)})
    refused(server, files, tmp_path / "gtsrb", r"00099\.ppm: no class is given")


def test_a_class_without_its_test_image_is_noticed(published, server, tmp_path):
    rows = label_members()["GT-final_test.csv"] + b"00099.ppm;2;1;0;0;1;0;5\n"
    files = published(labels={"GT-final_test.csv": rows})
    refused(server, files, tmp_path / "gtsrb", r"test\.zip: has 43 images, labels\.zip labels 44")


def test_a_folder_with_other_images_is_not_changed(published, server, tmp_path):
    (tmp_path / "mine/train").mkdir(parents=True)
    refused(server, published(), tmp_path / "mine", "contains a folder train or test that this download did not create")
    assert list((tmp_path / "mine").rglob("*")) == [tmp_path / "mine/train"]


def test_other_files_do_not_mix_with_those_of_an_earlier_run(published, server, tmp_path):
    fetch(tmp_path / "gtsrb", base=server.base, files=published())
    refused(server, FILES, tmp_path / "gtsrb", r"holds images of other files \(training\.zip, .*choose another folder")


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"files": 3}'])
def test_an_invalid_record_is_refused(record, published, server, tmp_path):
    (tmp_path / "gtsrb.json").write_text(record)
    refused(server, published(), tmp_path, r"gtsrb\.json: is not the record of a download")


def test_a_folder_that_cannot_be_written_is_named(published, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/gtsrb: cannot be written"):
        fetch(tmp_path / "file/gtsrb", files=published())


def test_the_full_files_differ_only_in_the_training_images():
    assert FILES.training[0] == "GTSRB_Final_Training_Images.zip"
    assert (FIRST_STAGE.test, FIRST_STAGE.labels) == (FILES.test, FILES.labels)
