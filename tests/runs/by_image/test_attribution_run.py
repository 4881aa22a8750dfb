"""Runs of heatmaps: values are those of `attribute`, and an interrupted run resumes to the same bytes."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from dreamfilters.attribution.attribute import attribute
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.errors import ImageError, ModelError, OutputError, RecipeError, TargetError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.images import image_folder, read_image
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import LOGITS
from dreamfilters.runs.by_image.attribution_run import AttributionJob, run
from dreamfilters.runs.by_image.attribution_task import AttributionSettings
from tests.attribution.toy_methods import Gradient, Unfitting, registered

METHODS = ("toy-gradient", "toy-unfitting")


@pytest.fixture(autouse=True)
def toys():
    """Both methods, registered."""
    with registered(Gradient(), Unfitting()):
        yield


@pytest.fixture
def folder(tmp_path, scene):
    """Three images in two classes, and one that cannot be read."""
    images = tmp_path / "images"
    for number, label in enumerate(("a", "a", "b")):
        (images / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray((scene(16, 16, seed=number) * 255).astype(np.uint8)).save(images / label / f"{number}.png")
    (images / "b" / "9.png").write_bytes(b"")
    return images


def contents(folder):
    """Every file below a folder and its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def job(network, folder, *targets, **options):
    """A job of both methods."""
    return AttributionJob(
        network, image_folder(folder), AttributionSettings(targets, **{"methods": METHODS, **options})
    )


