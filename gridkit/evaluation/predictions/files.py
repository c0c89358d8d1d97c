"""Predictions on disk: saved before they are scored, and scored from what was saved.

While a run predicts, batches go to `predictions/part-N.parquet`; at its end they become one
`predictions/predictions.parquet`, in the order in which the clips were asked. Sound is FLAC,
16 bit, so what is read back is to the last bit what was given. `asked` has the places of a clip's
questions in the order of the run that asked them; a run that resumes counts from 1 again. Files
without it, of an earlier gridkit, are read too.
"""

import hashlib
import io
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gridkit.corpus.records import AUDIO_SAMPLES, SAMPLE_RATE_HZ
from gridkit.errors import EnvironmentProblem, MediaError, ResultError
from gridkit.evaluation.predictions.loose_files import find_loose_files
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.systems.answers import check_sound
from gridkit.media.codecs import decode_flac, encode_flac
from gridkit.store.files import move_file, temporary_of, write_file

FOLDER = "predictions"
FILE = "predictions.parquet"
ROWS = 16
"""Rows per group: what is read to get one prediction."""
PART_ROWS = 64
"""Predictions per part: at most so many are asked again after a kill."""
PART_S = 30.0
"""A part is written after so long at the latest: of a slow system, few are asked again."""
GROUPS_KEPT = 4
"""Row groups in memory."""

T = TypeVar("T")

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("flac", pa.binary()),
        pa.field("text", pa.string()),
        pa.field("failure", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("stateful", pa.bool_()),
        pa.field("asked", pa.list_(pa.int32())),
    ]
)


class Predictions(Mapping[str, Prediction]):
    """Saved predictions by id, read from the disk one row group at a time."""

    def __init__(self, files: Iterable[Path]):
        self._places: dict[str, tuple[Path, int, int]] = {}
        for file in files:
            for clip, group, row in _places(file):
                if clip in self._places:
                    raise ResultError(f"{file}: {clip} has two predictions; keep one")
                self._places[clip] = (file, group, row)
        # of this object, not of the module: a file of the same name may be another one tomorrow
        self._file = lru_cache(GROUPS_KEPT)(_open)
        self._group = lru_cache(GROUPS_KEPT)(self._read_group)

    def __getitem__(self, clip: str) -> Prediction:
        file, group, row = self._places[clip]
        return prediction_of(self._group(file, group)[row])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def any_stateful(self) -> bool:
        """Return whether a system answered differently when it was asked twice."""
        files = dict.fromkeys(file for file, _, _ in self._places.values())
        return any(any(_table(file, ["stateful"])["stateful"].to_pylist()) for file in files)

    @property
    def sha256(self) -> str:
        """Return one hash of what was predicted: of the lines `id TAB kind TAB SHA-256`, by id.

        The kind is `flac`, `text` or `failure`, hashed is that as it is stored. The order in which
        clips were asked, and the detail of a failure, do not count.
        """
        lines = []
        for clip, (file, group, row) in self._places.items():
            kind, content = _said(self._group(file, group)[row])
            lines.append(f"{clip}\t{kind}\t{hashlib.sha256(content).hexdigest()}\n")
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()

    def _read_group(self, file: Path, group: int) -> list[dict[str, object]]:
        return _guarded(file, lambda: self._file(file).read_row_group(group).to_pylist())


class PredictionWriter:
    """Saves predictions as they come; a part at a time is on the disk for good."""

    def __init__(self, result: Path):
        self.folder = result / FOLDER
        self._waiting: list[Prediction] = []
        self._vouched = 0
        self._written_s = time.monotonic()

    def saved(self) -> Predictions:
        """Return what is on the disk, of this run and of those before it."""
        whole = self.folder / FILE
        return Predictions([whole] if whole.is_file() else sorted(self.folder.glob("part-*")))

    @property
    def is_finished(self) -> bool:
        """Return whether all predictions were made."""
        return (self.folder / FILE).is_file()

    def add(self, prediction: Prediction) -> None:
        """Take one more prediction."""
        self._waiting.append(prediction)
        if len(self._waiting) == PART_ROWS or time.monotonic() - self._written_s >= PART_S:
            self.flush()

    def write_part(self, name: str, predictions: Sequence[Prediction]) -> None:
        """Save predictions that a part of a run made, as one file; another attempt replaces it."""
        if predictions:
            attempt = self.folder / f".{uuid.uuid4().hex}"
            _write(attempt, predictions)
            move_file(attempt, self.folder / f"part-{name}.parquet")

    def flush(self) -> None:
        """Bring what waits to the disk."""
        if self._waiting:
            number = len(list(self.folder.glob("part-*")))
            _write(self.folder / f"part-{number:05d}.parquet", self._waiting)
            self._waiting = []
        self._written_s = time.monotonic()

    def vouch(self) -> None:
        """Bring what waits to the disk; what is there now, `discard` leaves."""
        self.flush()
        self._vouched = len(list(self.folder.glob("part-*")))

    def discard(self) -> None:
        """Remove the predictions that came since `vouch` was called last."""
        self._waiting = []
        for part in sorted(self.folder.glob("part-*"))[self._vouched :]:
            part.unlink()

    def finish(self) -> Predictions:
        """Join the parts into one file and return what it holds.

        Raises:
            EnvironmentProblem: it cannot be written; the parts stay.
        """
        self.flush()
        parts, whole = sorted(self.folder.glob("part-*")), self.folder / FILE
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with temporary_of(whole).open("wb") as file:
                with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
                    for part in parts:
                        # a part of an earlier gridkit lacks a column
                        table = pa.concat_tables(
                            [SCHEMA.empty_table(), _table(part)], promote_options="default"
                        )
                        writer.write_table(table, row_group_size=ROWS)
                os.fsync(file.fileno())
            temporary_of(whole).replace(whole)
        except OSError as error:
            raise EnvironmentProblem(f"cannot write {whole}: {error.strerror}") from error
        for part in parts:
            part.unlink()
        return self.saved()


