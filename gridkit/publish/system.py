"""Publish a `.py` system as a model repository: its folder, results, and a card with them.

`gridkit evaluate --model hf:ORG/NAME@REVISION --trust-remote-code` then gives its row again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gridkit.errors import InputError, UsageError
from gridkit.hub.commits import LocalFile
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
from gridkit.recipe.python_system import PYTHON_SYSTEM_FILE, PythonSystem, python_system_to_toml
from gridkit.results.files import RESULT_FILE, read_result
from gridkit.results.records import MODEL, Result
from gridkit.results.rows import Row, columns
from gridkit.results.shipped import RESULTS_FOLDER
from gridkit.results.timing import TIMING_FILE
from gridkit.results.wording import LAG

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

MOST_FILES = 200
"""A folder with more is one that somebody works in, and not that of a model."""


@dataclass(frozen=True)
class SystemFolder:
    """A `.py` system, with the files that decide what it says."""

    folder: Path
    made_by: PythonSystem
    files: Mapping[str, Path]
    """Name below the folder to the file."""
    sha256: str | None
    """Of all of them, as a result has it."""


def system_model(
    system: SystemFolder,
    target: Target,
    results: Sequence[Path] = (),
    dataset: str | None = None,
) -> PublishedModel:
    """Return what is published of a `.py` system.

    Hidden files stay where they are: they may hold a password.

    Args:
        system: the system.
        target: a model repository.
        results: RESULT folders of this very system, for the card.
        dataset: ORG/NAME of the corpus on the Hub that they were measured on; None: not published.

    Raises:
        InputError: a file is a link, or there are very many; the README is missing, damaged or
            without a licence.
        ResultError: a result is damaged.
        UsageError: a result is not of this system, or two are of the same split.
    """
    own = _own_files(system)
    measured = {folder: _result_of(folder, system) for folder in results}
    figures = [figure for result in measured.values() for figure in _figures(result)]
    card = system_card_text(system, target.repo, measured.values())
    made_by = python_system_to_toml(system.made_by)
    files = (
        *own,
        *_result_files(measured),
        *eval_results(figures, dataset),
        file_of_bytes(README, card.encode()),
        file_of_bytes(PYTHON_SYSTEM_FILE, made_by.encode()),
    )
    name = system.made_by.file.removesuffix(".py")
    return PublishedModel(system.folder, name, files, runs_code=True)


def system_card_text(system: SystemFolder, repo: str, results: Iterable[Result]) -> str:
    """Return the README of a system's folder as the Hub's model card, with its results.

    What the README's own metadata say stays.

    Raises:
        InputError: there is no README, or its metadata are damaged or lack the licence.
    """
    results = list(results)
    data, text = _readme(system.folder)
    tasks = sorted({result.task for result in results})
    data.model_name = data.model_name or repo.partition("/")[2]
    data.library_name = "gridkit"
    data.tags = list(dict.fromkeys([*(data.tags or []), "grid-corpus", "gridkit", *tasks]))
    if len(tasks) == 1:
        data.pipeline_tag = data.pipeline_tag or PIPELINES[tasks[0]]
    data.eval_results = [
        eval_result_of(figure) for result in results for figure in _figures(result)
    ] or None
    split = results[0].split_name if results else "s1"
    use = (
        "## Evaluate it\nIt is Python code, which gridkit runs locked in. Read it first.\n```\n"
        f"gridkit evaluate --model hf:{repo}@main --trust-remote-code --data grid --split {split}\n"
        "```\n"
    )
    return f"---\n{data.to_yaml()}\n---\n{text.strip()}\n\n{use}"


def _own_files(system: SystemFolder) -> list[LocalFile]:
    made_here = (README, PYTHON_SYSTEM_FILE)
    names = [name for name in system.files if name not in made_here and not _is_hidden(name)]
    if len(names) > MOST_FILES:
        raise InputError(
            f"{system.folder} holds {len(names)} files beside {system.made_by.file}; put the "
            "model into a folder of its own: all that lies there is published"
        )
    home = system.folder.resolve()
    for name in names:
        path = system.folder / name
        if path.is_symlink() or not path.resolve().is_relative_to(home):
            raise InputError(f"{path} is a link; put the file itself there to publish it")
    return [hashed_file(system.folder, name) for name in names]


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _readme(folder: Path) -> tuple["ModelCardData", str]:
    """Return the metadata of a folder's README, and what follows them."""
    from huggingface_hub import ModelCard, ModelCardData

    path = folder / README
    licence = "begin it with the three lines `---`, `license: mit` (or what holds) and `---`"
    if not path.is_file():
        raise InputError(f"{folder} has no {README}, which is its card on the Hub; {licence}")
    try:
        card = ModelCard(path.read_text(encoding="utf-8"))
    except Exception as error:  # the YAML parser raises many kinds
        why = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise InputError(f"{path}: its metadata cannot be read ({why})") from error
    assert isinstance(card.data, ModelCardData)
    if not card.data.license:
        raise InputError(f"{path} does not say the licence; {licence}")
    return card.data, card.text


def _result_of(folder: Path, system: SystemFolder) -> Result:
    result = read_result(folder)
    if result.sha256.get(MODEL) != system.sha256 or system.sha256 is None:
        raise UsageError(
            f"--result {folder} is not of {system.made_by.file} as it is now; evaluate it again"
        )
    return result


def _result_files(measured: Mapping[Path, Result]) -> list[LocalFile]:
    files: dict[str, LocalFile] = {}
    for folder, result in measured.items():
        place = f"{RESULTS_FOLDER}/{result.split_name}-{result.subset_name}"
        if f"{place}/{RESULT_FILE}" in files:
            raise UsageError(
                f"--result {folder}: another is of {result.split_name}:{result.subset_name} too"
            )
        for name in (RESULT_FILE, TIMING_FILE):
            if (folder / name).is_file():
                content = (folder / name).read_bytes()
                files[f"{place}/{name}"] = file_of_bytes(f"{place}/{name}", content)
    return list(files.values())


def _figures(result: Result) -> list[Figure]:
    """Return the figures of the first table."""
    main, _ = columns([Row("system", result)])
    split = f"{result.split_name}:{result.subset_name}"
    return [
        Figure(
            result.task,
            split,
            name,
            result.metrics[name].value,
            result.metrics[name].n,
            synthetic=result.is_synthetic,
        )
        for name in main
        if name in result.metrics and name != LAG
    ]
