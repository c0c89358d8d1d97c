"""Where the recipes are that come with gridkit, in whatever folder a command is run."""

from pathlib import Path

RECIPES = Path(__file__).parents[2] / "recipes"
RECIPES_SHOWN = "the recipes in gridkit's own folder"
