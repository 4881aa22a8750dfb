import numpy as np
import pytest

from dreamfilters.errors import ImageError, RecipeError, TargetError, UnknownNameError
from dreamfilters.techniques.fooling import fool


@pytest.fixture(scope="module")
def fooled(always_on, disc):
    return fool(always_on, "class:blue", disc()[0], radius=0.3, confidence=0.9, steps=30)


def test_the_network_predicts_the_target_and_the_norms_are_those_of_the_stored_image(fooled, disc):
    assert not fooled.before.is_predicted
    assert fooled.is_fooled
    assert fooled.confidence >= 0.9
    change = fooled.image - fooled.given
    assert fooled.given == pytest.approx(disc()[0], abs=0.5 / 255 + 1e-6)
    assert fooled.linf == pytest.approx(np.abs(change).max())
    assert fooled.l2 == pytest.approx(np.sqrt((change**2).sum()))
    assert fooled.rms == pytest.approx(np.sqrt((change**2).mean()), rel=1e-5)
    assert np.allclose(fooled.image * 255, np.round(fooled.image * 255), atol=1e-3)  # as a PNG stores it


def test_the_steps_end_where_the_confidence_is_reached(fooled, always_on, disc):
    """A higher confidence needs a larger perturbation; neither goes to the end of the ball."""
    more = fool(always_on, "class:blue", disc()[0], radius=0.3, confidence=0.99, steps=30)
    assert fooled.linf < more.linf < 0.29
    assert 0.9 <= fooled.confidence < 0.99 <= more.confidence


def test_a_radius_that_is_too_small_is_said_to_fail(red, disc):
    found = fool(red, "class:blue", disc()[0], radius=0.01, steps=5)
    assert not found.is_fooled
    assert found.text.startswith("not fooled: not its class: predicted red")
    assert found.linf <= 0.01 + 0.5 / 255


def test_an_image_of_the_class_stays_as_it_is(red, disc):
    found = fool(red, "class:red", disc()[0], confidence=0.6)
    assert found.steps == 0
    assert found.linf == 0
    assert found.text.startswith("already predicted as class:red")


@pytest.mark.thorough
def test_noise_without_an_image(always_on):
    one, other = (fool(always_on, "class:blue", radius=0.4, norm="l2", steps=20, seed=seed) for seed in (1, 0))
    assert one.is_fooled or one.before.is_predicted
    assert one.rms <= 0.4
    assert np.abs(one.given - other.given).mean() > 0.2


def test_bad_settings_are_refused(red, disc):
    image = disc()[0]
    for settings, message in (
        ({"confidence": 1.0}, "confidence=1.0"), ({"radius": 0}, "radius=0"), ({"norm": "l1"}, "norm='l1'"),
    ):  # fmt: skip
        with pytest.raises(RecipeError, match=message):
            fool(red, "class:blue", image, **settings)
    with pytest.raises(UnknownNameError, match="class green: red has no such class"):
        fool(red, "class:green", image)
    with pytest.raises(TargetError, match="conv:0: not one class of red"):
        fool(red, "conv:0", image)
    with pytest.raises(ImageError, match=r"\(16, 16, 1\): give one image"):
        fool(red, "class:blue", image[..., :1])
