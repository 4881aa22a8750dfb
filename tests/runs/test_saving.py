"""`save`: what is written, read back and refused."""

import json

import numpy as np
import pytest
from PIL import Image

import dreamfilters as df
from dreamfilters.errors import OutputError
from dreamfilters.images import png_text, read_image


@pytest.fixture(scope="module")
def dreams(network):
    return df.dream(network, "conv1:0-2", df.Recipe(steps=2), frames=2)


def test_a_dream_is_a_png_with_its_values_and_a_gif_of_its_frames(dreams, tmp_path):
    path = df.save(dreams[0], tmp_path / "new" / "dream.png")
    np.testing.assert_allclose(read_image(path), dreams[0].image, atol=0.5 / 255 + 1e-6)
    assert json.loads(png_text(path)["dreamfilters"])["target"] == "conv1:0"
    with Image.open(dreams[0].save(tmp_path / "dream.gif")) as animation:
        assert animation.n_frames == len(dreams[0].frames)


def test_dreams_are_a_sheet_or_a_folder(dreams, tmp_path):
    sheet = df.save(dreams, tmp_path / "dreams")
    names = sorted(path.name[:7] for path in sheet.parent.iterdir())
    assert names == ["contact", "conv1-0", "conv1-1", "conv1-2"]
    assert df.save(list(dreams), tmp_path / "sheet.png").read_bytes() == sheet.read_bytes()
    with pytest.raises(OutputError, match="two dreams are of the same target"):
        df.save([dreams[0], dreams[0]], tmp_path / "twice")


def test_an_image_is_a_png(tmp_path):
    image = np.linspace(0, 1, 48).reshape(4, 4, 3)
    np.testing.assert_allclose(read_image(df.save(image, tmp_path / "image.png")), image, atol=0.5 / 255 + 1e-6)


def test_a_scan_and_an_audit_are_read_back(network, tmp_path):
    images = np.random.default_rng(0).random((8, 16, 16, 3)).astype("float32")
    scan = df.scan(network, images, ["conv1"], k=2)
    stored = df.read_scan(df.save(scan, tmp_path / "scan"))
    np.testing.assert_array_equal(stored.layer("conv1").maximum, scan.layer("conv1").maximum)
    audit = df.audit(network, stored, ["conv1"])
    assert df.read_audit(df.save(audit, tmp_path / "audit")) == audit
    df.save(scan, tmp_path / "scan")  # the same scan again
    other = df.scan(network, images[1:], ["conv1"], k=2)
    with pytest.raises(OutputError, match="holds"):
        df.save(other, tmp_path / "scan")
    assert df.read_scan(df.save(other, tmp_path / "scan", force=True)).readable == 7


def test_an_evaluation_and_an_ablation_are_read_back(network, tmp_path):
    images, labels = np.random.default_rng(1).random((6, 16, 16, 3)).astype("float32"), [0, 1, 2, 0, 1, 2]
    evaluation = df.evaluate(network, images, labels, pairs=1)
    stored = df.read_evaluation(df.save(evaluation, tmp_path / "evaluation"))
    np.testing.assert_array_equal(stored.logits, evaluation.logits)
    assert stored.separations == evaluation.separations
    ablation = df.ablate(network, "conv2:1", images, labels=labels, controls=1)
    again = df.read_ablation(df.save(ablation, tmp_path / "ablation"))
    assert again.as_values() == ablation.as_values()
    df.save(ablation, tmp_path / "ablation")  # the same again
    with pytest.raises(OutputError, match="holds"):
        df.save(df.ablate(network, "conv2:2", images, labels=labels, controls=1), tmp_path / "ablation")


@pytest.mark.parametrize(
    ("value", "name", "message"),
    [
        (np.zeros((2, 2, 3)), "image.jpg", "its name must end in .png"),
        (np.zeros(3), "image.png", "a ndarray: cannot be saved; give a dream"),
        ("text", "text.png", "a str: cannot be saved"),
        ((), "none", "a tuple: cannot be saved"),
    ],
)
def test_what_cannot_be_saved_is_refused(value, name, message, tmp_path):
    with pytest.raises(OutputError, match=message):
        df.save(value, tmp_path / name)


def test_a_dream_without_frames_is_no_animation(network, tmp_path):
    (dream,) = df.dream(network, "conv1:0", df.Recipe(steps=1))
    with pytest.raises(OutputError, match=r"its name must end in \.png$"):
        dream.save(tmp_path / "dream.gif")
