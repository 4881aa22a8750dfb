from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.comparison.measures.response_rank import rank_in_scan, response_rank
from dreamfilters.comparison.reference_set import reference_set
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.networks import LOGITS


def scanned(network, source, top=3, seed=0):
    return reference_set(network, source, ["conv", LOGITS], top=top, seed=seed)


@pytest.fixture(scope="module")
def real(colors, images_of):
    return scanned(colors, source_of(*images_of()))


def test_a_sample_is_bounded_seeded_and_rising(real):
    sample = real.sample(range(1000), 50)
    assert len(set(sample)) == 50
    assert list(sample) == sorted(sample)
    assert sample == real.sample(range(1000), 50)
    assert real.sample([4, 7], 50) == (4, 7)
    assert real.sampled == tuple(range(24))


def test_the_rank_in_a_scan_is_that_of_the_single_responses(real, colors, images_of):
    """The histogram's percentile is exact to one bin."""
    unit = real.scan.unit("conv", 1)
    responses = activations(colors, images_of()[0], ["conv"])["conv"][..., 1].mean(axis=(1, 2))
    for response in (0.0, 0.3, float(np.median(responses)), 5.0):
        ours, exact = rank_in_scan(unit, "mean", response), response_rank(response, responses)
        assert ours.percentile == pytest.approx(exact.percentile, abs=100 / 24)
        assert (ours.index, ours.count, ours.loses) == (exact.index, exact.count, exact.loses)
        assert ours.ratio == pytest.approx(exact.ratio, rel=1e-4)


def test_labels_are_the_network_s_classes(real):
    assert real.of_class(1) == list(range(1, 24, 3))
    assert real.label(2) == "blue"


def test_labels_show_aliases(colors, images_of):
    named = replace(colors, aliases=(("crimson", "green", "navy"),))
    assert [scanned(named, source_of(*images_of(3))).label(index) for index in range(3)] == [
        "red (crimson)", "green", "blue (navy)",
    ]  # fmt: skip


def test_labels_that_are_not_classes_are_kept_and_belong_to_none(colors, images_of):
    images, _ = images_of(6)
    real = scanned(colors, source_of(images, ["cat", "dog", "", "cat", "cat", "dog"]))
    assert real.of_class(0) == []
    assert [real.label(index) for index in range(3)] == ["cat", "dog", ""]


def test_every_file_is_decoded_once_while_it_is_scanned(colors, images_of, tmp_path, monkeypatch):
    for number, image in enumerate(images_of(12)[0]):
        (tmp_path / f"{number:02}.png").write_bytes(png_bytes(image))
    (tmp_path / "broken.png").write_bytes(b"no image")
    found, decoded = image_folder(tmp_path, size=(16, 16)), []
    read = type(found).read
    monkeypatch.setattr(type(found), "read", lambda self, index: decoded.append(index) or read(self, index))
    real = scanned(colors, source_of(found))
    assert sorted(decoded) == sorted([0, *range(13)])  # the first one also for its size
    assert [name for name, _ in real.scan.failures] == ["broken.png"]
    assert real.sampled == tuple(range(12))


def test_an_image_that_disappears_is_named(colors, images_of, tmp_path):
    for number, image in enumerate(images_of(6)[0]):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(image))
    real = scanned(colors, source_of(image_folder(tmp_path)))
    (tmp_path / "4.png").unlink()
    with pytest.raises(ImageError, match=r"4\.png: was readable during the scan"):
        real.read([1, 4])
