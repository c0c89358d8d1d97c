"""Recognisers for predicted speech: by name, or recipes that were not trained on the clips."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gridkit.evaluation.contamination import check_recogniser
from gridkit.evaluation.scoring.transcribe import Recognisers
from gridkit.evaluation.subset import Subset
from gridkit.metrics.recognise import Recogniser, recogniser_factory
from gridkit.recipe import load_recipe, load_system, recogniser_name
from gridkit.recipe.shelf import RECIPE_FILE, find_shipped


def load_recognisers(names: Sequence[str], subset: Subset) -> Recognisers:
    """Return what makes each recogniser.

    Args:
        names: those of `recogniser_factory`, or folders of recipes, `FOLDER` or
            `FOLDER:DECODING`.
        subset: the clips whose predictions it will transcribe.

    Raises:
        UsageError: there is no such recogniser, or it was trained on these clips.
    """
    factories: dict[str, Callable[[], Recogniser]] = {}
    for name in names:
        folder, decoding = _folder_and_decoding(name)
        if not (folder / RECIPE_FILE).is_file():
            factories[name] = recogniser_factory(name)
            continue
        recipe = load_recipe(folder)
        check_recogniser(name, recipe, subset)
        named = recogniser_name(recipe, decoding)
        factories[named] = partial(load_system, folder, decoding=decoding, task="recognition")
    return factories


def _folder_and_decoding(name: str) -> tuple[Path, str | None]:
    """Return the folder that a recogniser's name may be, and the decoding after the colon."""
    folder = find_shipped(Path(name))
    if (folder / RECIPE_FILE).is_file():
        return folder, None
    folder_name, _, decoding = name.rpartition(":")
    return find_shipped(Path(folder_name)), decoding