def test_files_and_numbers_are_those_of_attribute(network, folder, tmp_path):
    result = run(job(network, folder, "class:STOP", "conv2:1-2", arrays=True), tmp_path / "out")
    assert [stored.image for stored in result.value.images] == ["a/0.png", "a/1.png", "b/2.png"]
    assert dict(result.failures) == {"b/9.png": "is empty (0 bytes); get a fresh copy"}
    assert result.value.reasons == {"toy-unfitting": "tiny has no layer that this method needs"}
    found = [attribute(network, target, folder, methods=METHODS) for target in ("class:STOP", "conv2:1", "conv2:2")]
    for row, stored in enumerate(result.value.images):
        with np.load(stored.folder / "heatmaps.npz") as file:
            arrays = dict(file)
        assert [each.target for each in stored.targets] == ["class:STOP", "conv2:1", "conv2:2"]
        for each, expected in zip(stored.targets, found, strict=True):
            heatmap, values = each.heatmaps["toy-gradient"], expected.heatmaps["toy-gradient"][row]
            np.testing.assert_array_equal(arrays[heatmap.array], values)
            assert np.float32(each.score) == expected.scores[row]
            assert (np.float32(heatmap.low), np.float32(heatmap.high)) == (values.min(), values.max())
            assert np.float32(heatmap.scale) == expected.scales["toy-gradient"][row]
            overlay = read_image(stored.folder / heatmap.overlay)
            assert overlay.shape == (192, 192, 3)
            np.testing.assert_allclose(overlay[::12, ::12], expected.overlay("toy-gradient", row), atol=1 / 255)
        assert read_image(stored.sheet).shape[0] > 3 * 128
        record = json.loads((stored.folder / "attribution.json").read_text("utf-8"))
        assert {path.name for path in stored.folder.iterdir()} == {*record["files"], "attribution.json"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert [image["image"] for image in manifest["results"]["images"]] == ["a/0.png", "a/1.png", "b/2.png"]
    assert manifest["results"]["trust"] is None


def test_the_page_shows_every_image_and_fetches_nothing_else(network, folder, tmp_path):
    out = tmp_path / "out"
    result = run(job(network, folder, measured=1), out)
    page = (out / "index.html").read_text("utf-8")
    assert page.count("<img") == 3
    assert all(f'src="{stored.folder.name}/contact-sheet.png"' in page for stored in result.value.images)
    assert "Heatmaps of the predicted class on 3 images" in page
    assert "has no layer that this method needs" in page
    assert "is empty (0 bytes)" in page
    assert all(name in page for name in TRUST_MEASURES)
    assert not re.search(r"https?:|<script", page)


def test_without_targets_the_predicted_class_is_explained(network, folder, tmp_path):
    logits = activations(network, folder, [LOGITS])[LOGITS]
    for row, stored in enumerate(run(job(network, folder), tmp_path / "out").value.images):
        (explained,) = stored.targets
        name = network.classes[int(logits[row].argmax())]
        assert explained.target.removeprefix("class:").strip('"') == name
        assert stored.predicted.startswith(f"{name}, ")
        assert explained.score == pytest.approx(logits[row].max(), abs=1e-5)


def test_trust_is_measured_on_images_that_are_spread_over_all(network, folder, tmp_path):
    result = run(job(network, folder, "class:STOP", measured=2), tmp_path / "out")
    measured = [bool(stored.targets[0].trust) for stored in result.value.images]
    assert measured == [True, False, False]  # the second one cannot be read
    trust = result.value.trust
    assert [row.method for row in trust.rows] == ["toy-gradient", "random"]
    assert list(trust.measures) == list(TRUST_MEASURES)
    curve = result.value.images[0].targets[0].trust["toy-gradient"]["deletion"].curve
    assert len(curve) == 33
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    for name in ("deletion", "insertion"):
        defined = [row.method for row in trust.rows if np.isfinite(row.values[name].mean)]
        assert [method for method, curves in trust.curves.items() if name in curves] == defined
        assert page.count(f'<polyline class="{name}"') == len(defined)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["results"]["trust"] == trust.as_values()


def test_an_interrupted_run_resumes_to_the_same_bytes(network, folder, tmp_path):
    options = {"arrays": True, "measured": 4}
    whole = run(job(network, folder, "class:STOP", **options), tmp_path / "whole")
    assert whole.done == whole.total == 4

    def stop(progress):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    first = run(job(network, folder, "class:STOP", **options), out, progress=stop)
    assert (first.stopped, [stored.image for stored in first.value.images]) == (True, ["a/0.png"])
    assert {"a/1.png", "b/2.png"} <= set(first.missing)
    assert not (out / "index.html").exists()
    kept = next(out.glob("a-0*/contact-sheet.png")).stat().st_mtime_ns
    again = run(job(network, folder, "class:STOP", **options), out)
    assert not again.stopped
    assert next(out.glob("a-0*/contact-sheet.png")).stat().st_mtime_ns == kept
    assert contents(out) == contents(tmp_path / "whole")
    next(out.glob("a-1*/contact-sheet.png")).write_bytes(b"damaged")
    (out / "index.html").unlink()
    run(job(network, folder, "class:STOP", **options), out)
    assert contents(out) == contents(tmp_path / "whole")


def test_images_in_memory(network, scene, tmp_path):
    images = ImageArrays.of(np.stack([scene(seed=seed) for seed in range(2)]))
    settings = AttributionSettings(("class:STOP",), ("toy-gradient",), against="class:20")
    result = run(AttributionJob(network, images, settings), tmp_path / "out")
    assert [stored.image for stored in result.value.images] == ["image 0", "image 1"]
    assert result.value.images[0].targets[0].target == "class:STOP - class:20"
    assert result.images[0].endswith("contact-sheet.png")


def test_other_settings_need_another_folder(network, folder, tmp_path):
    out = tmp_path / "out"
    run(job(network, folder, "class:STOP", methods=("toy-gradient",)), out)
    with pytest.raises(OutputError, match=r"holds heatmaps with other settings \(targets\)"):
        run(job(network, folder, "class:20", methods=("toy-gradient",)), out)
    run(job(network, folder, "class:20", methods=("toy-gradient",)), out, force=True)
    assert not list(out.glob("*/class-STOP*"))


@pytest.mark.parametrize(
    ("targets", "options", "error", "message"),
    [
        (("class:STP",), {}, UnknownNameError, "Close names: STOP"),
        (("conv2:1@99,0",), {}, TargetError, "conv2:1@99,0: conv2 has 6 rows"),
        (("class:STOP",), {"against": "class:STOP"}, TargetError, "is the target itself"),
        ((), {"against": "class:STOP"}, TargetError, "against class:STOP: needs a target"),
        (("class:STOP",), {"methods": ("grad",)}, UnknownNameError, "attribution method grad: there is none"),
        (("class:STOP",), {"measured": -1}, RecipeError, "measured=-1: must be 0 or more"),
        (("class:STOP",), {"methods": ("toy-unfitting",)}, ModelError, "has no layer that this method needs"),
    ],
)
def test_wrong_settings_leave_no_files(network, folder, tmp_path, targets, options, error, message):
    with pytest.raises(error, match=message):
        run(job(network, folder, *targets, **options), tmp_path / "out")
    assert not [path for path in tmp_path.glob("out/*") if not path.name.startswith(".")]


def test_a_folder_without_readable_images_is_an_error(network, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"none of 1 images can be read; first error: 0\.png: is empty"):
        run(job(network, tmp_path / "images", "class:STOP"), tmp_path / "out")
    assert not list(tmp_path.glob("out/*.json"))
