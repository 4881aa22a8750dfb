"""Which run owns a folder; files that this tool has not written are never removed."""

from dataclasses import replace

import pytest

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.storage.checksums import damage_of, manifests_inside, sha256
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunKind, entered, free_folder
from dreamfilters.writing.claimed_folder import LOCK

SETTINGS = {"seed": 1, "top": 4}
MODEL = {"name": "tiny", "spec": "tiny.keras", "fingerprint": "f"}
TEST = RunKind("test", "a test", written=lambda folder, manifest: ["units/a.png", "one.txt"])
ADDING = RunKind("test", "a test", TEST.written, adds="top", added=lambda one, two: None if one == two else one + two)
BESIDE = RunKind("test", "a test", TEST.written, planned=lambda settings: ["one.txt", MANIFEST])


def enter(folder, settings=SETTINGS, *, kind=TEST, force=False):
    """Claim and release a folder; return the manifest that the run finds."""
    with entered(folder, kind, settings, MODEL, force=force) as run:
        return run.manifest


@pytest.fixture
def held(tmp_path):
    """A folder with a run and with files of the user."""
    enter(tmp_path)
    (tmp_path / "units").mkdir()
    for name in ("units/a.png", "units/.a.png.part", "one.txt", "units/mine.png", "notes.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_empty_folder_gets_an_unfinished_manifest(tmp_path):
    assert enter(tmp_path / "new") == Manifest("test", SETTINGS, MODEL)
    assert names(tmp_path / "new") == {MANIFEST}


def test_a_run_of_equal_settings_is_left_alone(held):
    before = names(held)
    enter(held)
    assert names(held) == before


def test_another_run_is_refused_by_what_differs_and_removed_by_force(held):
    with pytest.raises(
        OutputError,
        match=r"holds a test with other settings \(seed\); choose another folder with --out, or add --force",
    ):
        enter(held, {"seed": 2, "top": 4})
    assert enter(held, {"seed": 2, "top": 4}, force=True).settings["seed"] == 2
    assert names(held) == {"units/mine.png", "notes.txt", MANIFEST}


def test_an_error_names_the_start_of_long_settings_and_some_of_many(held):
    with pytest.raises(OutputError, match=r"other settings \(xx.*, 25 more\);") as caught:
        enter(held, {f"{'x' * 500}{number}": 0 for number in range(29)})
    assert len(str(caught.value)) < len(str(held)) + 6 * 42 + 150


def test_a_run_of_equal_settings_adds_to_the_earlier_one(held):
    before = names(held)
    assert enter(held, {"seed": 1, "top": 3}, kind=ADDING).settings == {"seed": 1, "top": 7}
    assert Manifest.read(held).settings == {"seed": 1, "top": 7}
    assert names(held) == before
    with pytest.raises(OutputError, match=r"holds a test with other settings \(seed\);"):
        enter(held, {"seed": 2, "top": 3}, kind=ADDING)
    with pytest.raises(OutputError, match=r"holds a test with other settings \(top\);"):  # this folder cannot hold both
        enter(held, {"seed": 1, "top": 7}, kind=ADDING)
    assert enter(held, {"seed": 1, "top": 5}, kind=ADDING, force=True).settings["top"] == 5
    assert "one.txt" not in names(held)


def test_adding_overwrites_no_other_file(held):
    kind = RunKind("test", "a test", lambda folder, manifest: [], lambda settings: ["one.txt"], "top", lambda *_: 9)
    with pytest.raises(OutputError, match=r"one\.txt: was not written by this tool"):
        enter(held, {"seed": 1, "top": 3}, kind=kind)
    assert Manifest.read(held).settings == SETTINGS


def test_the_free_folder_is_the_first_that_the_run_can_enter(tmp_path):
    folder = tmp_path / "test"
    assert free_folder(folder, TEST, SETTINGS) == (folder, "")
    enter(folder)
    assert free_folder(folder, TEST, SETTINGS) == (folder, "")
    other = {"seed": 2, "top": 4}
    free, remark = free_folder(folder, TEST, other)
    assert (free, remark.count("with other settings (")) == (tmp_path / "test-2", 1)
    assert remark.endswith(f"; the output directory is {free}")
    (tmp_path / "test-2").write_text("a file")
    (tmp_path / "test-3").mkdir()
    (tmp_path / "test-3" / "notes.txt").touch()
    (tmp_path / "test-4").mkdir()
    assert free_folder(folder, TEST, other)[0] == tmp_path / "test-4"
    enter(tmp_path / "test-4", other)
    assert free_folder(folder, TEST, other)[0] == tmp_path / "test-4"
    assert free_folder(folder, ADDING, {"seed": 1, "top": 3}) == (folder, "")
    remark = f"{folder}: holds something else; the output directory is {tmp_path / 'test-5'}"
    assert free_folder(folder, RunKind("scan", "a scan", TEST.written), SETTINGS) == (tmp_path / "test-5", remark)


def test_a_run_of_another_version_is_refused(held):
    (held / MANIFEST).write_bytes(replace(Manifest.read(held), version="0.0").to_json())
    with pytest.raises(OutputError, match=r"holds a test with other settings \(version\);"):
        enter(held)


def test_a_run_of_another_command_is_refused_with_or_without_force(held):
    other = RunKind("scan", "a scan", written=lambda folder, manifest: [])
    for force in (False, True):
        with pytest.raises(OutputError, match="holds results of `dreamfilters test`; choose another folder"):
            enter(held, kind=other, force=force)
    assert len(names(held)) == 6


def test_other_files_are_refused_with_or_without_force(held):
    (held / MANIFEST).unlink()
    for force in (False, True):
        with pytest.raises(OutputError, match=r"holds other files \(notes.txt, one.txt, units\)"):
            enter(held, force=force)
    with pytest.raises(OutputError, match="holds other files"):
        enter(held, kind=BESIDE)
    with pytest.raises(OutputError, match=r"one\.txt: was not written by this tool"):
        enter(held, kind=BESIDE, force=True)
    (held / "one.txt").unlink()
    enter(held, kind=BESIDE, force=True)
    assert "notes.txt" in names(held)


def test_no_name_reaches_out_of_the_folder(held):
    inside = held / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(held / "units")
    with entered(inside, BESIDE, SETTINGS, MODEL, force=True) as run:
        run.remove(["../notes.txt", str(held / "notes.txt"), "link/a.png", "gone/a.png", "..", "."])
    assert {"notes.txt", "units/a.png"} <= names(held)


def test_a_file_is_damaged_if_it_differs_from_its_checksum(held):
    files = {"notes.txt": sha256(b"notes.txt"), "units/a.png": sha256(b"units/a.png")}
    assert damage_of(held, files) == damage_of(held, {}) == ""
    assert "gone.png: cannot be read (No such file" in damage_of(held, {**files, "gone.png": sha256(b"")})
    (held / "notes.txt").write_text("changed")
    assert damage_of(held, files) == f"{held / 'notes.txt'}: is damaged (it differs from its checksum in the manifest)"


def test_a_manifest_covers_the_folders_inside(held):
    (held / "units" / MANIFEST).write_bytes(Manifest("test", {}, MODEL, {"a.png": sha256(b"units/a.png")}).to_json())
    files = manifests_inside(held, ["units", "gone"])
    assert list(files) == [f"units/{MANIFEST}"]
    assert damage_of(held, files) == ""
    (held / "units" / "a.png").write_text("changed")
    assert "a.png: is damaged" in damage_of(held, files)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"dreamfilters": "0.1.0"}', b"[1]"])
