"""The other rows of the final table: controls, and the results of reference systems.

Controls are evaluated once per corpus, split (its train clips, too), protocol and set of
recognisers, and kept in the cache (`GRIDKIT_CACHE`, else `~/.cache/gridkit`). Reference systems
come from the results that recipes ship, or are evaluated now.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gridkit.compute.cache import cache_folder
from gridkit.compute.lock import folder_lock
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.controls import CONTROLS, FROM_TRAIN, SHUFFLED
from gridkit.evaluation.question import clips_question, digest_of, train_sha256
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.scoring.scorer import Scorer, open_scorer
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.recipe import load_recipe
from gridkit.recipe.shelf import RECIPE_FILE
from gridkit.results.compare import check_comparable
from gridkit.results.files import RESULT_FILE, Scored, read_scored
from gridkit.results.records import CONTROL_PREFIX
from gridkit.results.recount import counted_again
from gridkit.results.rows import Row, row_of
from gridkit.results.shipped import shipped_rows


def reference_rows(
    scored: Scored,
    subset: Subset,
    options: Options,
    recipes: Path,
    *,
    controls: bool = True,
    with_references: bool = False,
    others: Sequence[Scored] = (),
    scorer: Scorer | None = None,
) -> list[Row]:
    """Return the rows of a table besides the system's own.

    Args:
        scored: the system's result.
        subset: the clips it was scored on.
        options: how it was scored.
        recipes: the folder of the reference systems.
        controls: whether to add the controls of its task.
        with_references: evaluate the recipes now, rather than take the results they ship.
        others: more results.
        scorer: what the system was scored with; None: a new one.

    Raises:
        ResultError: one of `others` answers another question, or says something else than its
            clips.
    """
    if others:
        check_comparable([scored, *others])
        for other in others:
            counted_again(other)
    rows = [row_of(_kind(other), other) for other in others]
    with open_scorer(subset, options, scorer) as scorer:
        if with_references:
            rows += evaluated_rows(recipes, subset, scored, options, scorer)
        else:
            rows += shipped_rows(recipes, scored)
        if controls:
            rows += control_rows(
                scored.result.task, subset, options, scorer, but=scored.result.system.name
            )
    return rows


def control_rows(
    task: str, subset: Subset, options: Options, scorer: Scorer, *, but: str = ""
) -> Iterator[Row]:
    """Yield the controls of a task, but for the one of a name: the system itself may be one.

    Those that the cache does not have are evaluated now. Those that cannot be made of these clips
    are left out and named.
    """
    question = clips_question(subset, options, scorer.versions)
    key = digest_of([question, train_sha256(subset)])
    folder = cache_folder() / "controls" / key / task
    with folder_lock(folder, wait=True):
        for name in CONTROLS[task]:
            control = parse_model(f"{CONTROL_PREFIX}{name}")
            why = _left_out(name, subset)
            if control.text == but:
                continue
            if why:
                print(f"{control.text} left out: {why}", file=sys.stderr)
                continue
            out = folder / name
            if not (out / RESULT_FILE).is_file():
                evaluate(control, subset, out, replace(options, task=task), scorer)
            yield row_of("control", read_scored(out))


def _left_out(name: str, subset: Subset) -> str:
    """Return why a control cannot be made of a subset; nothing where it can."""
    if name in FROM_TRAIN and not subset.kept("train"):
        return "no train clip to learn from"
    if name == SHUFFLED and len(subset.ids) == 1:
        return "no other clip to take the sound of"
    return ""


def evaluated_rows(
    recipes: Path, subset: Subset, scored: Scored, options: Options, scorer: Scorer
) -> Iterator[Row]:
    """Yield every recipe of the task that has weights, evaluated now."""
    for path in sorted(recipes.glob(f"*/{RECIPE_FILE}")):
        recipe = load_recipe(path.parent)
        if recipe.weights is not None and recipe.task == scored.result.task:
            out = scored.folder / "references" / recipe.name
            reference = evaluate(parse_model(str(path.parent)), subset, out, options, scorer)
            yield row_of("reference", reference)


def _kind(scored: Scored) -> str:
    return "control" if scored.result.is_control else "reference"
