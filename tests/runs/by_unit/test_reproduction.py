"""A dream is reproduced from its PNG, to the byte."""

import json
import os
import shutil
import warnings
import zipfile

import keras
import numpy as np
import pytest

from dreamfilters.dreams import priors
from dreamfilters.dreams.parameterizations import Fourier, Pixels
from dreamfilters.dreams.priors.fitting import fit_prior
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.errors import ImageError, ModelError, OutputError
from dreamfilters.images import png_bytes, png_text, read_image
from dreamfilters.networks import InputForm, load
from dreamfilters.runs.by_unit.dream_run import DreamJob, run
from dreamfilters.runs.by_unit.reproduction import job_of, reproduce
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.runs.storage.prior_files import read_prior
from dreamfilters.runs.storage.records import form_from
from dreamfilters.serialization import plain


def record_in(image):
    """Return the record inside a PNG, without its checksum."""
    return {key: value for key, value in json.loads(png_text(image)["dreamfilters"]).items() if key != "checksum"}


@pytest.fixture(scope="module")
def finished(job_for, tmp_path_factory):
    return run(job_for(targets=('class:"Vorfahrt achten"', "class:STOP", "class:20")), tmp_path_factory.mktemp("old"))


def test_a_dream_reproduced_alone_has_the_same_bytes(finished, tmp_path):
    for entry in finished.value[:2]:
        repetition = reproduce(entry.image, job_of(entry.image), tmp_path / entry.image.stem)
        assert repetition.same, repetition.why
        assert repetition.entry.image.read_bytes() == entry.image.read_bytes()


def test_class_names_come_from_the_png(finished):
    job = job_of(finished.value[0].image)
    assert job.names == ('class:"Vorfahrt achten"',)
    assert job.network.classes == ("class #0", "Vorfahrt achten", "class #2")


def test_prior_and_start_image_are_checked(job_for, scene, tmp_path):
    prior = priors.measure_prior(np.stack([scene(seed=number) for number in range(3)]), name="mine")
    recipe = Recipe(Fourier(16), transforms=(), steps=2)
    job = job_for(targets=("conv1:0",), prior=prior, start=scene(16, 16), recipe=recipe, frames=2)
    image = run(job, tmp_path / "old").value[0].image
    assert reproduce(image, job_of(image)).same
    start = tmp_path / "old" / "start.png"
    start.write_bytes(png_bytes(scene(16, 16, seed=9)))
    with pytest.raises(ImageError, match=r"start\.png: is not the file"):
        job_of(image)
    start.unlink()
    with pytest.raises(ImageError, match=r"needs start\.png beside it"):
        job_of(image)


def test_a_moved_model_is_given_by_its_new_path(finished, model_file, tmp_path):
    image = finished.value[1].image
    moved = tmp_path / "moved.keras"
    shutil.copy(model_file, moved)
    hidden = model_file.with_suffix(".hidden")
    model_file.rename(hidden)
    try:
        with pytest.raises(ModelError, match=r"tiny.keras: no such file.*--model"):
            job_of(image)
        assert reproduce(image, job_of(image, model=str(moved))).same
    finally:
        hidden.rename(model_file)


def test_another_network_is_refused(finished, make_tiny, fill, tmp_path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        fill(make_tiny(), seed=3).save(tmp_path / "other.keras")
    with pytest.raises(
        ModelError, match=r"other.keras: is not the network of .*: layers, weights or other inputs differ$"
    ):
        job_of(finished.value[0].image, model=str(tmp_path / "other.keras"))


def test_an_edited_png_is_not_reproduced(finished, tmp_path):
    old = finished.value[1].image
    record = record_in(old) | {"versions": {"keras": "2.1"}}
    forged = tmp_path / "forged.png"
    forged.write_bytes(png_bytes(1 - read_image(old), text={"dreamfilters": with_checksum(as_json(record))}))
    repetition = reproduce(forged, job_of(forged))
    assert not repetition.same
    assert "pixels differ" in repetition.why
    assert "keras 2.1 then" in repetition.why


def test_the_old_dream_is_never_overwritten(finished):
    image = finished.value[0].image
    with pytest.raises(OutputError, match="choose another folder"):
        reproduce(image, job_of(image), image.parent)


@pytest.mark.parametrize("text", [None, "", "x", "[]", "{}", '{"target": 1}'])
def test_a_png_without_a_record_is_an_error(tmp_path, text):
    image = tmp_path / "a.png"
    image.write_bytes(png_bytes([[0.0]], text={} if text is None else {"dreamfilters": text}))
    with pytest.raises(ImageError, match="stores no settings of a dream"):
        job_of(image)


@pytest.mark.parametrize(
    "change", [{"input": {"color": 3}}, {"model": 3}, {"classes": 3}, {"frames": "x"}, {"attachments": 1}]
)
def test_a_forged_record_is_an_error_of_one_line(finished, tmp_path, change):
    record = as_json(record_in(finished.value[0].image) | change)
    image = tmp_path / "a.png"
    for text in (record, with_checksum(record)):  # as version 0.1 stored it, too
        image.write_bytes(png_bytes([[0.0]], text={"dreamfilters": text}))
        with pytest.raises(ImageError, match=r"a\.png: its stored settings are incomplete") as caught:
            job_of(image)
        assert "\n" not in str(caught.value)


def test_a_damaged_record_is_refused(finished, tmp_path):
    text = png_text(finished.value[0].image)["dreamfilters"]
    image = tmp_path / "a.png"
    image.write_bytes(png_bytes([[0.0]], text={"dreamfilters": text.replace('"seed": 7', '"seed": 8')}))
    with pytest.raises(ImageError, match=r"a\.png: its stored settings are damaged \(its checksum"):
        job_of(image)


def test_a_record_of_an_early_version_has_no_checksum(finished, tmp_path):
    old = finished.value[1].image
    image = tmp_path / old.name
    image.write_bytes(png_bytes(read_image(old), text={"dreamfilters": as_json(record_in(old))}))
    repetition = reproduce(image, job_of(image))
    assert not repetition.same
    assert "the pixels are equal" in repetition.why


@pytest.mark.parametrize("text", ["[" * 10**5, '{"target":' * 500, '{"target": ' + "9" * 5000 + "}", '{"a": NaN}'])
def test_hostile_text_in_a_png_is_one_line(tmp_path, text):
    image = tmp_path / "a.png"
    image.write_bytes(png_bytes([[0.0]], text={"dreamfilters": text}))
    with pytest.raises(ImageError, match="stores no settings of a dream"):
        job_of(image)


def test_a_file_beside_a_png_that_claims_too_much_is_one_line(finished, tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999,), }\n"
    claimed = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "inputs.npz", "w") as archive:
        archive.writestr("a.npy", claimed)
    attached = {"inputs.npz": sha256((tmp_path / "inputs.npz").read_bytes())}
    record = record_in(finished.value[0].image) | {"attachments": attached}
    image = tmp_path / "a.png"
    image.write_bytes(png_bytes([[0.0]], text={"dreamfilters": with_checksum(as_json(record))}))
    with pytest.raises(OutputError, match=r"inputs\.npz: is damaged \(a\.npy does not hold the numbers"):
        job_of(image)
    (tmp_path / "inputs.npz").unlink()
    os.mkfifo(tmp_path / "inputs.npz")
    with pytest.raises(ImageError, match=r"needs inputs\.npz beside it"):
        job_of(image)


