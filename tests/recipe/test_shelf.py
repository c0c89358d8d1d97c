"""Where shipped recipes are found: in a checkout, in an installed package, or nowhere."""

from pathlib import Path

import pytest

from gridkit.errors import EnvironmentProblem, RecipeError
from gridkit.recipe import load_recipe, shelf
from gridkit.recipe.shelf import find_shipped, shipped_folder

REPOSITORY = Path(__file__).parents[2]


def test_in_a_checkout_the_recipes_are_beside_the_package(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert shipped_folder() == REPOSITORY / "recipes"
    assert find_shipped(Path("recipes/lipnet-s1")) == REPOSITORY / "recipes/lipnet-s1"
    assert find_shipped(Path("recipes/other-speakers.tsv")).is_file()


def test_a_folder_of_that_name_in_the_current_directory_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    mine = Path("recipes/lipnet-s1")
    mine.mkdir(parents=True)
    (mine / "recipe.toml").touch()
    assert find_shipped(mine) == mine


def test_a_folder_of_that_name_that_is_not_a_recipe_does_not(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("lipnet-s1", "mine"):
        (tmp_path / "recipes" / name).mkdir(parents=True)
        (tmp_path / "recipes" / name / ".lock").touch()
    assert find_shipped(Path("recipes/lipnet-s1")) == REPOSITORY / "recipes/lipnet-s1"
    with pytest.raises(RecipeError, match=r"recipes/mine is not a recipe: cannot read recipe.toml"):
        load_recipe(find_shipped(Path("recipes/mine")))


@pytest.mark.parametrize("name", ["recipes/mine", "lipnet-s1", "other/lipnet-s1", "s1:test"])
def test_other_paths_stay_as_they_are(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    assert find_shipped(Path(name)) == Path(name)


def test_an_installed_package_carries_them_inside(monkeypatch, tmp_path):
    inside = tmp_path / "gridkit/recipes/mine"
    inside.mkdir(parents=True)
    (inside / "recipe.toml").touch()
    monkeypatch.setattr(shelf, "_PACKAGE", tmp_path / "gridkit")
    assert shipped_folder() == tmp_path / "gridkit/recipes"


def test_an_installation_without_recipes_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(shelf, "_PACKAGE", tmp_path / "gridkit")
    with pytest.raises(EnvironmentProblem, match=r"no recipes.*install it again"):
        shipped_folder()
