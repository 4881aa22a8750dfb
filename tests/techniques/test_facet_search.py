import numpy as np
import pytest

from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.techniques.facet_search import facets

QUICK = Recipe(Pixels(), transforms=(), optimizer=Adam(0.05), steps=12)


@pytest.fixture(scope="module")
def folder(disc, tmp_path_factory):
    """Red discs and blue discs, in folders of their names; the class `red` is not that of the unit below."""
    path = tmp_path_factory.mktemp("discs")
    for name, color in (("red", (0.9, 0.1, 0.1)), ("blue", (0.1, 0.1, 0.9))):
        (path / name).mkdir()
        for number in range(5):
            (path / name / f"{number}.png").write_bytes(png_bytes(disc(5 + number, 8, color)[0]))
    (path / "broken.png").write_bytes(b"no image")
    return path


@pytest.fixture(scope="module")
def found(red, folder):
    """The facets of a sum that both kinds of images activate."""
    return facets(red, "conv:0 + conv:1", image_folder(folder), QUICK, count=2, layer="conv", strongest=10)


def test_the_two_kinds_of_images_are_the_facets(found):
    assert found.purity == 1
    assert found.chance < 0.9
    assert found.silhouette > 0.5
    assert sorted(facet.label for facet in found.facets) == ["blue, 100 %", "red, 100 %"]
    assert [len(facet.names) for facet in found.facets] == [5, 5]
    assert found.searched == 10
    assert found.failures[0][0] == "broken.png"


def test_each_dream_stays_with_its_facet(found):
    for facet in found.facets:
        assert facet.is_own
        red_more = facet.dream.image[..., 0].mean() > facet.dream.image[..., 2].mean()
        assert red_more == facet.label.startswith("red")
        assert facet.mean == pytest.approx(facet.nearest.mean(axis=0), abs=1e-6)
    assert found.strip.columns == 7
    assert len(found.strip.images) == 14
    assert found.as_values()["purity"] == 1


def test_too_few_images_and_bad_settings_are_refused(red, disc):
    images = np.stack([disc(number)[0] for number in range(4, 7)])
    with pytest.raises(ImageError, match="3 images: facets need at least 6"):
        facets(red, "conv:0", images)
    for settings in ({"count": 1}, {"strongest": 2}, {"weight": -1}):
        with pytest.raises(RecipeError, match="at least 2 facets"):
            facets(red, "conv:0", images, **settings)
    with pytest.raises(UnknownNameError, match="conv9"):
        facets(red, "conv:0", images, layer="conv9")
