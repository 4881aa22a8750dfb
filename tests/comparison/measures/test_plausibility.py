import json

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.measures.plausibility import neighborhood, plausibility
from dreamfilters.errors import ImageError
from dreamfilters.serialization import plain


@pytest.fixture(scope="module")
def plane(network_of):
    """A network whose layer before the logits passes on the two channels of a 1x1 image."""
    model = keras.Sequential(
        [
            layers.Input((1, 1, 2)),
            layers.Flatten(name="flat"),
            layers.Dense(2, name="two"),
            layers.Dense(2, name="out"),
        ],
        name="plane",
    )
    model.get_layer("two").set_weights([np.eye(2, dtype="float32"), np.zeros(2, "float32")])
    return network_of(model)


def at(*degrees):
    """Images whose two channels are a unit vector at these angles."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None, None, :].astype("float32")


def chord(degrees):
    return 2 * np.sin(np.radians(degrees) / 2)


def test_distances_and_percentile_worked_by_hand(plane):
    real = at(0, 10, 30, 60)  # nearest others: 10, 10, 20, 30 degrees away
    found = plausibility(plane, at(85), neighborhood(plane, real, k=1))[0]
    assert found.distance == pytest.approx(chord(25))
    assert found.median == pytest.approx((chord(10) + chord(20)) / 2)
    assert found.ratio == pytest.approx(found.distance / found.median)
    assert (found.percentile, found.nearest, found.layer, found.count) == (75.0, (3,), "two", 4)
    second = plausibility(plane, at(85), neighborhood(plane, real, k=2))[0]
    assert second.distance == pytest.approx(chord(55))
    assert second.nearest == (3, 2)


def test_the_strength_of_the_responses_does_not_matter(plane):
    real = at(0, 10, 30, 60)
    assert plausibility(plane, 0.2 * at(20), neighborhood(plane, real, k=1))[0].distance == pytest.approx(
        plausibility(plane, at(20), neighborhood(plane, real, k=1))[0].distance, abs=1e-6
    )


def test_a_copy_has_distance_zero(plane):
    found = plausibility(plane, at(30), neighborhood(plane, at(0, 10, 30, 60), k=1))[0]
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert (found.percentile, found.nearest) == (0.0, (2,))


def test_the_farther_a_dream_the_higher_its_percentile(plane):
    real = at(*np.random.default_rng(0).uniform(0, 30, 50))
    found = [one.percentile for one in plausibility(plane, at(*range(30, 90, 5)), neighborhood(plane, real, k=3))]
    assert found == sorted(found)
    assert found[-1] == 100


def test_real_images_among_themselves_have_percentiles_spread_evenly(network):
    rng = np.random.default_rng(1)
    images = rng.random((120, 16, 16, 3), "float32")
    found = plausibility(network, images[:60], neighborhood(network, images[60:], k=3))
    assert np.mean([one.percentile for one in found]) == pytest.approx(50, abs=12)  # three stds of both samples
    assert {one.layer for one in found} == {"conv2"}


def test_many_images_are_processed_in_parts(plane, monkeypatch):
    real = at(*np.random.default_rng(0).uniform(0, 90, 23))
    whole = plausibility(plane, at(1, 40, 95), neighborhood(plane, real, k=2))
    monkeypatch.setattr("dreamfilters.comparison.measures.plausibility._CHUNK", 2)
    parts = plausibility(plane, at(1, 40, 95), neighborhood(plane, real, k=2))
    assert [one.percentile for one in parts] == [one.percentile for one in whole]
    assert [one.distance for one in parts] == pytest.approx([one.distance for one in whole])
    assert [one.nearest for one in parts] == [one.nearest for one in whole]


def test_an_image_of_nan_is_farther_than_any(plane):
    found = plausibility(plane, at(0) * np.nan, neighborhood(plane, at(0, 10, 30, 60), k=1))[0]
    assert (found.percentile, plain(found)["distance"]) == (100, None)


def test_images_on_one_point_give_no_ratio(plane):
    found = plausibility(plane, at(90), neighborhood(plane, at(0, 0, 0), k=1))[0]
    assert (found.ratio, found.percentile) == (None, 100)
    json.dumps(plain(found), allow_nan=False)
    assert "two" in found._repr_html_()


@pytest.mark.parametrize("k", [0, 4, 9])
def test_a_neighbor_that_does_not_exist_is_refused(plane, k):
    with pytest.raises(ImageError, match=f"k={k}: from 1 to 3, there are 4 real images"):
        neighborhood(plane, at(0, 10, 30, 60), k=k)
