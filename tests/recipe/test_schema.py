"""Recipes are read strictly, and a mistake in one is told in one line."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from support.small_recipes import LIPREADER, RECOGNISER, write_recipe

from gridkit.errors import RecipeError
from gridkit.models.lipnet import LipNet
from gridkit.models.recogniser import Recogniser
from gridkit.recipe import Lipreader, build_model, load_recipe
from gridkit.recipe.schema import parse_recipe
from gridkit.train.settings import training_settings


def assert_refused(folder: Path, text: str, old: str, new: str, message: str) -> None:
    assert old in text
    write_recipe(folder, text.replace(old, new), with_weights=False)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(folder)
    assert "\n" not in str(caught.value)


def test_a_recipe_is_read_into_records(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path, LIPREADER))
    assert recipe.model.channels == (4, 4, 4)
    assert recipe.input.region_px == (0, 16, 96, 64)
    assert (recipe.split, recipe.decoding) == ("s1", "greedy")
    assert isinstance(build_model(recipe.model), LipNet)
    hears = load_recipe(write_recipe(tmp_path / "r", RECOGNISER))
    assert hears.input is None
    assert isinstance(build_model(hears.model), Recogniser)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden = 8", "hiden = 8", r"\[model\]: unknown key 'hiden'; it has height_px"),
        ("hidden = 8", 'hidden = "8"', r"\[model\]: hidden = '8' is not a int"),
        ("[4, 4, 4]", '[4, "4", 4]', r"\[model\]: channels = .* is not a tuple\[int, ...\]"),
        ("[0, 16, 96, 64]", "[0, 16, 96]", r"\[input\]: region_px = "),
        (
            "hidden = 8",
            "hidden = 8\nrecurrent_layers = 1\nword_feedback = true",
            "word_feedback needs recurrent_layers of at least 2",
        ),
        ('class = "lipnet"', 'class = "lipnot"', r"no class 'lipnot'; it is one of lip2audspec"),
        ('task = "lipreading"', 'task = "reading"', "no task 'reading'; it is one of"),
        ('[data]\nsplit = "s1"', "", r"table \[data\] is missing"),
        ('split = "s1"', "", r"\[data\]: split is missing"),
        ("name =", "name", "recipe.toml"),
        ('licence = "Apache-2.0"', "colour = 1", "unknown key 'colour'"),
        ('name = "small"', 'name = "small"\ndecoding = "guess"', "no decoding 'guess'; it is one"),
        ('task = "lipreading"', 'task = "recognition"', "does not do the task 'recognition'"),
        ("hidden = 8", 'recurrent = "rnn"', "no recurrent 'rnn'; it is one of gru, lstm"),
        ("hidden = 8", "hidden = 0", "hidden and recurrent_layers are at least 1"),
        ("[4, 4, 4]", "[4, 4]", "channels, kernels and pooled have one entry for each"),
        ("colours = 1", "colours = 3", "mean and deviation have one entry for each of 3 colours"),
        ("width_px = 24", "width_px = 31", "31 x 16 pixels do not fit in the input's 30 x 20"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line(tmp_path, old, new, message):
    assert_refused(tmp_path, LIPREADER, old, new, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1d"', '"3d"', "no front '3d'; it is one of 2d, 1d"),
        ("[8, 8]", "[8, 9]", "the channels of a 1d front are all the same"),
    ],
)
def test_a_mistake_in_a_recogniser_is_one_line(tmp_path, old, new, message):
    assert_refused(tmp_path, RECOGNISER, old, new, message)


def test_the_example_of_the_docs_is_a_recipe():
    docs = Path(__file__).parents[2] / "docs/add-a-recipe.md"
    example = docs.read_text().split("```toml\n")[1].split("```")[0]
    recipe = parse_recipe(tomllib.loads(example), Path())
    training_settings(recipe)
    frames = np.zeros((2, 75, 96, 96), np.uint8)
    model = build_model(recipe.model)
    assert isinstance(Lipreader(recipe, model, "cpu")(frames[0]), str)


def test_results_are_measurements_or_a_line_that_says_why_not(tmp_path):
    line = "not measured: needs the full corpus"
    folder = write_recipe(tmp_path, f'results = "{line}"\n' + LIPREADER, with_weights=False)
    assert load_recipe(folder).results == line
    measured = """
[[results]]
metric = "wer"
value = 0.05
low = 0.03
high = 0.07
n = 100
decoding = "greedy"
split = "s1:test"
command = "gridkit evaluate"
machine = "a laptop"
date = "2026-01-01"
"""
    folder = write_recipe(tmp_path / "b", LIPREADER + measured, with_weights=False)
    assert load_recipe(folder).results[0].value == 0.05
    folder = write_recipe(
        tmp_path / "c", LIPREADER + measured.replace("n = 100", ""), with_weights=False
    )
    with pytest.raises(RecipeError, match="n is missing"):
        load_recipe(folder)
