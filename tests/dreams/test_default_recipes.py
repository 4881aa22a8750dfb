import pytest

from dreamfilters.dreams.default_recipes import DefaultRecipes, calibrated, given_recipe, recipe_of
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.targets import parse
from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.errors import RecipeError, UnknownNameError


def test_classes_have_a_recipe_of_their_own(network):
    recipes = DefaultRecipes(("steps=3",))

    def of_file(name):
        return calibrated(network, read_recipe(name, settings=["steps=3"]))

    assert recipe_of(network, parse(network, "conv1:0"), recipes) == of_file("standard")
    assert recipe_of(network, parse(network, "class:STOP"), recipes) == of_file("natural")
    assert recipe_of(network, parse(network, "-class:STOP"), recipes).name == "standard"
    given = read_recipe("lucid")
    assert recipe_of(network, parse(network, "class:STOP"), given) is given


def test_a_setting_has_to_fit_the_recipe_that_is_used(network):
    recipes = DefaultRecipes(("parameterization.std=0.3",))
    assert recipe_of(network, parse(network, "conv1:0"), recipes).parameterization.std == 0.3
    assert recipes.class_score == "margin"
    with pytest.raises(RecipeError, match="natural: parameterization phase: unknown key 'std'"):
        recipe_of(network, parse(network, "class:STOP"), recipes)


@pytest.mark.parametrize(("size", "name"), [(None, "natural"), (96, "natural"), (97, "natural-large")])
def test_classes_on_a_large_canvas_have_another_recipe(network, size, name):
    settings = () if size is None else (f"parameterization.size={size}",)
    assert recipe_of(network, parse(network, "class:STOP"), DefaultRecipes(settings)).name == name
    assert recipe_of(network, parse(network, "conv1:0"), DefaultRecipes(settings)).name == "standard"


def test_the_score_of_a_class_is_a_setting():
    assert DefaultRecipes(("class_score=logit",)).class_score == "logit"


@pytest.mark.slow
def test_dreams_without_a_recipe_are_those_of_the_recipes_by_name(network):
    made = dream(network, ["conv1:0", "class:STOP"], seed=3)
    assert [each.recipe.name for each in made] == ["standard", "natural"]
    for each, name in zip(made, ("standard", "natural"), strict=True):
        (alone,) = dream(network, each.name, read_recipe(name), seed=3)
        assert each.image.tobytes() == alone.image.tobytes()


def test_the_values_change_with_the_settings_and_the_recipes(monkeypatch):
    values = DefaultRecipes().as_values()
    assert values["name"] == "default"
    assert values != DefaultRecipes(("steps=1",)).as_values()
    monkeypatch.setattr("dreamfilters.dreams.default_recipes.text", lambda name: ("steps = 7", name))
    assert values != DefaultRecipes().as_values()


def test_a_recipe_is_given_by_itself_or_by_its_name(network):
    assert given_recipe(read_recipe("fast")) == given_recipe("fast") == read_recipe("fast")
    assert given_recipe(None) == given_recipe(DefaultRecipes()) == DefaultRecipes()
    with pytest.raises(UnknownNameError, match="quick"):
        dream(network, "conv1:0", "quick")