def test_a_manifest_of_another_tool_is_a_file_of_the_user(held, content):
    (held / MANIFEST).write_bytes(content)
    for force in (False, True):
        with pytest.raises(OutputError, match="holds other files"):
            enter(held, force=force)
    assert (held / MANIFEST).read_bytes() == content


@pytest.mark.parametrize(
    "change", [(b'"top": 4', b'"top": 5'), (b'\n "checksum"', b'\n  "checksum"'), (b'"checksum": "', b'"checksum": "0')]
)
def test_a_damaged_manifest_is_refused_and_made_again_by_force(held, change):
    before = (held / MANIFEST).read_bytes()
    (held / MANIFEST).write_bytes(before.replace(*change))
    for settings in (SETTINGS, {"seed": 2, "top": 4}):
        with pytest.raises(DamagedError, match=r"manifest\.json: is damaged .*; choose another folder .* --force$"):
            enter(held, settings)
        with pytest.raises(DamagedError, match=r"manifest\.json: is damaged"):
            free_folder(held, TEST, settings)
    assert enter(held, force=True) == Manifest("test", SETTINGS, MODEL)
    assert (held / MANIFEST).read_bytes() == before
    assert "units/a.png" in names(held)


def test_a_finished_run_is_found_whole(tmp_path):
    with entered(tmp_path, TEST, SETTINGS, MODEL, force=False) as run:
        assert not run.is_whole()
        run.save_manifest({"units/b.png": run.write("units/b.png", b"b")}, {"rows": [1]}, [("bad.png", "is empty")])
        assert names(tmp_path) == {MANIFEST, "units/b.png", LOCK}
    with entered(tmp_path, TEST, SETTINGS, MODEL, force=False) as run:
        assert run.is_whole()
        assert run.manifest.results == {"rows": [1]}
        assert run.manifest.failures == (("bad.png", "is empty"),)


def test_a_forged_manifest_is_an_error_of_one_line(tmp_path):
    fragile = RunKind("test", "a test", written=lambda folder, manifest: manifest.settings["names"])
    (tmp_path / MANIFEST).write_bytes(Manifest("test", {}, MODEL).to_json())
    with pytest.raises(OutputError, match=r"manifest\.json: is damaged"):
        enter(tmp_path, kind=fragile, force=True)
