import tomllib

import pytest

from dreamfilters.dreams.builtin_recipes import description, folder, names, text
from dreamfilters.errors import RecipeError, UnknownNameError


def test_names_are_the_files_of_the_checkout_in_order():
    assert list(names()) == sorted(path.stem for path in folder().glob("*.toml"))
    assert "standard" in names()


@pytest.mark.parametrize("name", names())
def test_a_recipe_by_name(name):
    content, called = text(name)
    assert called == name
    assert tomllib.loads(content)["description"] == description(name)


def test_a_recipe_by_file(tmp_path):
    path = tmp_path / "größer.toml"
    path.write_text('description = "Größeres"', "utf-8")
    assert text(str(path)) == ('description = "Größeres"', "größer")
    assert description(str(path)) == "Größeres"


def test_unknown_recipes_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match=r"lucit: no such recipe, and not a \.toml file\. Close names: lucid"):
        text("lucit")
    with pytest.raises(UnknownNameError, match="no such file; recipes by name: "):
        text(str(tmp_path / "absent.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(RecipeError, match="cannot be read"):
        text(str(tmp_path / "folder.toml"))
