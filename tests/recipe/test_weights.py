"""Weights that fit and nothing else, and what they were trained on."""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from support.small_recipes import LIPREADER, RECOGNISER, write_recipe

from gridkit.errors import RecipeError
from gridkit.recipe import (
    build_model,
    load_recipe,
    load_system,
    load_weights,
    pack_weights,
    trained_ids,
    weights_of,
)
from gridkit.recipe.shelf import shipped_folder
from gridkit.recipe.weights import built_on_folder

SHIPPED = [
    recipe
    for path in sorted(shipped_folder().glob("*/recipe.toml"))
    if (recipe := load_recipe(path.parent)).weights is not None
]
assert len(SHIPPED) >= 5


def test_weights_that_are_no_numbers_are_not_packed():
    with pytest.raises(RecipeError, match="1 of 2 tensors, such as b, hold values that half"):
        pack_weights({"a": torch.ones(2), "b": torch.tensor([1.0, 1e9])})


@pytest.mark.parametrize("recipe", SHIPPED, ids=lambda recipe: recipe.name)
def test_the_weights_of_a_recipe_pack_to_the_bytes_they_came_from(recipe):
    model = build_model(recipe.model)
    load_weights(recipe, model)
    content = (recipe.folder / recipe.weights.file).read_bytes()
    assert pack_weights(weights_of(model)) == content


def test_weights_that_are_not_a_safetensors_file_are_one_line(tmp_path):
    write_recipe(tmp_path, LIPREADER)
    file = tmp_path / "weights.safetensors"
    cut = file.read_bytes()[:-2]
    recipe = tmp_path / "recipe.toml"
    digests = [hashlib.sha256(content).hexdigest() for content in (file.read_bytes(), cut)]
    recipe.write_text(recipe.read_text().replace(*digests))
    file.write_bytes(cut)
    with pytest.raises(RecipeError, match=r"weights.safetensors is not a safetensors file: "):
        load_system(tmp_path)


def test_half_precision_moves_an_answer_little(tmp_path):
    folder = write_recipe(tmp_path, LIPREADER)
    torch.manual_seed(0)
    whole = build_model(load_recipe(folder).model)
    half = load_system(folder)._model
    for name, tensor in weights_of(whole).items():
        torch.testing.assert_close(weights_of(half)[name], tensor, rtol=1e-3, atol=1e-4)


def test_what_was_trained_on_is_inherited(tmp_path):
    write_recipe(tmp_path / "first", RECOGNISER, ids="s1/bbaf2n\ns1/bbaf3s\n")
    write_recipe(tmp_path / "second", 'built_on = ["first"]\n' + RECOGNISER, ids="s1/lbax4n\n")
    assert trained_ids(load_recipe(tmp_path / "second")) == {
        "s1/bbaf2n",
        "s1/bbaf3s",
        "s1/lbax4n",
    }
    (tmp_path / "first" / "trained_on.txt").unlink()
    with pytest.raises(RecipeError, match="cannot read the training list"):
        trained_ids(load_recipe(tmp_path / "second"))


def test_wrong_weights_are_one_line(tmp_path):
    bare = write_recipe(tmp_path / "bare", LIPREADER, with_weights=False)
    with pytest.raises(RecipeError, match="recipe small has no weights; train it: gridkit train"):
        load_system(bare)
    folder = write_recipe(tmp_path / "a", LIPREADER)
    with pytest.raises(RecipeError, match="is a lipreader; this command needs a speech recog"):
        load_system(folder, task="recognition")
    text = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(text.replace("hidden = 8", "hidden = 6"))
    with pytest.raises(RecipeError, match=r"does not fit the model in \d+ tensors; the first, "):
        load_system(folder)
    (folder / "recipe.toml").write_text(text)
    weights = folder / "weights.safetensors"
    shutil.copy(weights, tmp_path / "kept")
    weights.write_bytes(weights.read_bytes()[:-2])
    with pytest.raises(RecipeError, match="is not what the recipe names"):
        load_system(folder)
    weights.unlink()
    with pytest.raises(RecipeError, match="cannot read the weights"):
        load_system(folder)
    with pytest.raises(RecipeError, match=r"not a recipe: cannot read .*recipe.toml"):
        load_recipe(tmp_path)


def test_what_a_recipe_is_built_on_lies_beside_it_or_comes_with_gridkit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(write_recipe(tmp_path / "runs/small", LIPREADER))
    assert built_on_folder(recipe, "lipnet-s1") == shipped_folder() / "lipnet-s1"
    beside = write_recipe(tmp_path / "runs/lipnet-s1", LIPREADER)
    assert built_on_folder(recipe, "lipnet-s1") == beside
    (beside / "recipe.toml").unlink()
    assert built_on_folder(recipe, "lipnet-s1") == shipped_folder() / "lipnet-s1"


def test_a_recipe_that_another_is_built_on_and_that_is_missing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_recipe(Path("r/run"), 'built_on = ["lip-c"]\n' + RECOGNISER)
    message = (
        "r/run is built on the recipe lip-c, which is not in r/lip-c, in recipes/lip-c or among "
        "gridkit's recipes; copy its folder to r/lip-c"
    )
    with pytest.raises(RecipeError) as caught:
        trained_ids(load_recipe(Path("r/run")))
    assert str(caught.value) == message
