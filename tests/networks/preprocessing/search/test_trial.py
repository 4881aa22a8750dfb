import dataclasses

import numpy as np
import pytest

from dreamfilters.errors import ImageError, InputFormError
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.images.resizing import RULES
from dreamfilters.networks.classes.class_labels import class_labels
from dreamfilters.networks.preprocessing.search import trial as exam
from dreamfilters.networks.preprocessing.search.class_order import ClassOrder
from dreamfilters.networks.preprocessing.search.trial import Trial, TrialRunner, read_images
from dreamfilters.progress import Progress

ORDER = ClassOrder("numeric", ("0", "1"), np.array([0, 1]))


def runner_of(network, images):
    """A runner whose images are of the classes 0, 1, ..."""
    numbers = range(len(images))
    return TrialRunner(network, read_images(network, images, numbers), class_labels(network, list(map(str, numbers))))


def trial(right, losses):
    return Trial(None, ORDER, np.array(right, bool), np.array(losses, float))


def test_a_trial_in_numbers():
    assert (trial([1, 1, 0, 1], [0, 1, 2, 1]).accuracy, trial([1, 1, 0, 1], [0, 1, 2, 1]).log_loss) == (0.75, 1.0)


def test_more_images_recognized_count_if_chance_would_not_have_it():
    """Of discordant images, 4 of 4 are more than 1.96 roots of 4, and 3 of 3 are not."""
    none, same = np.zeros(20), np.zeros(20)
    assert trial(np.arange(20) < 4, same).beats(trial(none, same))
    assert not trial(np.arange(20) < 3, same).beats(trial(none, same))
    assert not trial(none, same).beats(trial(np.arange(20) < 4, same))


def test_a_lower_loss_counts_if_it_is_so_throughout():
    right, rng = np.ones(20), np.random.default_rng(0)
    losses = rng.random(20)
    assert trial(right, losses).beats(trial(right, losses + 0.1 + 0.1 * rng.random(20)))
    assert not trial(right, losses).beats(trial(right, np.where(np.arange(20) == 0, losses + 9, losses)))
    assert not trial(right, losses).beats(trial(right, losses))


@pytest.fixture
def folder(tmp_path, scene):
    for name, side in (("a", 16), ("b", 20), ("c", 30)):
        (tmp_path / f"{name}.png").write_bytes(png_bytes(scene(side, side)))
    (tmp_path / "b.png").write_bytes(b"no image")
    return tmp_path


def test_images_are_read_once_and_resized_by_every_rule(network, folder):
    told = []
    shown = read_images(network, image_folder(folder), [0, 1, 2], told.append)
    assert (shown.indices, told) == ((0, 2), [Progress(1, 3, "decoding"), Progress(2, 3, "decoding")])
    assert set(shown.resized) == set(RULES)
    assert shown.resized["linear"].shape == (2, 16, 16, 3)
    assert np.array_equal(shown.resized["nearest"][0], shown.resized["bicubic"][0])  # it had that size
    assert not np.array_equal(shown.resized["nearest"][1], shown.resized["bicubic"][1])


def test_images_too_large_to_hold_are_thinned_out(network, monkeypatch):
    monkeypatch.setattr(exam, "_ROOM", 3 * 2 * len(RULES) * 16 * 16 * 3)  # three of them
    images = np.arange(7, dtype=np.float32)[:, None, None, None] / 8 + np.zeros((7, 16, 16, 3), np.float32)
    shown = read_images(network, images, range(7))
    assert shown.indices == (0, 3, 6)
    assert shown.resized["area"][:, 0, 0, 0].tolist() == [0, 0.375, 0.75]


def test_a_folder_without_readable_images_is_refused(network, folder):
    words = r"none of the 1 labeled images can be read; b\.png: is not an image"
    with pytest.raises(ImageError, match=words):
        read_images(network, image_folder(folder), [1])
    free = dataclasses.replace(network, form=dataclasses.replace(network.form, size=(None, None)))
    with pytest.raises(InputFormError, match=r"tiny: takes any size; set one in its TOML, such as size = \[224, 224\]"):
        read_images(free, image_folder(folder), [0])


def test_predictions_are_those_of_the_model(network, tiny, scene):
    images = np.stack([scene(seed=seed) for seed in range(70)])  # more than a batch
    shown = read_images(network, images, range(70))
    labels = np.arange(70) % 3
    labels[5] = 3  # no output has it
    form = network.form.in_range(0, 255)
    runner = TrialRunner(network, shown, class_labels(network, tuple(map(str, labels))))
    found = runner.trials(form)[0]
    odds = np.asarray(tiny(shown.resized["bicubic"].astype("float32") * 255))
    assert found.right.tolist() == (odds.argmax(axis=1) == labels).tolist()
    assert found.losses[5] == pytest.approx(-np.log(1e-7))
    wanted = -np.log(np.maximum(odds[np.arange(70), labels % 3], 1e-7))
    np.testing.assert_allclose(np.delete(found.losses, 5), np.delete(wanted, 5), atol=1e-3)


def test_mean_and_deviation_of_images(network):
    images = np.zeros((2, 16, 16, 3), np.float32)
    images[1, ..., 0] = 1
    images[:, ..., 2] = 0.5
    mean, std = runner_of(network, images).statistics(network.form)
    assert (mean.tolist(), std.tolist()) == ([0.5, 0, 0.5], [0.5, 0, 0])
