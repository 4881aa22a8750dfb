"""Who may write where: nothing that is not from this tool is ever removed."""

import json

import pytest

from dreamfilters.errors import OutputError
from dreamfilters.runs.storage.atomic_files import sha256
from dreamfilters.runs.storage.run_folder import KEY, RunKind, is_whole, make_room, remove

ASKED = {"seed": 1, "top": 4}


def room(folder, earlier=None, **given):
    given = {
        "settings": ASKED,
        "earlier": earlier or {},
        "written": ["units/a.png", "manifest.json"],
        "force": False,
        **given,
    }
    make_room(folder, "a thing", **given)


@pytest.fixture
def held(tmp_path):
    """A folder with an earlier thing and a file of somebody else's."""
    (tmp_path / "units").mkdir()
    for name in ("units/a.png", "units/.a.png.part", "manifest.json", "units/mine.png", "notes.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_and_an_equal_run_are_left_alone(tmp_path, held):
    before = names(held)
    room(held, ASKED)
    assert names(held) == before
    (tmp_path / "empty").mkdir()
    room(tmp_path / "empty")


def test_another_run_is_refused_by_what_differs_and_removed_by_force(held):
    with pytest.raises(
        OutputError, match=r"holds a thing of other seed; choose another folder with --out, or say --force"
    ):
        room(held, {"seed": 2, "top": 4})
    room(held, {"seed": 2, "top": 4}, force=True)
    assert names(held) == {"units/mine.png", "notes.txt"}


def test_files_of_others_are_refused_with_or_without_force(held):
    for force in (False, True):
        with pytest.raises(OutputError, match=r"holds other files \(manifest.json, notes.txt, units\)"):
            room(held, force=force)
    room(held, force=True, mine=["other.png"])  # beside them, where a run allows that
    with pytest.raises(OutputError, match=r"notes\.txt: is not from this tool"):
        room(held, force=True, mine=["notes.txt"])
    assert len(names(held)) == 5


def test_no_name_reaches_out_of_the_folder(held):
    inside = held / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(held / "units")
    remove(inside, ["../notes.txt", str(held / "notes.txt"), "link/a.png", "gone/a.png", "..", "."])
    assert {"notes.txt", "units/a.png"} <= names(held)


def test_whole_is_every_file_as_it_was_written(held):
    files = {"notes.txt": sha256(b"notes.txt"), "units/a.png": sha256(b"units/a.png")}
    assert is_whole(held, files)
    assert not is_whole(held, {})
    assert not is_whole(held, {**files, "gone.png": sha256(b"")})
    (held / "notes.txt").write_text("changed")
    assert not is_whole(held, files)


THING = RunKind("a thing", "manifest.json", "thing", "seed", lambda folder: ["one.txt", "manifest.json"])


def left(folder, **changes):
    values = {KEY: "1", "thing": ASKED, "files": {}, **changes}
    (folder / "manifest.json").write_text(json.dumps(values))
    return values


def test_a_folder_is_known_by_its_manifest(tmp_path):
    assert THING.read(tmp_path) == {}
    assert THING.read(tmp_path) != left(tmp_path) == THING.read(tmp_path)
    for strange in ({"files": {"../one.txt": ""}}, {"thing": {}}, {"thing": "seed"}, {"files": 3}, {"thing": None}):
        left(tmp_path, **strange)
        assert THING.read(tmp_path) == {}
    (tmp_path / "manifest.json").write_text("[]")
    assert THING.read(tmp_path) == {}


def test_who_enters_finds_the_run_of_equal_settings_or_an_empty_folder(tmp_path):
    whole = left(tmp_path)
    (tmp_path / "one.txt").write_text("one")
    with THING.entered(tmp_path, ASKED, force=False) as earlier:
        assert earlier == whole
    with pytest.raises(OutputError, match="a thing of other seed"), THING.entered(tmp_path, {"seed": 2}, force=False):
        pass
    with THING.entered(tmp_path, {"seed": 2, "top": 4}, force=True) as earlier:
        assert earlier == {}
        assert not names(tmp_path) - {".dreamfilters.lock"}


@pytest.mark.parametrize(
    "manifest",
    [
        {KEY: "1", "thing": {"targets": []}, "files": ["a.png"]},
        {KEY: "1", "thing": {"targets": []}, "files": {"../a.png": "0"}},
        {KEY: "1", "thing": ["targets"], "files": {}},
        {"thing": {"targets": []}, "files": {}},
        {KEY: "1", "thing": {"targets": []}},
        [KEY],
    ],
)
def test_a_manifest_of_another_shape_is_none_of_ours(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert (
        RunKind("a thing", "manifest.json", settings="thing", known="targets", written=lambda _: []).read(tmp_path)
        == {}
    )