def test_an_input_form_is_read_back_from_json():
    form = InputForm((None, 48), 3, 255.0, (1.0, 2.0, 3.0), (4.0,), "BGR")
    assert form_from(json.loads(json.dumps(plain(form)))) == form


def test_a_deepdream_of_a_start_image_is_reproduced(job_for, scene, tmp_path):
    recipe = Recipe(Pixels(16), transforms=(), steps=2, octaves=2)
    image = run(job_for(targets=("layer:conv2",), start=scene(20, 24), recipe=recipe), tmp_path).value[0].image
    assert reproduce(image, job_of(image)).same


def test_a_start_image_of_many_channels_is_stored_whole(make_tiny, fill, tmp_path):
    x = keras.Input((12, 12, 6))
    path = tmp_path / "bands.keras"
    with warnings.catch_warnings():  # see conftest.py
        warnings.simplefilter("ignore", DeprecationWarning)
        fill(keras.Model(x, keras.layers.Conv2D(4, 3, name="conv")(x))).save(path)
    start = np.random.default_rng(0).random((12, 12, 6), dtype="float32")
    recipe = Recipe(Pixels(12), transforms=(), steps=2)
    network = load(path, form={"range": [0, 1]})
    entry = run(DreamJob(network, str(path), ("conv:1",), recipe, start=start), tmp_path / "run").value[0]
    again = job_of(entry.image)
    np.testing.assert_allclose(again.start, start, atol=0.5 / 255 + 1e-6)
    assert reproduce(entry.image, again).same


def test_a_dream_on_a_network_of_two_inputs_is_reproduced(tmp_path, fill):
    left, right = keras.Input((12, 12, 3), name="left"), keras.Input((12, 12, 3), name="right")
    conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")
    both = keras.layers.Concatenate()([conv(left), keras.layers.Conv2D(4, 3, name="other")(right)])
    flat = keras.layers.Flatten()(both)
    ends = [keras.layers.Dense(2, name="kind")(flat), keras.layers.Dense(3, name="box")(flat)]
    path = tmp_path / "pair.keras"
    with warnings.catch_warnings():  # see conftest.py
        warnings.simplefilter("ignore", DeprecationWarning)
        fill(keras.Model([left, right], ends)).save(path)
    left_image = np.random.default_rng(0).random((12, 12, 3), dtype="float32")
    network = load(path, input="right", output="box", form={"range": [0, 1]}, inputs={"left": left_image})
    assert network.fingerprint != load(path, input="left", output="box").fingerprint
    assert network.fingerprint != load(path, input="right", output="kind").fingerprint
    job = DreamJob(network, str(path), ("other:1", "class:2"), Recipe(Fourier(12), transforms=(), steps=2), seed=3)
    for entry in run(job, tmp_path / "run").value:
        assert reproduce(entry.image, job_of(entry.image)).same
    (tmp_path / "run" / "inputs.npz").unlink()
    with pytest.raises(ImageError, match=r"needs inputs\.npz beside it"):
        job_of(entry.image)


@pytest.mark.slow
def test_a_dream_with_a_learned_prior_is_made_again_with_the_same_bytes(job_for, scene, tmp_path):
    """The prior is stored with the run; the label is in the record, on the sheet and in the table's remark."""
    learned = fit_prior(np.stack([scene(8, 8, seed=number) for number in range(110)]), steps=2, name="scenes")
    recipe = read_recipe("learned", settings=["steps=3", "transforms.views.views=1"])
    entry = run(job_for(targets=("class:20",), recipe=recipe, prior=learned, tries=2), tmp_path / "run").value[0]
    assert "appearance from 99 images (scenes), class from the network; nearest image " in entry.remark
    assert entry.record["prior"] == {"name": "scenes", "digest": learned.digest}
    assert read_prior(tmp_path / "run" / "prior.npz") == learned
    found = reproduce(entry.image, job_of(entry.image))
    assert found.same, found.why
    (tmp_path / "run" / "prior.npz").write_bytes(b"PK")
    with pytest.raises(ImageError, match="is not the file that"):
        job_of(entry.image)