def read_predictions(folder: Path) -> Mapping[str, Prediction]:
    """Open predictions that someone made: a RESULT folder, a Parquet file in it, or loose files.

    Raises:
        ResultError: there are none, or a file is damaged.
    """
    for place in (folder / FILE, folder / FOLDER / FILE):
        if place.is_file():
            return Predictions([place])
    loose = find_loose_files(folder)
    if loose:
        return loose
    raise ResultError(
        f"predictions:{folder}: expected {FILE} (columns id and flac or text), or files such as "
        "s1/bbaf2n.wav; found neither"
    )


def prediction_of(row: Mapping[str, object]) -> Prediction:
    """Return the record of a row; sound that breaks the contract becomes a failure."""
    clip, text, failure = str(row["id"]), row.get("text"), row.get("failure")
    detail, flac = row.get("detail"), row.get("flac")
    stateful, asked = bool(row.get("stateful")), _places_of(row.get("asked"))
    if failure:
        why = str(detail) if detail else None
        return Prediction(clip, None, None, str(failure), why, stateful, asked)
    if isinstance(text, str):
        return Prediction(clip, text=text, stateful=stateful, asked=asked)
    if not isinstance(flac, bytes):
        return Prediction(clip, failure="type", detail="neither flac nor text in its row")
    try:
        samples, rate_hz = decode_flac(flac)
    except MediaError as error:
        return Prediction(clip, failure="type", detail=str(error))
    if rate_hz == SAMPLE_RATE_HZ and samples.shape == (AUDIO_SAMPLES,):  # as gridkit writes it
        return Prediction(clip, samples=samples, stateful=stateful, asked=asked)
    checked = check_sound(samples.astype(np.float32) / 32768, rate_hz)
    if checked.failure:
        return Prediction(clip, failure=checked.failure, detail=checked.detail)
    return Prediction(clip, samples=checked.samples, stateful=stateful, asked=asked)


def _said(row: Mapping[str, object]) -> tuple[str, bytes]:
    """Return what kind of prediction a row holds, and its bytes as they are stored."""
    if row.get("failure"):
        return "failure", str(row["failure"]).encode()
    if isinstance(row.get("text"), str):
        return "text", str(row["text"]).encode()
    flac = row.get("flac")
    return "flac", flac if isinstance(flac, bytes) else b""


def _places_of(asked: object) -> tuple[int, ...]:
    return tuple(map(int, asked)) if isinstance(asked, list) else ()


def _write(path: Path, predictions: Iterable[Prediction]) -> None:
    rows = [
        {
            "id": p.id,
            "flac": None if p.samples is None else encode_flac(p.samples),
            "text": p.text,
            "failure": p.failure,
            "detail": p.detail,
            "stateful": p.stateful,
            "asked": p.asked,
        }
        for p in predictions
    ]
    content = io.BytesIO()
    table = pa.Table.from_pylist(rows, SCHEMA)
    pq.write_table(table, content, row_group_size=ROWS, compression="zstd")
    write_file(path, content.getvalue())


def _open(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path)


def _table(path: Path, columns: list[str] | None = None) -> pa.Table:
    return _guarded(path, lambda: pq.ParquetFile(path).read(columns))


def _places(path: Path) -> list[tuple[str, int, int]]:
    """Return id, row group and row in it of every prediction in a file."""

    def read() -> list[tuple[str, int, int]]:
        file = _open(path)
        return [
            (str(clip), group, row)
            for group in range(file.num_row_groups)
            for row, clip in enumerate(file.read_row_group(group, ["id"])["id"].to_pylist())
        ]

    return _guarded(path, read)


def _guarded(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ResultError(f"{path}: cannot be read as predictions: {error}") from error
