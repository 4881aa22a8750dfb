"""Which transforms a network tolerates: networks whose tolerance is known, and recipes that are limited by it."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.dreams.calibration import calibrate
from dreamfilters.dreams.default_recipes import DefaultRecipes, calibrated, recipe_of, recipe_values
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.recipe import Recipe, from_values, read_recipe
from dreamfilters.dreams.transforms import Crop, Jitter, Noise, Rotate, Scale, Shear, Shift, limited
from dreamfilters.errors import ImageError, ModelError, RecipeError
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.networks.preprocessing.tolerance import TYPICAL, TYPICAL_LARGE, Tolerance

SIDE = 20
NONE = Tolerance()


@pytest.fixture(scope="module")
def halves(network_of):
    """Two classes: whether the left half is brighter, or the right one."""
    model = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            layers.Flatten(),
            layers.Dense(2, use_bias=False, activation="softmax", name="classes"),
        ],
        name="halves",
    )
    left = np.repeat((np.arange(SIDE) < SIDE // 2).astype("float32")[None], SIDE, axis=0).ravel()
    model.layers[-1].set_weights([np.stack([left, 1 - left], axis=1)])
    return network_of(model)


def test_the_tolerated_shift_is_that_of_a_bar_whose_distance_from_the_middle_is_known(halves):
    """A bar whose center is 2 pixels from the middle changes its side where it is shifted by more than 2 pixels.

    The shift is uniform up to t pixels either way, so that the share of changed predictions is (t - 2) / (2 t), which
    is a tenth at t = 2.5, an eighth of the side.
    """
    images = np.zeros((100, SIDE, SIDE, 1), "float32")
    images[:50, :, 7:9] = 1  # its center is at 8, two pixels left of 10
    images[50:, :, 11:13] = 1
    found = calibrate(halves, images)
    assert found.tolerance.shift in (0.1, 0.125, 0.16)
    for share, kept in found.kept["shift"].items():
        pixels = max(share * SIDE, 2)
        assert kept == pytest.approx(1 - (pixels - 2) / (2 * pixels), abs=0.1)
    assert found.count == 100
    assert found == calibrate(halves, images)


def test_images_of_which_the_network_is_not_sure_are_left_out(halves):
    """A faint dot beside the middle has a probability of .51, and any shift moves it to the other side."""
    images = np.zeros((40, SIDE, SIDE, 1), "float32")
    images[:10, :, :2] = 1  # far from the middle
    images[10:, SIDE // 2, SIDE // 2] = 0.04
    found = calibrate(halves, images)
    assert found.count == 10
    assert found.tolerance.shift >= 0.2
    assert calibrate(halves, images[3:]).count == 37  # seven sure images are too few: all are used
    assert calibrate(halves, images[3:]).tolerance.shift < 0.1


def test_a_network_of_the_mean_tolerates_everything(network_of):
    model = keras.Sequential(
        [layers.Input((16, 16, 1)), layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")], name="mean"
    )
    model.layers[-1].set_weights([np.array([[-8.0, 8.0]]), np.array([4.0, -4.0])])
    images = [np.full((16, 16, 1), brightness) for brightness in (0.2, 0.8)]
    found = calibrate(network_of(model), images)
    assert found.tolerance == Tolerance(rotate=45, scale=0.5, shift=0.25, crop=0.3, noise=0.3, blur=0.08)
    assert all("stronger" not in row for row in found.rows())
    assert found.count == 2


def test_of_a_folder_at_most_100_images_are_read_and_broken_ones_left_out(network, tmp_path):
    for number in range(130):
        (tmp_path / f"{number:03}.png").write_bytes(b"no image" if number == 0 else png_bytes(np.full((4, 4), 0.5)))
    folder = image_folder(tmp_path)
    found = calibrate(network, folder)
    assert found.count == 99
    assert [path.name for path, _ in folder.failures] == ["000.png"]
    assert set(found.kept) == set(found.tolerance.as_values())
    for row in found.rows():
        assert row["kept"] >= 0.9
        assert row.get("stronger_kept", 0) < 0.9
    assert "Tolerated transforms" in found._repr_html_()


def test_what_cannot_be_calibrated_is_one_line(network, halves, network_of, tmp_path):
    with pytest.raises(RecipeError, match=r"keep=0: must be above 0, at most 1"):
        calibrate(network, np.zeros((1, 16, 16, 3)), keep=0)
    with pytest.raises(ImageError, match="images: none given"):
        calibrate(network, np.zeros((0, 16, 16, 3)))
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"no image can be read; first error: .*broken\.png"):
        calibrate(network, image_folder(tmp_path))
    maps = keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 1, activation="softmax")], name="maps")
    with pytest.raises(ModelError, match="maps: has no classes for a whole image"):
        calibrate(network_of(maps), np.zeros((1, 8, 8, 1)))


def test_motions_are_at_most_as_strong_as_tolerated():
    few = Tolerance(rotate=8, scale=0.1, shift=0.05, crop=0.8)
    strong = (Rotate(15.0), Scale(0.2), Shift(4.0, 0.02), Crop(2, 0.2, 0.3), Jitter(6), Shear(0.1), Noise(0.1))
    assert limited(strong, few, 100) == (
        Rotate(8), Scale(0.1), Shift(share=0.05), Crop(2, 0.8, 0.8), Jitter(5), Shear(0.1), Noise(0.1)
    )  # fmt: skip
    weak = (Rotate(5.0), Scale(0.05), Shift(2.0, 0.03), Crop(1, 0.9, 1.0), Jitter(5))
    assert limited(weak, few, 100) == weak
    assert limited(weak, NONE, 100) == (Rotate(0), Scale(0), Shift(), Crop(1, 1, 1), Jitter(0))


def test_a_calibrated_recipe_is_limited_once_and_keeps_what_it_states(network):
    known = replace(network, tolerance=Tolerance(rotate=3, scale=0.5, shift=0.25))
    natural = read_recipe("natural")
    assert natural.calibrated
    fitted = calibrated(known, natural)
    assert fitted.transforms[[type(each) for each in fitted.transforms].index(Rotate)] == Rotate(3)
    assert calibrated(known, fitted) == fitted
    assert calibrated(replace(network, tolerance=NONE), fitted) == fitted  # the record of a dream is final
    assert from_values(fitted.as_values()) == fitted
    assert calibrated(network, natural) == calibrated(replace(network, tolerance=TYPICAL), natural) != natural
    large = read_recipe("natural-large", settings=["parameterization.size=97"])
    assert calibrated(network, large) == calibrated(replace(network, tolerance=TYPICAL_LARGE), large)
    assert Shift(share=0.2) in calibrated(network, large).transforms
    as_stated = read_recipe("natural", settings=["calibrated=false"])
    assert calibrated(known, as_stated) == as_stated
    assert {name: read_recipe(name).calibrated for name in ("standard", "fast", "lucid", "maco", "yosinski")} == {
        "standard": True, "fast": True, "lucid": False, "maco": False, "yosinski": False,
    }  # fmt: skip


def test_the_tolerance_decides_the_recipe_of_a_run(network):
    known, goal = replace(network, tolerance=Tolerance(rotate=3)), channel("conv1", [0])
    for recipe in (DefaultRecipes(), read_recipe("standard")):
        assert recipe_values(known, recipe) != recipe_values(network, recipe)
        assert recipe_of(known, goal, recipe).transforms[0] == Rotate(3)
    lucid = read_recipe("lucid")
    assert recipe_values(known, lucid) == recipe_values(network, lucid)


def test_a_dream_is_made_under_the_limited_motions(network):
    recipe = Recipe(transforms=(Rotate(20.0), Shift(3.0)), steps=3, calibrated=True)
    small = dream(replace(network, tolerance=Tolerance(rotate=2, shift=0.1)), "conv1:0", recipe, seed=3)[0]
    by_hand = dream(
        network, "conv1:0", replace(recipe, transforms=(Rotate(2), Shift(share=0.1)), calibrated=False), seed=3
    )[0]
    assert small.recipe.transforms == by_hand.recipe.transforms
    np.testing.assert_array_equal(small.image, by_hand.image)
