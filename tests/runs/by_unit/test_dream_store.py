"""The folder of dreams: its files, finished dreams, and other files."""

import json

import numpy as np
import pytest
from PIL import Image

from dreamfilters.dreams.ascent.prediction import DreamPrediction
from dreamfilters.errors import OutputError
from dreamfilters.images import png_text, read_image
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.runs.by_unit.dream_store import opened
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.records import dream_of

HOSTILE = [
    'class:".."',
    "class:'/etc/passwd'",
    'class:"a\0b"',
    "class:<b>x</b>",
    f"class:{'n' * 300}",
    "class:''",
    "class:stop",
]


def test_the_record_beside_a_png_equals_the_one_inside_it(tmp_path, make_dream, settings):
    with opened(tmp_path / "run", settings, {}) as store:
        entry = store.save(make_dream())
        store.close([entry])
    record = json.loads(entry.image.with_suffix(".json").read_text("utf-8"))
    inside = json.loads(png_text(entry.image)["dreamfilters"])
    assert record.pop("files") == {entry.image.name: store.finished("conv1:0").record["files"][entry.image.name]}
    assert record.pop("checksum") != inside.pop("checksum")
    assert record == inside
    assert (record["target"], record["score"], record["seed"], record["activated"]) == ("conv1:0", 2.0, 7, True)
    assert record["again"] == f"dreamfilters again {entry.image.name}"
    assert "seconds" not in record
    np.testing.assert_allclose(read_image(entry.image), make_dream().image, atol=0.5 / 255)


def test_the_record_of_a_class_holds_only_its_own_name(tmp_path, make_dream, settings):
    with opened(tmp_path / "run", settings, {}) as store:
        assert store.save(make_dream('class:"Vorfahrt achten"')).record["classes"] == {"1": "Vorfahrt achten"}
        assert store.save(make_dream("conv1:0")).record["classes"] == {}


def test_the_manifest_lists_every_file_and_missing_dreams(tmp_path, make_dream, settings, bytes_in):
    from hashlib import sha256

    with opened(tmp_path / "run", settings, {"start.png": b"image"}) as store:
        store.close([store.save(make_dream("conv1:0", frames=(make_dream().image,) * 2))])
    files = bytes_in(tmp_path / "run")
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["results"]["missing"] == ["class:STOP"]
    assert files.pop("start.png") == b"image"
    assert manifest["files"] == {name: sha256(content).hexdigest() for name, content in files.items()}
    assert {name.rpartition(".")[2] for name in manifest["files"]} == {"png", "gif", "json"}


def test_a_score_of_nan_is_null_in_strict_json(tmp_path, make_dream, settings):
    with opened(tmp_path / "run", settings, {}) as store:
        entry = store.save(make_dream(score=float("nan"), activated=False, note="not activated: its score never rose"))
        store.close([entry])
    text = entry.image.with_suffix(".json").read_text("utf-8")
    record = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert (record["score"], record["activated"]) == (None, False)


