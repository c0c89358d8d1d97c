"""Settings: recipes fill them, the command line overrides them, mistakes are named."""

from pathlib import Path

import pytest

from gridkit.errors import RecipeError, UsageError
from gridkit.recipe import load_recipe
from gridkit.train.settings import training_settings

RECIPES = Path(__file__).parent.parent.parent / "recipes"
RECIPE = load_recipe(RECIPES / "lipnet-s1")


def test_every_recipe_that_is_shipped_can_be_trained():
    folders = sorted(path.parent for path in RECIPES.glob("*/recipe.toml"))
    checked = 0
    for folder in folders:
        recipe = load_recipe(folder)
        if recipe.task in ("lipreading", "recognition"):
            training, _ = training_settings(recipe)
            assert training.steps > 0
            checked += 1
    assert checked >= 6


def test_the_command_line_wins():
    overrides = ["training.steps=7", "augmentation.flip=0", "training.select=last"]
    training, augmentation = training_settings(RECIPE, overrides)
    assert (training.steps, training.select, augmentation.flip) == (7, "last", 0)
    assert training_settings(RECIPE)[0].steps != 7


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("steps=7", UsageError, "expected table.key=value"),
        ("training.steps", UsageError, "expected table.key=value"),
        ("model.hidden=3", UsageError, "no table 'model'; use training or augmentation"),
        ("training.stesp=7", RecipeError, "unknown key 'stesp'; it has steps, batch"),
        ("training.steps=many", RecipeError, "steps = 'many' is not a int"),
        ("training.steps=7.5", RecipeError, "steps = 7.5 is not a int"),
        ("training.select=first", RecipeError, "select is best or last"),
        ("training.validate_every=0", RecipeError, "validate_every is above 0"),
        ("training.batch=0", RecipeError, "batch is above 0"),
        ("training.learning_rate=nan", RecipeError, "learning_rate = nan is not a number of 0"),
        ("training.learning_rate=inf", RecipeError, "learning_rate = inf is not a number of 0"),
        ("training.seed=-1", RecipeError, "seed = -1 is not a number of 0 or more"),
        ("training.average_decay=1.0", RecipeError, "average_decay is below 1"),
        ("augmentation.flip=1.5", RecipeError, "flip is a share, 0 to 1"),
        ("augmentation.mask_frames=-3", RecipeError, "mask_frames = -3 is not a number"),
        ("augmentation.mask_frames=500", RecipeError, "mask_frames is below 75"),
    ],
)
def test_a_mistake_is_one_line(override, error, message):
    with pytest.raises(error, match=message):
        training_settings(RECIPE, [override])


@pytest.mark.parametrize(
    ("recipe", "override", "message"),
    [
        ("v2s-gan-synthetic", "training.critic_steps=0", "critic_steps is at least 1"),
        ("v2s-mel-synthetic", "training.vocoder_frames=1", "vocoder_frames is at least 40"),
        ("v2s-mel-synthetic", "training.slot_weights=[1.0,1,1,nan,1,1]", "slot_weights = "),
        ("lip2audspec-synthetic", "training.autoencoder_rate=nan", "autoencoder_rate = nan"),
    ],
)
def test_a_mistake_in_the_settings_of_a_voice_is_one_line(recipe, override, message):
    with pytest.raises(RecipeError, match=message):
        training_settings(load_recipe(RECIPES / recipe), [override])
