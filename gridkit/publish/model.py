"""A model repository: files, and a card with the results, to the Hub.

What a recipe and a `.py` system have in common.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gridkit.compute.lock import folder_lock
from gridkit.compute.transfer_progress import NoProgress
from gridkit.errors import InputError
from gridkit.hub.client import hub_errors, open_hub
from gridkit.hub.commits import LocalFile, card_problems, patiently
from gridkit.publish.comparison import Target
from gridkit.publish.corpus import file_of_bytes
from gridkit.publish.journal import Journal
from gridkit.publish.place import Preview, find_repository, make_place, open_with_token, planned
from gridkit.publish.upload import Bars, Outcome, Upload, send
from gridkit.results.wording import describe

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

README = "README.md"
EVAL_RESULTS = ".eval_results/gridkit.yaml"
PIPELINES = {
    "v2s": "audio-to-audio",  # the Hub has no task from video to sound
    "lipreading": "automatic-speech-recognition",
    "recognition": "automatic-speech-recognition",
}
"""Task to the Hub's name for what is nearest to it."""


@dataclass(frozen=True)
class PublishedModel:
    """What is published of a model."""

    folder: Path
    """Where it lies; it keeps the journal."""
    name: str
    files: tuple[LocalFile, ...]
    """In the order of sending, the card among them; what describes the others last."""
    runs_code: bool = False
    """Whether it is code, which whoever evaluates it has to trust."""


@dataclass(frozen=True)
class Figure:
    """A measured figure, as a card gives it."""

    task: str
    split: str
    """NAME:SUBSET."""
    metric: str
    value: float
    n: int
    date: str | None = None
    """ISO."""
    synthetic: bool = False
    """Whether the clips are made up."""


def publish_model(
    model: PublishedModel,
    target: Target,
    *,
    private: bool = False,
    bars: Bars = lambda: nullcontext(NoProgress()),
) -> Outcome:
    """Put a model on the Hub; what is there already is not sent.

    Args:
        model: its files.
        target: a model repository.
        private: make a new repository private.
        bars: makes the display of the upload.

    Raises:
        InputError: the Hub does not take the card.
        LockedError, UsageError, HubConflictError, HubError, NetworkError: as `publish`.
    """
    hub = open_with_token(target)
    with folder_lock(model.folder):
        exists = find_repository(hub, target, private=private)
        card = next(file for file in model.files if file.path == README)
        with hub_errors(target.address):
            problems = patiently(partial(card_problems, hub, card.read().decode(), "model"))
        if problems:
            raise InputError(f"the Hub does not take the card ({README}): {problems[0]}")
        make_place(hub, target, exists=exists, private=private)
        upload = Upload(hub, target, model.files, model.name, Journal(model.folder))
        return send(upload, bars)


def preview_model(model: PublishedModel, target: Target, *, private: bool = False) -> Preview:
    """Return what `publish_model` would do; sends nothing and writes nothing.

    Raises:
        UsageError, HubConflictError, HubError, NetworkError: as `publish_model`.
    """
    hub = open_hub()
    exists = find_repository(hub, target, private=private)
    upload = Upload(hub, target, model.files, model.name, Journal(model.folder))
    return planned(upload, exists=exists)


def eval_result_of(figure: Figure) -> "EvalResult":
    """Return a figure as an entry of a card's `model-index`."""
    from huggingface_hub import EvalResult

    clips = "synthetic faces" if figure.synthetic else "GRID"
    return EvalResult(
        task_type=PIPELINES[figure.task],
        task_name=figure.task,
        dataset_type="grid",
        dataset_name=f"{clips}, {figure.split}",
        dataset_split=figure.split.partition(":")[2] or "test",
        metric_type=figure.metric,
        metric_name=describe(figure.metric).label,
        metric_value=figure.value,
    )


def eval_results(figures: Sequence[Figure], dataset: str | None) -> list[LocalFile]:
    """Return the file with figures in the Hub's form `.eval_results`; none where there are none.

    Args:
        figures: those of the card.
        dataset: ORG/NAME of the corpus on the Hub that they were measured on; None: not published.
    """
    if dataset is None or not figures:
        return []
    return [file_of_bytes(EVAL_RESULTS, _eval_results_text(figures, dataset).encode())]


def _eval_results_text(figures: Iterable[Figure], dataset: str) -> str:
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=figure.split.replace(":", "-"),
            value=figure.value,
            date=figure.date,
            notes=f"{figure.metric}, protocol gridkit-1, n = {figure.n}",
        )
        for figure in figures
    ]
    # JSON is YAML
    return f"{json.dumps(eval_result_entries_to_yaml(entries), indent=1, ensure_ascii=False)}\n"
