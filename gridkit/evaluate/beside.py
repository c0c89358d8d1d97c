"""What stands beside a system in the final table: controls, and reference systems' results.

Controls are evaluated once for each corpus, split, protocol and set of recognisers, and kept in
the cache (`GRIDKIT_CACHE`, else `~/.cache/gridkit`). Reference systems come from the results that
recipes ship, or are evaluated now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gridkit import __version__
from gridkit.errors import ResultError
from gridkit.evaluate.controls import CONTROLS, PREFIX
from gridkit.evaluate.options import Options
from gridkit.evaluate.results import RESULT_FILE, Scored, read_scored
from gridkit.evaluate.run import cache_folder, digest_of, evaluate
from gridkit.evaluate.subset import Subset
from gridkit.evaluate.systems import RECIPE_FILE, parse_model
from gridkit.evaluate.table import Row, row_of
from gridkit.recipe import load_recipe


def control_rows(subset: Subset, options: Options, task: str) -> Iterator[Row]:
    """Yield the controls of a task, evaluated now where the cache does not have them."""
    key = digest_of(
        [
            __version__,
            subset.facts(),
            subset.corpus.file.manifest_sha256,
            options.protocol,
            sorted(options.recognisers),
        ]
    )
    for name in CONTROLS[task]:
        out = cache_folder() / "controls" / key / task / name
        spec = parse_model(f"{PREFIX}{name}")
        yield row_of("control", evaluate(spec, subset, out, replace(options, task=task)))


def shipped_rows(recipes: Path, like: Scored) -> Iterator[Row]:
    """Yield the results that recipes ship for the same clips, corpus and protocol."""
    for path in sorted(recipes.glob(f"*/results/*/{RESULT_FILE}")):
        try:
            scored = read_scored(path.parent)
        except ResultError:
            continue
        if same_question(scored, like):
            yield row_of("reference", scored)


def evaluated_rows(
    recipes: Path, subset: Subset, out: Path, options: Options, task: str
) -> Iterator[Row]:
    """Yield every recipe of the task that has weights, evaluated now into `out`/NAME."""
    for path in sorted(recipes.glob(f"*/{RECIPE_FILE}")):
        recipe = load_recipe(path.parent)
        if recipe.weights is not None and recipe.task == task:
            spec = parse_model(str(path.parent))
            yield row_of("reference", evaluate(spec, subset, out / recipe.name, options))


def same_question(scored: Scored, other: Scored) -> bool:
    """Return whether two results may stand in one table."""
    keys = ("scored_sha256",)
    return (
        scored.result.task == other.result.task
        and scored.result.protocol == other.result.protocol
        and scored.result.corpus["sha256"] == other.result.corpus["sha256"]
        and all(scored.result.split.get(key) == other.result.split.get(key) for key in keys)
    )


def rows_beside(
    scored: Scored,
    subset: Subset,
    options: Options,
    recipes: Path,
    *,
    with_references: bool,
    others: Sequence[Path] = (),
) -> list[Row]:
    """Return the rows that stand beside a system."""
    task = scored.result.task
    rows = [row_of("reference", read_scored(folder)) for folder in others]
    if with_references:
        rows += evaluated_rows(recipes, subset, scored.folder / "references", options, task)
    else:
        rows += shipped_rows(recipes, scored)
    return [*rows, *control_rows(subset, options, task)]
