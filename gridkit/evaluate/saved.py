"""Predictions on disk: saved before they are scored, and scored from what was saved.

While a run predicts, batches go to `predictions/part-N.parquet`; at its end they become one
`predictions/predictions.parquet`, in the order in which the clips were asked. Sound is FLAC,
16 bit, so what is read back is to the last bit what was given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gridkit.errors import MediaError, ResultError
from gridkit.evaluate.answers import check_sound
from gridkit.evaluate.given import given_files
from gridkit.evaluate.records import Prediction
from gridkit.media.codecs import decode_flac, encode_flac
from gridkit.store.files import write_file
from gridkit.store.shards import parquet_bytes

FOLDER = "predictions"
FILE = "predictions.parquet"
ROWS = 16
"""Rows a group: what is read to get one prediction."""
PART_ROWS = 64
"""Predictions a part: at most so many are asked again after a kill."""

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("flac", pa.binary()),
        pa.field("text", pa.string()),
        pa.field("failure", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("stateful", pa.bool_()),
    ]
)


class Predictions(Mapping[str, Prediction]):
    """Saved predictions by id, read from the disk one row group at a time."""

    def __init__(self, files: Iterable[Path]):
        self._places: dict[str, tuple[Path, int, int]] = {}
        for file in files:
            for clip, group, row in _places(file):
                if clip in self._places:
                    raise ResultError(f"{file}: a second prediction of {clip}; keep one")
                self._places[clip] = (file, group, row)

    def __getitem__(self, clip: str) -> Prediction:
        file, group, row = self._places[clip]
        return prediction_of(_group(file, group)[row])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class PredictionWriter:
    """Saves predictions as they come; a part at a time is on the disk for good."""

    def __init__(self, result: Path):
        self.folder = result / FOLDER
        self._waiting: list[Prediction] = []

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
        if len(self._waiting) == PART_ROWS:
            self.flush()

    def flush(self) -> None:
        """Bring what waits to the disk."""
        if self._waiting:
            number = len(list(self.folder.glob("part-*")))
            _write(self.folder / f"part-{number:05d}.parquet", self._waiting)
            self._waiting = []

    def finish(self) -> Predictions:
        """Join the parts into one file and return what it holds."""
        self.flush()
        parts = sorted(self.folder.glob("part-*"))
        temporary = self.folder / f".{FILE}.part"
        self.folder.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
            for part in parts:
                writer.write_table(_table(part), row_group_size=ROWS)
        temporary.replace(self.folder / FILE)
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
    given = given_files(folder)
    if given:
        return given
    raise ResultError(
        f"predictions:{folder}: neither {FILE} (columns id and flac or text) nor files such as "
        "s1/bbaf2n.wav in it"
    )


def prediction_of(row: Mapping[str, object]) -> Prediction:
    """Return the record of a row; sound that breaks the contract becomes a failure."""
    clip, text, failure = str(row["id"]), row.get("text"), row.get("failure")
    detail, flac = row.get("detail"), row.get("flac")
    stateful = bool(row.get("stateful"))
    if failure:
        return Prediction(clip, failure=str(failure), detail=str(detail), stateful=stateful)
    if isinstance(text, str):
        return Prediction(clip, text=text, stateful=stateful)
    if not isinstance(flac, bytes):
        return Prediction(clip, failure="type", detail="neither flac nor text in its row")
    try:
        samples, rate_hz = decode_flac(flac)
    except MediaError as error:
        return Prediction(clip, failure="type", detail=str(error))
    checked = check_sound(samples.astype(np.float32) / 32768, rate_hz)
    if checked.failure:
        return Prediction(clip, failure=checked.failure, detail=checked.detail)
    return Prediction(clip, samples=checked.samples, stateful=stateful)


def _write(path: Path, predictions: Iterable[Prediction]) -> None:
    rows = [
        {
            "id": p.id,
            "flac": None if p.samples is None else encode_flac(p.samples),
            "text": p.text,
            "failure": p.failure,
            "detail": p.detail,
            "stateful": p.stateful,
        }
        for p in predictions
    ]
    write_file(path, parquet_bytes(pa.Table.from_pylist(rows, SCHEMA), rows_per_group=ROWS))


def _table(path: Path) -> pa.Table:
    return _guarded(path, lambda: pq.read_table(path))


def _places(path: Path) -> list[tuple[str, int, int]]:
    """Return id, row group and row in it of every prediction in a file."""

    def read() -> list[tuple[str, int, int]]:
        with pq.ParquetFile(path) as file:
            return [
                (str(clip), group, row)
                for group in range(file.num_row_groups)
                for row, clip in enumerate(file.read_row_group(group, ["id"])["id"].to_pylist())
            ]

    return _guarded(path, read)


@lru_cache(maxsize=4)
def _group(path: Path, group: int) -> list[dict[str, object]]:
    def read() -> list[dict[str, object]]:
        with pq.ParquetFile(path) as file:
            return list(file.read_row_group(group).to_pylist())

    return _guarded(path, read)


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ResultError(f"{path}: cannot be read as predictions: {error}") from error
