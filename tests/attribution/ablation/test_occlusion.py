"""Tests of occlusion witnesses on a unit that responds to red alone."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.ablation.ablation_job import ablate
from dreamfilters.attribution.ablation.occlusion import elsewhere, occlusion_witness
from dreamfilters.errors import RecipeError


@pytest.fixture(scope="module")
def reds(network_of):
    """Unit 0 of `maps` is the red of a pixel minus its green, unit 1 is dead."""
    inputs = layers.Input((12, 12, 3))
    maps = layers.Conv2D(2, 1, activation="relu", name="maps")(inputs)
    x = layers.Dense(2, name="classes")(layers.GlobalAveragePooling2D(name="average")(maps))
    model = keras.Model(inputs, x, name="reds")
    kernel = np.zeros((1, 1, 3, 2))
    kernel[0, 0, :, 0] = 1, -1, 0
    model.get_layer("maps").set_weights([kernel, np.array([0.0, -1.0])])
    return network_of(model)


def dotted(*dots):
    image = np.full((12, 12, 3), 0.5, np.float32)
    for row, column in dots:
        image[row, column] = 1, 0, 0
    return image


def test_a_place_without_which_the_response_is_gone_is_confirmed(reds):
    images = np.stack([dotted(), dotted((3, 8)), dotted()])
    found = occlusion_witness(reds, "maps:0", images, fill="gray")[0]
    assert (found.image, found.position, found.box) == ("1", (3, 8), (3, 8, 4, 9))
    assert (found.response, found.masked, found.blank) == (1, 0, 0)
    assert found.elsewhere == (1.0,) * 16
    assert found.verdict == "confirmed"


def test_a_response_to_two_places_is_not_confirmed(reds):
    found = occlusion_witness(reds, "maps:0", dotted((3, 8), (9, 2))[None], fill="gray")[0]
    assert (found.position, found.response, found.masked) == ((3, 8), 1, 1)
    assert found.verdict == "not confirmed"


def test_a_mask_elsewhere_that_removes_as_much_refutes_it(reds, monkeypatch):
    """Where the whole image is masked at the other place, too, the place is nothing special."""
    target = "dreamfilters.attribution.ablation.occlusion.elsewhere"
    monkeypatch.setattr(target, lambda box, size: [(0, 0, *size)])
    assert occlusion_witness(reds, "maps:0", dotted((3, 8))[None])[0].verdict == "not confirmed"


def test_what_cannot_be_tested_says_why(reds):
    dead, average = occlusion_witness(reds, ["maps:1", "average:0"], dotted((3, 8))[None])
    assert dead.describe() == "not tested: no image activates it more than the mask alone"
    assert average.describe() == "not tested: the unit has no receptive field smaller than the image"


@pytest.mark.parametrize("box", [(0, 0, 4, 4), (4, 4, 8, 8), (8, 2, 12, 6), (5, 5, 6, 6)])
def test_other_places_have_the_size_of_the_mask_and_do_not_overlap_it(box):
    places = elsewhere(box, (12, 12))
    assert 4 <= len(places) <= 16
    for place in places:
        assert (place[2] - place[0], place[3] - place[1]) == (box[2] - box[0], box[3] - box[1])
        assert min(place) >= 0
        assert max(place) <= 12
        assert place[0] >= box[2] or place[2] <= box[0] or place[1] >= box[3] or place[3] <= box[1]


def test_an_ablation_holds_the_witnesses_of_its_units(reds):
    images = np.stack([dotted((3, 8)), dotted()])
    found = ablate(reds, "maps", images, labels=[0, 1], witness="gray")
    assert [one.verdict for one in found.witnesses] == ["confirmed", "not tested"]
    assert found.witness(found.sets[0]) == occlusion_witness(reds, "maps:0", images, fill="gray")[0]
    with pytest.raises(RecipeError, match="fill='red': 'gray', 'black', 'mean' or 'blur'"):
        ablate(reds, "maps", images, labels=[0, 1], witness="red")
