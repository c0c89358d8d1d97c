"""Recipes: settings, weights and results of a model in one folder, and the system it makes."""

from gridkit.recipe.model_kinds import ModelSettings
from gridkit.recipe.schema import Measured, Recipe, Weights, fill, load_recipe
from gridkit.recipe.systems import Lipreader, SpeechRecogniser, load_system, recogniser_name
from gridkit.recipe.weights import (
    build_model,
    load_weights,
    pack_weights,
    restore,
    trained_ids,
    weights_of,
)

__all__ = [
    "Lipreader",
    "Measured",
    "ModelSettings",
    "Recipe",
    "SpeechRecogniser",
    "Weights",
    "build_model",
    "fill",
    "load_recipe",
    "load_system",
    "load_weights",
    "pack_weights",
    "recogniser_name",
    "restore",
    "trained_ids",
    "weights_of",
]
