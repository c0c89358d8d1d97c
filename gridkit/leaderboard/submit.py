"""Make a submission of what `gridkit evaluate` wrote: one folder, and one file of predictions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gridkit.errors import SubmissionError, UsageError
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.leaderboard.model_card import MODEL_FILE, ModelCard, card_to_json
from gridkit.leaderboard.names import check_slug
from gridkit.leaderboard.predictions_file import describe_file
from gridkit.leaderboard.submission import (
    PREDICTIONS_FILE,
    SCORED_SUBSET,
    TRACKS,
    ZIPPED_CLIPS_FILE,
    Address,
    predictions_to_json,
    zipped,
)
from gridkit.media.codecs import encode_flac
from gridkit.results.files import CLIPS_FILE, RESULT_FILE, Scored, read_scored, result_to_json
from gridkit.results.records import PROTOCOL
from gridkit.results.strict_json import dump
from gridkit.results.timing import TIMING_FILE, Timing, timing_to_json
from gridkit.store.files import unfinished_file, write_file

PARQUET = "predictions.parquet"
ROWS = 8
"""Rows per group: what a reader has in memory at a time."""


def beside(path: Path) -> str:
    """Return the uri of predictions that lie beside the other files of a submission."""
    return f"file:{path.name}"


def address_of(scored: Scored, org: str, model: str, revision: str) -> Address:
    """Return where the submission of a result goes.

    Raises:
        SubmissionError: a part of the path cannot be such a part.
    """
    result = scored.result
    return Address(
        check_slug(org, "ORG"),
        check_slug(model, "MODEL"),
        check_slug(revision, "REVISION"),
        result.task,
        check_slug(str(result.split_name), "the split"),
    )


def check_result(scored: Scored) -> None:
    """Refuse a result that the board could not take, before anything is written.

    Raises:
        UsageError: it is a control, a recogniser, of another protocol, not of a test subset, of a
            part of the split, or its predictions are gone.
    """
    result, folder = scored.result, scored.folder
    why = ""
    if result.is_control:
        why = "is that of a control, which the board has already"
    elif result.task not in TRACKS:
        why = "is of a recogniser, which hears the recordings; the board ranks what sees a video"
    elif result.protocol != PROTOCOL:
        why = f"is by protocol {result.protocol}; the board's is {PROTOCOL}"
    elif result.subset_name != SCORED_SUBSET:
        why = f"is of the subset {result.subset_name}; the board scores {SCORED_SUBSET}"
    elif result.missing:
        why = f"lacks {result.missing} clips of the split; evaluate without --allow-missing"
    elif not PredictionWriter(folder).is_finished:
        why = "has no predictions; evaluate again"
    if why:
        raise UsageError(f"{folder} {why}")


def write_submission(
    result: Path,
    root: Path,
    address: Address,
    card: ModelCard,
    place: Callable[[Path], str] = beside,
) -> Path:
    """Write the submission of a RESULT folder, and return its folder.

    Args:
        result: what `gridkit evaluate --out` wrote.
        root: holds submissions, such as `leaderboard/submissions`.
        address: whose.
        card: what its people say of the system.
        place: puts the file of predictions where it will lie, and returns its uri.

    Raises:
        UsageError: the board could not take it.
        ResultError: the result is unfinished or damaged.
        SubmissionError: there is another submission in the folder.
    """
    scored = read_scored(result)
    check_result(scored)
    folder = root / address.path
    if (folder / MODEL_FILE).exists():
        raise SubmissionError("layout", f"{folder} holds a submission; give another --revision")
    parquet = folder / PARQUET
    _write_predictions(scored, parquet)
    claim = replace(scored.result, system=replace(scored.result.system, others={}))
    write_file(folder / RESULT_FILE, result_to_json(claim).encode())
    if isinstance(scored.timing, Timing):
        write_file(folder / TIMING_FILE, timing_to_json(scored.timing).encode())
    write_file(folder / ZIPPED_CLIPS_FILE, zipped(scored.folder / CLIPS_FILE))
    described = predictions_to_json(describe_file(parquet, place(parquet)))
    write_file(
        folder / PREDICTIONS_FILE, f"{dump(described, PREDICTIONS_FILE, indent=1)}\n".encode()
    )
    # last: a folder with it is whole
    write_file(folder / MODEL_FILE, card_to_json(card).encode())
    return folder


def _write_predictions(scored: Scored, path: Path) -> None:
    column = "flac" if scored.result.task == "v2s" else "text"
    kind = pa.binary() if column == "flac" else pa.string()
    schema = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field(column, kind)])
    saved = PredictionWriter(scored.folder).saved()
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        ids = sorted(saved)
        for start in range(0, len(ids), ROWS):
            clips = ids[start : start + ROWS]
            rows = [{"id": clip, column: _answer(saved[clip])} for clip in clips]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _answer(one: Prediction) -> bytes | str | None:
    if one.failure is not None:
        return None
    return one.text if one.samples is None else encode_flac(one.samples)