@pytest.mark.parametrize("target", HOSTILE)
def test_a_hostile_name_stays_in_the_folder_and_is_read_back_unchanged(tmp_path, make_dream, settings, target):
    with opened(tmp_path / "run", settings, {}) as store:
        entry = store.save(make_dream(target))
        assert store.finished(target).record["target"] == target
        store.close([entry])
    assert json.loads(png_text(entry.image)["dreamfilters"])["target"] == target
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
    expected = {f"{slug(target)}.png", f"{slug(target)}.json", "manifest.json", "contact-sheet.png"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == expected


def test_only_an_undamaged_dream_with_equal_settings_is_finished(tmp_path, make_dream, settings):
    with opened(tmp_path / "run", settings, {}) as store:
        entry = store.save(make_dream())
        assert store.finished("conv1:0").seconds is None
        assert store.finished("class:STOP") is None
        whole = entry.image.read_bytes()
        entry.image.write_bytes(whole[:-1])
        assert store.finished("conv1:0") is None
        entry.image.write_bytes(whole)
        assert store.finished("conv1:0") is not None
        entry.image.with_suffix(".json").write_text("{")
        assert store.finished("conv1:0") is None
        entry.image.with_suffix(".json").write_text("[]")
        assert store.finished("conv1:0") is None


def test_another_run_is_refused_by_what_differs(tmp_path, make_dream, settings, bytes_in):
    with opened(tmp_path, settings, {}) as store:
        store.close([store.save(make_dream())])
    before = bytes_in(tmp_path)
    message = r"holds a run with other settings \(seed\); choose another folder with --out, or add --force"
    with pytest.raises(OutputError, match=message), opened(tmp_path, settings | {"seed": 8}, {}):
        pass
    assert bytes_in(tmp_path) == before


def test_force_replaces_the_other_run_and_keeps_other_files(tmp_path, make_dream, settings):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files \(notes.txt\)"), opened(tmp_path, settings, {}):
        pass
    with opened(tmp_path, settings, {"prior.npz": b"p"}, force=True) as store:
        store.close([store.save(make_dream())])
    (tmp_path / f"{slug('conv1:0')}.txt").write_text("mine too")
    other = settings | {"targets": ["class:STOP"]}
    with opened(tmp_path, other, {}, force=True) as store:
        store.close([store.save(make_dream("class:STOP"))])
    stop = slug("class:STOP")
    left = {"notes.txt", f"{slug('conv1:0')}.txt", f"{stop}.png", f"{stop}.json", "manifest.json", "contact-sheet.png"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_force_does_not_overwrite_other_files(tmp_path, settings):
    (tmp_path / "contact-sheet.png").write_bytes(b"my holiday")
    message = "contact-sheet.png: was not written by this tool"
    with pytest.raises(OutputError, match=message), opened(tmp_path, settings, {}, force=True):
        pass
    assert (tmp_path / "contact-sheet.png").read_bytes() == b"my holiday"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"settings": {"targets": 3}}', '{"settings": {"targets": ["a"]}, "dreamfilters": 1}']
)
def test_a_manifest_of_another_tool_is_an_other_file(tmp_path, settings, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(OutputError, match="holds other files"), opened(tmp_path, settings, {}):
        pass


def test_transparency_becomes_alpha(tmp_path, make_dream, settings):
    alpha = np.zeros((4, 4), "float32")
    alpha[0] = 1
    with opened(tmp_path / "run", settings, {}) as store:
        entry = store.save(make_dream(transparency=alpha))
        store.close([entry])
    with Image.open(entry.image) as image:
        assert image.mode == "RGBA"
        assert np.asarray(image)[..., 3].tolist() == [[255] * 4, [0] * 4, [0] * 4, [0] * 4]


def test_a_dream_without_its_animation_is_not_finished(tmp_path, make_dream, settings):
    with opened(tmp_path / "run", settings | {"frames": 2}, {}) as store:
        entry = store.save(make_dream(frames=(make_dream().image, 1 - make_dream().image)))
        assert store.finished("conv1:0") is not None
        entry.image.with_suffix(".gif").unlink()
        assert store.finished("conv1:0") is None


def test_what_is_predicted_for_a_dream_is_beside_its_png_and_on_the_sheet(tmp_path, make_dream, settings):
    """It is a result and no setting: a PNG made before there were predictions has the same bytes."""
    own, first = Prediction(0, "STOP", -2.0, 0.04, predicted=False), Prediction(1, "Vorfahrt achten", 3.0, 0.9)
    prediction = DreamPrediction(0, (first, own), own, False)
    with opened(tmp_path / "plain", settings, {}) as store:
        plain = store.save(make_dream("class:STOP"))
        store.close([plain])
    with opened(tmp_path / "run", settings, {}) as store:
        entry = store.save(make_dream("class:STOP", prediction=prediction))
        store.close([entry])
    assert entry.image.read_bytes() == plain.image.read_bytes()
    record = json.loads(entry.image.with_suffix(".json").read_text("utf-8"))
    assert record["prediction"]["text"] == "not its class: predicted Vorfahrt achten, 90 %; STOP, 4 %"
    assert record["prediction"]["first"]["number"] == 1
    assert entry.remark == record["prediction"]["text"]
    assert (plain.remark, "prediction" in plain.summary) == ("", False)
    assert entry.summary["prediction"]["is_predicted"] is False
    sheets = [read_image(tmp_path / name / "contact-sheet.png") for name in ("plain", "run")]
    assert sheets[1].shape[0] > sheets[0].shape[0]  # a line more below the dream
    assert dream_of(record, make_dream().image).prediction.own == own
