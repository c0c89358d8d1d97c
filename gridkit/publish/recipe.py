"""Publish a recipe as a model repository: weights, description, results, and a card with them.

`gridkit evaluate --model hf:ORG/NAME@REVISION` then gives the recipe's row again.
"""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from gridkit.compute.lock import folder_lock
from gridkit.compute.transfer_progress import NoProgress
from gridkit.errors import RecipeError
from gridkit.hub.client import hub_errors, open_hub
from gridkit.hub.commits import LocalFile, card_problems, patiently
from gridkit.publish.comparison import Target
from gridkit.publish.corpus import file_of_bytes, hashed_file
from gridkit.publish.journal import Journal
from gridkit.publish.place import Preview, find_repository, make_place, open_with_token, planned
from gridkit.publish.upload import Bars, Outcome, Upload, send
from gridkit.recipe import load_recipe
from gridkit.recipe.schema import Measured, Recipe
from gridkit.recipe.shelf import RECIPE_FILE, shipped_names
from gridkit.results.files import RESULT_FILE, read_result
from gridkit.results.timing import TIMING_FILE
from gridkit.results.wording import describe

README = "README.md"
EVAL_RESULTS = ".eval_results/gridkit.yaml"
_LICENCES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0"}
_PIPELINES = {
    "v2s": "audio-to-audio",  # the Hub has no task from video to sound
    "lipreading": "automatic-speech-recognition",
    "recognition": "automatic-speech-recognition",
}


def publish_recipe(
    folder: Path,
    target: Target,
    *,
    dataset: str | None = None,
    private: bool = False,
    bars: Bars = lambda: nullcontext(NoProgress()),
) -> Outcome:
    """Put a recipe on the Hub; what is there already is not sent.

    Args:
        folder: the recipe, with weights.
        target: a model repository.
        dataset: ORG/NAME of the corpus on the Hub that the results were measured on; None: not
            published.
        private: make a new repository private.
        bars: makes the display of the upload.

    Raises:
        RecipeError: it is not a recipe, or has no weights.
        LockedError, UsageError, HubConflictError, HubError, NetworkError: as `publish`.
    """
    recipe, files = _recipe_files(folder, target, dataset)
    hub = open_with_token(target)
    with folder_lock(folder):
        exists = find_repository(hub, target, private=private)
        card = next(file for file in files if file.path == README)
        with hub_errors(target.address):
            problems = patiently(partial(card_problems, hub, card.read().decode(), "model"))
        if problems:
            raise RecipeError(f"the Hub does not take the card ({README}): {problems[0]}")
        make_place(hub, target, exists=exists, private=private)
        upload = Upload(hub, target, files, recipe.name, Journal(folder))
        return send(upload, bars)


def preview_recipe(
    folder: Path, target: Target, *, dataset: str | None = None, private: bool = False
) -> Preview:
    """Return what `publish_recipe` would do; sends nothing and writes nothing.

    Raises:
        RecipeError, UsageError, HubConflictError, HubError, NetworkError: as `publish_recipe`.
    """
    recipe, files = _recipe_files(folder, target, dataset)
    hub = open_hub()
    exists = find_repository(hub, target, private=private)
    upload = Upload(hub, target, files, recipe.name, Journal(folder))
    return planned(upload, exists=exists)


def recipe_card(recipe: Recipe, folder: Path, repo: str) -> str:
    """Return the recipe's README as the Hub's model card: its results are in the metadata."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type=_PIPELINES[recipe.task],
            task_name=recipe.task,
            dataset_type="grid",
            dataset_name=f"GRID, {measured.split}",
            dataset_split=measured.split.partition(":")[2] or "test",
            metric_type=measured.metric,
            metric_name=describe(measured.metric).label,
            metric_value=measured.value,
        )
        for measured in _measured(recipe)
    ]
    licence = recipe.licence.lower()
    data = ModelCardData(
        model_name=recipe.name,
        language="en",
        library_name="gridkit",
        license=licence if licence in _LICENCES else "other",
        license_name=None if licence in _LICENCES else recipe.licence,
        pipeline_tag=_PIPELINES[recipe.task],
        tags=["grid-corpus", "gridkit", recipe.task],
        eval_results=results or None,
    )
    text = (folder / README).read_text(encoding="utf-8")
    use = f"```\ngridkit evaluate --model hf:{repo}@main --data grid --split {recipe.split}\n```\n"
    return f"---\n{data.to_yaml()}\n---\n{text.rstrip()}\n\n## Evaluate it\n{use}"


def eval_results(recipe: Recipe, dataset: str) -> str:
    """Return the results in the Hub's form `.eval_results`, of a corpus that is on the Hub."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=measured.split.replace(":", "-"),
            value=measured.value,
            date=measured.date,
            notes=f"{measured.metric}, protocol gridkit-1, n = {measured.n}",
        )
        for measured in _measured(recipe)
    ]
    # JSON is YAML
    return f"{json.dumps(eval_result_entries_to_yaml(entries), indent=1, ensure_ascii=False)}\n"


def _recipe_files(
    folder: Path, target: Target, dataset: str | None
) -> tuple[Recipe, tuple[LocalFile, ...]]:
    recipe = load_recipe(folder)
    if recipe.weights is None:
        raise RecipeError(f"{folder} has no weights; train it first: gridkit train {folder} ...")
    if not (folder / README).is_file():
        raise RecipeError(f"{folder} has no {README}, which is its card on the Hub")
    _check_built_on(recipe)
    described = [hashed_file(folder, path) for path in _described(recipe, folder)]
    card = file_of_bytes(README, recipe_card(recipe, folder, target.repo).encode())
    if dataset is not None and _measured(recipe):
        described.append(file_of_bytes(EVAL_RESULTS, eval_results(recipe, dataset).encode()))
    return recipe, (*described, card, hashed_file(folder, RECIPE_FILE))


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


def _measured(recipe: Recipe) -> tuple[Measured, ...]:
    return () if isinstance(recipe.results, str) else recipe.results
