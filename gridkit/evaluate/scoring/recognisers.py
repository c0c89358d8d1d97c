"""Who hears the speech: recognisers by name, or recipes; one that knows the clips is refused."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from gridkit.corpus.codes import split_id
from gridkit.errors import UsageError
from gridkit.evaluate.scoring.score import Recognisers
from gridkit.evaluate.subset import Subset
from gridkit.evaluate.systems.spec import RECIPE_FILE
from gridkit.metrics.recognise import Recogniser, recogniser_factory
from gridkit.recipe import Recipe, load_recipe, load_system, recogniser_name, trained_ids
from gridkit.recipe.shelf import find_shipped


def load_recognisers(names: Sequence[str], subset: Subset) -> Recognisers:
    """Return what makes each recogniser.

    Args:
        names: those of `recogniser_factory`, or folders of recipes, `FOLDER` or
            `FOLDER:DECODING`.
        subset: the clips it will hear.

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
        if known := known_clips(recipe, subset):
            raise UsageError(
                f"--recogniser {name} was trained on {len(known)} clips of this subset or its "
                f"speakers, such as {min(known)}: its judgement would flatter; choose another"
            )
        named = recogniser_name(recipe, decoding)
        factories[named] = partial(load_system, folder, decoding=decoding, task="recognition")
    return factories


def known_clips(recipe: Recipe, subset: Subset) -> set[str]:
    """Return the clips that spoil a recipe for a subset.

    Those are the subset's own clips; on a test of unseen speakers, any clip of theirs.
    """
    trained = trained_ids(recipe)
    if not (subset.split.unseen_speakers and subset.name == "test"):
        return set(trained & set(subset.ids))
    speakers = {split_id(clip)[0] for clip in subset.ids}
    return {clip for clip in trained if split_id(clip)[0] in speakers}


def _folder_and_decoding(name: str) -> tuple[Path, str | None]:
    """Return the folder that a recogniser's name may be, and the decoding after the colon."""
    folder = find_shipped(Path(name))
    if (folder / RECIPE_FILE).is_file():
        return folder, None
    folder_name, _, decoding = name.rpartition(":")
    return find_shipped(Path(folder_name)), decoding


def versions_of(recognisers: Recognisers) -> dict[str, str]:
    """Return the version of each recogniser; it changes whenever its answers may."""
    return {name: make().version for name, make in sorted(recognisers.items())}
