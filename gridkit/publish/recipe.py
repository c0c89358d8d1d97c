"""Publish a recipe as a model repository: weights, description, results, and a card with them.

`gridkit evaluate --model hf:ORG/NAME@REVISION` then gives the recipe's row again.
"""

from collections.abc import Iterator
from pathlib import Path

from gridkit.errors import RecipeError
from gridkit.publish.comparison import Target
from gridkit.publish.corpus import file_of_bytes, hashed_file
from gridkit.publish.model import (
    PIPELINES,
    README,
    Figure,
    PublishedModel,
    eval_result_of,
    eval_results,
)
from gridkit.recipe import load_recipe
from gridkit.recipe.schema import Recipe
from gridkit.recipe.shelf import RECIPE_FILE, shipped_names
from gridkit.results.files import RESULT_FILE, read_result
from gridkit.results.timing import TIMING_FILE

_LICENCES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0"}


def recipe_model(folder: Path, target: Target, dataset: str | None = None) -> PublishedModel:
    """Return what is published of a recipe.

    Args:
        folder: the recipe, with weights.
        target: a model repository.
        dataset: ORG/NAME of the corpus on the Hub that the results were measured on; None: not
            published.

    Raises:
        RecipeError: it is not a recipe, or has no weights or README.
    """
    recipe = load_recipe(folder)
    if recipe.weights is None:
        raise RecipeError(f"{folder} has no weights; train it first: gridkit train {folder} ...")
    if not (folder / README).is_file():
        raise RecipeError(f"{folder} has no {README}, which is its card on the Hub")
    _check_built_on(recipe)
    described = [hashed_file(folder, path) for path in _described(recipe, folder)]
    card = file_of_bytes(README, recipe_card(recipe, folder, target.repo).encode())
    figures = eval_results(_figures(recipe), dataset)
    files = (*described, *figures, card, hashed_file(folder, RECIPE_FILE))
    return PublishedModel(folder, recipe.name, files)


def recipe_card(recipe: Recipe, folder: Path, repo: str) -> str:
    """Return the recipe's README as the Hub's model card: its results are in the metadata."""
    from huggingface_hub import ModelCardData

    licence = recipe.licence.lower()
    data = ModelCardData(
        model_name=recipe.name,
        language="en",
        library_name="gridkit",
        license=licence if licence in _LICENCES else "other",
        license_name=None if licence in _LICENCES else recipe.licence,
        pipeline_tag=PIPELINES[recipe.task],
        tags=["grid-corpus", "gridkit", recipe.task],
        eval_results=[eval_result_of(figure) for figure in _figures(recipe)] or None,
    )
    text = (folder / README).read_text(encoding="utf-8")
    use = f"```\ngridkit evaluate --model hf:{repo}@main --data grid --split {recipe.split}\n```\n"
    return f"---\n{data.to_yaml()}\n---\n{text.rstrip()}\n\n## Evaluate it\n{use}"


def _figures(recipe: Recipe) -> tuple[Figure, ...]:
    if isinstance(recipe.results, str):
        return ()
    return tuple(
        Figure(recipe.task, one.split, one.metric, one.value, one.n, one.date)
        for one in recipe.results
    )


def _check_built_on(recipe: Recipe) -> None:
    """Refuse a recipe whose parts would not be there: its training clips could not be known."""
    lacking = sorted(set(recipe.built_on) - set(shipped_names()))
    if lacking:
        raise RecipeError(
            f"{recipe.folder} is built on {', '.join(lacking)}, which does not come with gridkit; "
            "add its training clips to trained_on.txt, and take it out of built_on"
        )


def _described(recipe: Recipe, folder: Path) -> Iterator[str]:
    """Yield the recipe's files beside card and description: those that it names, and results."""
    assert recipe.weights is not None
    yield recipe.weights.file
    yield recipe.weights.trained_on
    for path in sorted(folder.glob(f"results/*/{RESULT_FILE}")):
        read_result(path.parent)  # damaged ones are not published
        for name in (RESULT_FILE, TIMING_FILE):
            if (path.parent / name).is_file():
                yield (path.parent / name).relative_to(folder).as_posix()
    for path in sorted(folder.glob("*.svg")):
        yield path.name
