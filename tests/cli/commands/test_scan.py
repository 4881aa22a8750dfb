"""`dreamfilters scan`: output, exit codes, and images of unusual formats."""

import json
import warnings
import zlib

import numpy as np
import pytest
import typer
from PIL import Image

from dreamfilters.cli.commands import scan as scans
from dreamfilters.errors import DreamfiltersError, ImageError, UnknownNameError
from dreamfilters.runs.over_images.scan_run import read_scan


def gradient(mode="RGB", side=20):
    ramp = np.linspace(0, 255, side * side).astype(np.uint8).reshape(side, side)
    return Image.fromarray(np.stack([ramp, ramp.T, 255 - ramp], axis=-1)).convert(mode)


def bomb():
    """A PNG of a few bytes whose header declares 60,000 x 60,000 pixels."""

    def chunk(kind, content):
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def write_odd_but_good(folder):
    """Write images of unusual formats, all readable."""
    gradient("P").save(folder / "palette.png")
    gradient("CMYK").save(folder / "cmyk.jpg")
    gradient("RGBA").save(folder / "alpha.png")
    gradient("L").save(folder / "gray.bmp")
    gradient("1").save(folder / "bits.tiff")
    gradient().save(folder / "image.webp")
    gradient().save(folder / "really a png.jpg", format="PNG")
    Image.fromarray(np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)).save(folder / "sixteen.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    gradient().save(folder / "turned.jpg", exif=turned)
    gradient().save(folder / "moves.gif", save_all=True, append_images=[gradient("L").convert("RGB")])
    gradient().save(folder / "Vorfahrt gewähren 'a' \"b\" $(c); –,日本 %s {0}.png")
    gradient().save(folder / "new\nline.png")
    gradient().save(folder / "UPPER.PNG")


def write_bad(folder):
    """Write files that cannot be read as images, and return the reason for each."""
    whole = folder / "whole.jpg"
    gradient(side=64).save(whole)
    (folder / "truncated.jpg").write_bytes(whole.read_bytes()[:400])
    whole.unlink()
    (folder / "zero.png").write_bytes(b"")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "text.png").write_text("no image")
    (folder / "dangling.png").symlink_to(folder / "nowhere.png")
    return {
        "bomb.png": "GB of memory",
        "dangling.png": "no such file",
        "text.png": "is not an image",
        "truncated.jpg": "damaged or truncated",
        "zero.png": "0 bytes",
    }


@pytest.fixture
def workspace(tiny, tmp_path):
    """A folder with tiny.keras, and `images` with thirteen images of unusual formats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny.save(tmp_path / "tiny.keras")
    (tmp_path / "images").mkdir()
    write_odd_but_good(tmp_path / "images")
    return tmp_path


@pytest.fixture
def run_command(workspace, monkeypatch, capfd):
    """A function that runs the command and returns its exit code, stdout and stderr."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(scans.scan)
    monkeypatch.chdir(workspace)

    def run(*words):
        capfd.readouterr()
        arguments = ["tiny.keras", *map(str, words), "--out", "out", "--range", "0", "1"]
        code = app(arguments, standalone_mode=False) or 0
        return code, *capfd.readouterr()

    return run


def test_odd_images_are_all_read(run_command, workspace):
    code, out, _ = run_command("images", "--top", 3)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["layer", "units", "always", "silent", "zeros", "strongest", "unit", "image"]
    assert [line.split()[0] for line in lines[1:-1]] == ["conv1", "pool1", "conv2", "classes", "logits"]
    assert lines[-1] == "13 images: out/index.html"
    found = read_scan(workspace / "out")
    assert found.failures == ()
    assert "new\nline.png" in found.names


