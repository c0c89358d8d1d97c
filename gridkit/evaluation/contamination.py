"""Contamination: whether a system or a recogniser was trained on the clips that are scored.

A recogniser that was is refused; a system that was is marked, and keeps its figures
(docs/protocol.md section 2). Only a recipe says what it was trained on; `trained_ids` adds what its
initial weights were trained on.
"""

from typing import Literal

from gridkit.corpus.codes import split_id
from gridkit.errors import UsageError
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.contract import RECIPE_KINDS
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.recipe import Recipe, load_recipe, trained_ids

Contamination = Literal["clean", "contaminated", "unknown"]


def contamination_of(spec: ModelSpec, subset: Subset) -> Contamination:
    """Return whether a system was trained on the clips of a subset, where that is known."""
    if spec.path is None or spec.kind not in RECIPE_KINDS:
        return "unknown"
    return "contaminated" if known_clips(load_recipe(spec.path), subset) else "clean"


def check_recogniser(name: str, recipe: Recipe, subset: Subset) -> None:
    """Refuse a recogniser that was trained on the clips of a subset.

    Raises:
        UsageError: it was.
    """
    if known := known_clips(recipe, subset):
        raise UsageError(
            f"--recogniser {name} was trained on {len(known)} clips of this subset or its "
            f"speakers, such as {min(known)}, so its error rate would be too low; choose another"
        )


def known_clips(recipe: Recipe, subset: Subset) -> set[str]:
    """Return the training clips that contaminate a recipe for a subset.

    Those are the subset's own clips; on a test of unseen speakers, any clip of theirs.
    """
    trained = trained_ids(recipe)
    if not (subset.split.unseen_speakers and subset.name == "test"):
        return set(trained & set(subset.ids))
    speakers = {split_id(clip)[0] for clip in subset.ids}
    return {clip for clip in trained if split_id(clip)[0] in speakers}
