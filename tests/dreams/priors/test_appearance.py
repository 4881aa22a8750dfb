"""The label of a dream with a learned prior, and its distance from the images of the prior."""

from dataclasses import replace

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.dreams.priors.appearance import Appearance, appearances
from tests.dreams.priors.test_denoised import QUICK, prior

FAR = Appearance("own", 200, "class", 2.4, (1.0, 2.0, 3.0))


def test_a_copy_is_told_from_another_image():
    own = prior()
    copy = own.sample[3] / np.float32(255)
    own = replace(own, thumbnails=own.sample)  # of 8x8 pixels
    found = appearances(own, np.stack([copy, 1 - copy]), "unit")
    assert [one.is_like_a_copy for one in found] == [True, False]
    assert found[0].distance < 0.5
    assert "nearest image 0 gray levels away, like a copy, held out 1 to 3" in found[0].text
    assert found[1].text.startswith("appearance from 200 images (own), unit from the network; nearest image ")


def test_its_values_are_read_back():
    assert Appearance.from_values(FAR.as_values()) == FAR
    assert FAR.as_values()["text"] == FAR.text
    for changed in ({"content": "all"}, {"images": "200"}, {"held_out": [1, 2]}, {"more": 1}):
        with pytest.raises(ValueError, match="appearance"):
            Appearance.from_values({**FAR.as_values(), **changed})


def test_a_dream_carries_it(network):
    dream = df.dream(network, "class:1", QUICK, prior=prior(), seed=2)[0]
    assert (dream.appearance.images, dream.appearance.content) == (200, "class")
    assert dream.as_values()["appearance"]["text"] == dream.appearance.text
    assert dream.caption.endswith(dream.appearance.caption)
    assert dream.appearance.text in dream._repr_html_()
    plain = df.dream(network, "class:1", df.read_recipe("fast", settings=["steps=1"]))[0]
    assert plain.appearance is None
    assert "appearance" not in plain.as_values()
