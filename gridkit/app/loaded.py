"""The recipes that the page offers, ready to be asked; and what the page says of each.

Only recipes with weights are there: what is not trained is not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gridkit.corpus.records import FRAMES
from gridkit.errors import GridkitError, RecipeError
from gridkit.media.crops import load_profile
from gridkit.media.face import FaceTracker
from gridkit.recipe.model_kinds import KINDS, kind_of
from gridkit.recipe.schema import Measured, Recipe, load_recipe
from gridkit.recipe.shelf import RECIPE_FILE
from gridkit.recipe.systems import Lipreader, Voice, load_system

READER, VOICE = "lipreading", "v2s"
HEADLINE = {READER: "wer", VOICE: "estoi"}
"""The measured figure that is shown of a recipe, by its task."""
LABELS = {"v2s-gan": "GAN", "lip2audspec": "Lip2AudSpec", "v2s-mel": "Mel"}
"""Of voices, by class of model; another has the name of its class."""


@dataclass(frozen=True)
class Loaded:
    """Recipes with their systems, by name."""

    recipes: Mapping[str, Recipe]
    """Of readers and voices."""
    readers: Mapping[str, Lipreader]
    voices: Mapping[str, Voice]
    refused: tuple[str, ...]
    """Why a recipe that has weights is not offered, a line each."""

    def voices_for(self, reader: str) -> tuple[str, ...]:
        """Return the voices that were trained on a speaker whom a reader was trained on."""
        known = set(self.recipes[reader].training_speakers)
        return tuple(
            name for name in self.voices if known.intersection(self.recipes[name].training_speakers)
        )


def load_recipes(folder: Path) -> Loaded:
    """Load every lipreader and every voice in a folder, and ask each of them once.

    Args:
        folder: of folders of recipes.
    """
    torch.set_num_threads(1)  # the threads of a process are not in those that are forked from it
    FaceTracker()  # brings the landmark model into memory
    recipes: dict[str, Recipe] = {}
    systems: dict[str, Any] = {}
    refused = []
    for path in sorted(folder.glob(f"*/{RECIPE_FILE}")):
        try:
            recipe = load_recipe(path.parent)
            if is_offered(recipe):
                systems[recipe.name] = _asked(load_system(path.parent))
                recipes[recipe.name] = recipe
        except GridkitError as error:
            refused.append(str(error))
    readers, voices = (
        {name: system for name, system in systems.items() if recipes[name].task == task}
        for task in (READER, VOICE)
    )
    if not readers:
        raise RecipeError(f"{folder} has no lipreading recipe with weights")
    return Loaded(recipes, readers, voices, tuple(refused))


def is_offered(recipe: Recipe) -> bool:
    """Tell whether the page can offer a recipe: it is trained, and reads or speaks."""
    return recipe.weights is not None and recipe.task in HEADLINE


def _asked(system: Any) -> Any:
    """Return a system after its first call, which takes longer than others."""
    profile = load_profile(system.crop)
    colours = () if profile.colour == "gray" else (3,)
    system(np.zeros((FRAMES, profile.height_px, profile.width_px, *colours), np.uint8))
    return system


def facts(loaded: Loaded) -> dict[str, Any]:
    """Return what the page says of the recipes, as JSON."""
    return {
        "readers": [
            {**_facts(loaded.recipes[name]), "voices": loaded.voices_for(name)}
            for name in loaded.readers
        ],
        "voices": [
            {**_facts(loaded.recipes[name]), "label": label_of(loaded.recipes[name])}
            for name in loaded.voices
        ],
        "refused": loaded.refused,
    }


def label_of(recipe: Recipe) -> str:
    """Return what a voice is called."""
    kind = kind_of(recipe.model)
    [name] = (name for name, other in KINDS.items() if other is kind)
    return LABELS.get(name, name)


def _facts(recipe: Recipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "speakers": recipe.training_speakers,
        "licence": recipe.licence,
        "measured": _headline(recipe),
    }


def _headline(recipe: Recipe) -> dict[str, Any] | None:
    """Return the figure of a recipe by its own decoding, None where none was measured."""
    measured: tuple[Measured, ...] = () if isinstance(recipe.results, str) else recipe.results
    for one in measured:
        if one.metric == HEADLINE[recipe.task] and one.decoding == recipe.decoding:
            return {
                "metric": one.metric,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "n": one.n,
                "split": one.split,
            }
    return None
