"""Imported once, by the process that those which work on clips are forked from; by nothing else."""

import os
import sys
from pathlib import Path

from gridkit.compute.torch_start import start_torch

start_torch(with_generators=True)

from gridkit.app.loaded import Loaded, load_recipes  # noqa: E402 (brings torch)
from gridkit.app.settings import RECIPES_VARIABLE  # noqa: E402
from gridkit.app.task import Task  # noqa: E402
from gridkit.app.work import work_on_with  # noqa: E402
from gridkit.compute.limited import Say  # noqa: E402
from gridkit.errors import GridkitError  # noqa: E402
from gridkit.recipe.shelf import shipped_folder  # noqa: E402


def _load() -> Loaded | GridkitError:
    named = os.environ.get(RECIPES_VARIABLE)
    try:
        return load_recipes(Path(named) if named else shipped_folder())
    except GridkitError as error:
        return error


LOADED = _load()
"""The recipes, or why there are none to offer."""
for line in [LOADED] if isinstance(LOADED, GridkitError) else LOADED.refused:
    print(f"gridkit: {line}", file=sys.stderr)


def work_on(task: Task, say: Say) -> None:
    """Do what is asked for with the recipes, and say what comes of it."""
    work_on_with(LOADED, task, say)
