"""The rendered sample images: deterministic, different between seeds, and with the colors of the sign."""

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import OutputError, TargetError
from dreamfilters.signs.rendering import scenes
from dreamfilters.signs.rendering.scenes import SAMPLES, render, write_samples
from dreamfilters.signs.rendering.surroundings import SURROUNDINGS, mix, noise, soft_step


def test_there_are_four_samples_of_each_class_in_order(rendered):
    assert [number for number, _ in rendered] == [number for number in range(43) for _ in range(SAMPLES)]


def test_samples_are_images_between_black_and_white(rendered):
    stack = np.stack([image for _, image in rendered])
    assert stack.shape == (172, 48, 48, 3)
    assert stack.dtype == np.float32
    assert stack.min() >= 0
    assert stack.max() <= 1
    assert stack.std(axis=(1, 2, 3)).min() > 0.02  # no image is too dark to see


def test_samples_differ_in_light(rendered):
    means = np.array([image.mean() for _, image in rendered])
    assert means.min() < 0.2
    assert means.max() > 0.6


def test_equal_seeds_give_equal_images_and_samples(rendered):
    np.testing.assert_array_equal(render(14, 3), render(14, 3))
    np.testing.assert_array_equal(rendered[14 * SAMPLES + 3][1], render(14, 3))


def test_seeds_and_classes_give_different_images():
    assert np.abs(render(14, 0) - render(14, 1)).mean() > 0.02
    assert np.abs(render(14, 0) - render(17, 0)).mean() > 0.02


def test_a_scene_comes_in_any_size():
    assert render(2, 5, size=32).shape == (32, 32, 3)
    assert render(2, 5, size=96).shape == (96, 96, 3)


@pytest.mark.parametrize(("number", "strong", "weak"), [(17, 0, 2), (14, 0, 1), (35, 2, 0), (40, 2, 0)])
def test_a_sign_keeps_its_color_in_every_light(number, strong, weak):
    for seed in range(SAMPLES):
        middle = render(number, seed)[14:34, 14:34].mean(axis=(0, 1))
        assert middle[strong] > 1.15 * middle[weak]


def test_an_unknown_class_is_refused():
    with pytest.raises(TargetError, match=r"^43: signs has no such class"):
        render(43, 0)


def test_written_samples_are_in_class_folders(tmp_path, rendered):
    paths = write_samples(tmp_path)
    assert len(paths) == 172
    assert paths[0] == tmp_path / "00" / "00_rendered_0.png"
    assert paths[-1] == tmp_path / "42" / "42_rendered_3.png"
    assert sorted(tmp_path.rglob("*.png")) == sorted(paths)
    with Image.open(paths[57]) as image:
        assert (image.mode, image.size) == ("RGB", (48, 48))
        np.testing.assert_allclose(np.asarray(image) / 255, rendered[57][1], atol=0.5 / 255 + 1e-6)


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path, rendered, monkeypatch):
    monkeypatch.setattr(scenes, "samples", lambda: rendered)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match=r"^\S+taken: cannot be written \(.+\); free space, or choose .+$"):
        write_samples(tmp_path / "taken")


def test_noise_has_the_requested_slope():
    size, chance = 256, np.random.default_rng(1)
    fields = [noise(chance, size, 1.0) for _ in range(8)]
    power = np.mean([np.abs(np.fft.fft2(field)) ** 2 for field in fields], axis=0)[0, 1 : size // 2]
    slope = np.polyfit(np.log(np.arange(1, size // 2)), np.log(power), 1)[0]
    assert slope == pytest.approx(-2, abs=0.25)  # power is the square of the amplitude
    assert [float(field.std()) for field in fields] == pytest.approx([1] * 8)


def test_a_soft_step_increases_around_its_edge():
    assert soft_step(np.array([0.0, 0.9, 1.0, 1.1, 2.0]), 1, 0.4) == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_mixing_by_a_mask_selects_each_pixel():
    black, white = np.zeros((1, 2, 3)), np.ones((1, 2, 3))
    assert mix(black, white, np.array([[0.0, 1.0]]))[0, :, 0].tolist() == [0, 1]


@pytest.mark.parametrize("surrounding", sorted(set(SURROUNDINGS), key=lambda surrounding: surrounding.__name__))
def test_surroundings_vary_and_stay_near_what_light_allows(surrounding):
    first, second = (surrounding(np.random.default_rng(seed), 64) for seed in (0, 1))
    assert first.shape == (64, 64, 3)
    assert first.min() >= -0.01
    assert first.max() <= 1.1
    assert np.abs(first - second).mean() > 0.01