def test_images_of_16_bits_and_rotated_ones_are_decoded_correctly(run_command, workspace):
    run_command("images", "--top", 13)
    found = read_scan(workspace / "out")
    scores = {
        example.name: example.score for example in found.unit("conv1", 0).strongest["mean"]
    }  # a clipped or unrotated copy has other scores
    upright = workspace / "upright"
    upright.mkdir()
    gradient().transpose(Image.Transpose.ROTATE_270).save(upright / "turned.png")
    Image.fromarray((np.linspace(0, 65535, 400) // 257).astype(np.uint8).reshape(20, 20)).save(upright / "sixteen.png")
    found = _scan_of(workspace, upright)
    same = {example.name: example.score for example in found.unit("conv1", 0).strongest["mean"]}
    assert same["sixteen.png"] == pytest.approx(scores["sixteen.png"], abs=0.005)
    assert same["turned.png"] == pytest.approx(scores["turned.jpg"], abs=0.02)  # JPEG loses a little


def _scan_of(workspace, folder):
    from dreamfilters.evidence.scan.scan_job import scan
    from dreamfilters.images import image_folder
    from dreamfilters.networks import load

    return scan(load(workspace / "tiny.keras", form={"range": (0, 1)}), image_folder(folder), k=2)


def test_unreadable_images_are_counted_and_named_and_do_not_end_the_scan(run_command, workspace):
    reasons = write_bad(workspace / "images")
    code, out, err = run_command("images")
    assert code == 3
    assert "13 images: out/index.html" in out
    lines = err.strip().splitlines()
    assert lines[-1] == "5 of 18 images could not be read"
    assert lines[0].startswith("input form of tiny")
    assert [line.split(":")[0] for line in lines[1:-1]] == sorted(reasons)
    assert all(reason in line for line, reason in zip(lines[1:], reasons.values(), strict=False))
    assert [name for name, _ in read_scan(workspace / "out").failures] == sorted(reasons)


def test_top_is_a_limit_so_one_image_can_be_scanned(run_command, workspace):
    code, out, _ = run_command("images/palette.png", "--layers", "conv1")
    assert code == 0
    assert out.splitlines()[-1] == "1 image: out/index.html"
    found = read_scan(workspace / "out")
    assert found.k == 1
    assert [example.name for example in found.unit("conv1", 0).strongest["mean"]] == ["palette.png"]


def test_json_of_a_finished_scan_needs_no_second_scan(run_command, workspace):
    write_bad(workspace / "images")
    run_command("images")
    code, out, _ = run_command("images", "--json")
    values = json.loads(out)
    assert code == 3
    assert values["images"] == 13
    assert values["failures"][0]["image"] == "bomb.png"
    assert [layer["units"] for layer in values["layers"]] == [8, 8, 8, 3, 3]


def test_labels_of_a_csv_file_reach_the_scan(run_command, workspace):
    (workspace / "labels.csv").write_text("file,label\npalette.png,1\ncmyk.jpg,1\ngray.bmp,0\n")
    assert run_command("images", "--labels", "labels.csv", "--layers", "conv1,conv2")[0] == 0
    found = read_scan(workspace / "out")
    assert list(found.layers) == ["conv1", "conv2"]
    assert found.truth.tolist().count(1) == 2
    assert np.isfinite(found.layer("conv2").by_mean.class_means[:2]).all()


def test_the_command_of_a_warning_opens_the_network_as_the_user_did(run_command, workspace):
    """Every image has one label, which the untrained network predicts for few or for all of them."""
    images = sorted(path.name for path in (workspace / "images").iterdir())
    warned = []
    for label in range(3):
        (workspace / "labels.csv").write_text("".join(f'"{name}",{label}\n' for name in images))
        error = run_command("images", "--labels", "labels.csv", "--layers", "conv1", "--force")[2]
        warned += [line for line in error.splitlines() if line.startswith("warning: only")]
    command = "dreamfilters inputs tiny.keras images --labels labels.csv --range 0 1"
    assert warned
    assert all(line.endswith(command) for line in warned)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["nowhere"], ImageError, "nowhere: no such file"),
        (["empty"], ImageError, "empty: no image files"),
        (["bad"], ImageError, "none of its 9 images can be read"),
        ([], ImageError, "tiny.keras: no images; give an image or a folder"),
        (["images", "--layers", "conv9"], UnknownNameError, "conv9: .* Close names: conv"),
        (["images", "--labels", "other.csv"], ImageError, "names none of the 13 images"),
        (["images", "--labels", "unknown.csv"], UnknownNameError, "class tree"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(run_command, workspace, words, error, message):
    (workspace / "empty").mkdir()
    (workspace / "bad").mkdir()
    for number in range(9):
        (workspace / "bad" / f"{number}.png").write_bytes(b"no image")
    (workspace / "other.csv").write_text("a.png,1\n")
    (workspace / "unknown.csv").write_text("palette.png,tree\n")
    with pytest.raises(error, match=message) as caught:
        run_command(*words)
    assert isinstance(caught.value, DreamfiltersError)
    assert "\n" not in str(caught.value)
    assert not (workspace / "out").exists()


def test_layers_that_another_one_shows_are_left_out_and_a_star_scans_them_too(normed, run_command, workspace):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        normed.save(workspace / "tiny.keras")
    _, out, error = run_command("images", "--top", 2)
    assert [line.split()[0] for line in out.splitlines()[1:-1]] == ["relu", "average", "classes", "logits"]
    assert "conv by relu, norm by relu" in error
    assert "conv (shown by relu)" in (workspace / "out" / "index.html").read_text("utf-8")
    _, out, error = run_command("images", "--top", 2, "--layers", "*", "--force")
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["conv", "norm", "relu"]
    assert "left out" not in error
