import pytest

from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.techniques.style_transfer import style

QUICK = Recipe(Pixels(), transforms=(), optimizer=Adam(0.1), steps=30)


@pytest.fixture(scope="module")
def made(network, scene):
    """Two weights of the same pair of images, of unlike sizes."""
    pair = scene(16, 16, seed=1), scene(12, 24, seed=2)
    return [style(network, *pair, QUICK, weight=weight, frames=3) for weight in (0.0, 30.0)]


def test_without_weight_the_content_stays_and_with_it_the_style_comes_closer(made):
    plain, styled = made
    assert plain.distances[0] < 0.01
    assert styled.distances[1] < 0.7 * plain.distances[1]
    assert styled.distances[0] > plain.distances[0]


def test_a_style_of_another_size_is_resized_and_a_line_says_so(made):
    assert made[0].style.shape == (8, 16, 3)
    assert made[0].remark == "style resized from 12x24 to 8x16"
    assert made[0].text.endswith("; style resized from 12x24 to 8x16")  # in the table of the command
    assert made[0].dream.image.shape == (16, 16, 3)


def test_the_strip_shows_images_during_the_ascent(made):
    captions = made[1].strip.captions
    assert len(captions) == len(made[1].strip.images) == 5
    assert captions[2] == "during the ascent\n1 of 2"
    assert made[1].as_values()["weight"] == 30.0


def test_bad_settings_are_refused(network, scene, tmp_path):
    with pytest.raises(RecipeError, match="weight=-1"):
        style(network, scene(), scene(), QUICK, weight=-1)
    with pytest.raises(ImageError, match=r"none\.png"):
        style(network, scene(), tmp_path / "none.png", QUICK)
