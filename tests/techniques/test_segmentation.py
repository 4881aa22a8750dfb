import numpy as np
import pytest

from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.techniques.segmentation import outline, segment


@pytest.mark.parametrize(("algorithm", "foreground"), [("watershed", 0.8), ("random-walker", 0.9)])
def test_the_region_is_the_disc(red, disc, algorithm, foreground):
    image, mask = disc(6, 9)
    how = {"method": "gradient-x-input", "algorithm": algorithm, "foreground": foreground}
    found = segment(red, image, "class:red", **how)
    assert found.iou(mask) > 0.85
    assert found.iou(~mask) < 0.1
    assert found.iou(found.mask) == 1
    assert np.abs(np.subtract(found.box, (2, 5, 11, 14))).max() <= 1
    assert found.drawn[0, 0] == pytest.approx(0.35 * image[0, 0], abs=1e-6)  # outside it is darker


def test_the_default_target_is_the_predicted_class(red, disc):
    assert segment(red, disc(color=(0.1, 0.1, 0.9))[0], method="gradient-x-input").target == "class:blue"


def test_an_outline_by_hand():
    mask = np.zeros((5, 5), bool)
    mask[1:4, 1:4] = True
    assert outline(mask).sum() == 8  # all but the center


def test_bad_settings_are_refused(red, disc):
    image = disc()[0]
    with pytest.raises(RecipeError, match="algorithm='grabcut': 'watershed' or"):
        segment(red, image, algorithm="grabcut")
    with pytest.raises(RecipeError, match="0 < background < foreground < 1"):
        segment(red, image, foreground=0.2)
    with pytest.raises(UnknownNameError, match="nothing"):
        segment(red, image, method="nothing")
    with pytest.raises(UnknownNameError, match=r"\*: there is none"):
        segment(red, image, method="*")
    with pytest.raises(ImageError, match="no region stands out"):
        segment(red, np.zeros((16, 16, 3)), "class:red", method="gradient-x-input")
    with pytest.raises(ImageError, match="must have the size of the image"):
        segment(red, image, method="gradient-x-input").iou(np.zeros((3, 3)))
