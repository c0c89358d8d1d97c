"""Results that recipes ship: reference rows for any system that is scored on the same clips.

    recipes/NAME/results/SPLIT-SUBSET-DECODING/result.json, timing.json

as `gridkit evaluate` wrote them, a few KB, without predictions.
"""

from collections.abc import Iterator
from pathlib import Path

from gridkit.errors import RecipeError, ResultError
from gridkit.recipe import load_recipe
from gridkit.results.files import RESULT_FILE, Scored, read_result
from gridkit.results.records import Result
from gridkit.results.rows import Row, timed_row
from gridkit.results.timing import read_timing

RESULTS_FOLDER = "results"
"""In a recipe's folder."""


def shipped_rows(recipes: Path, like: Scored) -> Iterator[Row]:
    """Yield the results that recipes ship for the same clips, corpus and protocol.

    Left out are results of other weights than the recipe has now, and the system itself.
    """
    for path in sorted(recipes.glob(f"*/{RESULTS_FOLDER}/*/{RESULT_FILE}")):
        try:
            result, timing = read_result(path.parent), read_timing(path.parent)
            weights = load_recipe(path.parents[2]).weights
        except (ResultError, RecipeError):
            continue
        is_current = weights is not None and weights.sha256[:12] == result.system.revision
        is_itself = _system(result) == _system(like.result)
        if is_current and not is_itself and _question(result) == _question(like.result):
            yield timed_row("reference", result, timing)


def _question(result: Result) -> tuple[object, ...]:
    return result.protocol, result.task, result.corpus_sha256, result.scored_sha256


def _system(result: Result) -> tuple[object, ...]:
    return result.system.name, result.system.revision, result.system.decoding
