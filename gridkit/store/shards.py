"""Shards: Parquet files with a row for each kept clip.

The bytes of a shard depend on its clips, splits and profiles alone, in whatever process it is
written. A file is one row group, some 10 MB per profile: with several, a program that streams the
file through `datasets` and stops early may hang or abort at its end (apache/arrow#45214, seen with
pyarrow 26). Statistics and a page index are kept for the columns people filter on, never for
media.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import Clip, Flag, Quality
from gridkit.errors import CorpusError
from gridkit.store.files import write_file
from gridkit.store.schema import (
    CROP_PREFIX,
    LANDMARKS_SHAPE,
    crop_column,
    profiles_in,
    shard_schema,
    split_column,
    split_order,
)

_T = TypeVar("_T")

ROWS_PER_BATCH = 25
RECORD_COLUMNS = ("id", "speaker", "code", "text", "words", "audio", "landmarks", "qc", "flags")
"""What every `Clip` needs; crops come on top."""


@dataclass(frozen=True)
class ShardInfo:
    """A shard as it was written."""

    path: Path
    rows: int
    bytes: int
    sha256: str


def write_shard(
    path: Path,
    clips: Sequence[Clip],
    splits: Mapping[str, Mapping[str, str | None]],
    *,
    profiles: Sequence[str],
    split_names: Sequence[str],
) -> ShardInfo:
    """Write clips as one shard; it appears under its name only when it is whole.

    Args:
        path: where; the folder is made.
        clips: the rows, in their order; each has a crop for every profile.
        splits: clip id to split name to subset; what is not named is null.
        profiles: the crop profiles, in any order.
        split_names: the splits, in any order.

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
        ValueError: there is no clip, or one lacks a crop.
    """
    if not clips:
        raise ValueError(f"{path}: a shard has at least one clip")
    content = shard_bytes(clips, splits, profiles=profiles, split_names=split_names)
    write_file(path, content)
    return ShardInfo(path, len(clips), len(content), hashlib.sha256(content).hexdigest())


def shard_bytes(
    clips: Sequence[Clip],
    splits: Mapping[str, Mapping[str, str | None]],
    *,
    profiles: Sequence[str],
    split_names: Sequence[str],
) -> bytes:
    """Return the Parquet file of clips (see `write_shard`)."""
    schema = shard_schema(profiles, split_names)
    table = _table(clips, splits, schema, split_order(split_names))
    return parquet_bytes(table)


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as Parquet: zstd, one row group, statistics for plain columns only."""
    plain = [f.name for f in table.schema if not pa.types.is_nested(_storage_type(f.type))]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=max(1, len(table)),
        compression="zstd",
        # a dictionary of speakers and subsets saves room, one of landmarks costs some
        use_dictionary=plain,
        write_statistics=plain,
        write_page_index=True,
    )
    return bytes(sink.getvalue().to_pybytes())


def _table(
    clips: Sequence[Clip],
    splits: Mapping[str, Mapping[str, str | None]],
    schema: pa.Schema,
    split_names: Sequence[str],
) -> pa.Table:
    values: dict[str, list[object]] = {
        "id": [clip.id for clip in clips],
        "speaker": [clip.speaker for clip in clips],
        "code": [clip.code for clip in clips],
        "text": [clip.text for clip in clips],
        "words": [[vars(word) for word in clip.words] for clip in clips],
        "audio": [{"bytes": c.audio_flac, "path": f"{c.id}.flac"} for c in clips],
        "qc": [vars(clip.quality) for clip in clips],
        "flags": [[str(flag) for flag in clip.flags] for clip in clips],
    }
    for profile in profiles_in(schema):
        values[crop_column(profile)] = [_crop(clip, profile) for clip in clips]
    for split in split_names:
        values[split_column(split)] = [splits.get(clip.id, {}).get(split) for clip in clips]
    arrays = [
        _landmarks_column(clips, field.type)
        if field.name == "landmarks"
        else pa.array(values[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _crop(clip: Clip, profile: str) -> dict[str, object]:
    if profile not in clip.crops:
        raise ValueError(f"{clip.id}: no crop of profile {profile!r}")
    return {"bytes": clip.crops[profile], "path": f"{clip.id}.mp4"}


def _landmarks_column(clips: Sequence[Clip], column_type: pa.DataType) -> pa.Array:
    """Return landmarks, int16 (75, 68, 2) each, as nested lists; no Python object per point."""
    for clip in clips:
        if clip.landmarks.shape != LANDMARKS_SHAPE or clip.landmarks.dtype != np.int16:
            raise ValueError(
                f"{clip.id}: landmarks {clip.landmarks.dtype} {clip.landmarks.shape}, "
                f"expected int16 {LANDMARKS_SHAPE}"
            )
    array: pa.Array = pa.array(np.concatenate([clip.landmarks.reshape(-1) for clip in clips]))
    for length in reversed(LANDMARKS_SHAPE):
        offsets = np.arange(0, len(array) + 1, length, dtype=np.int32)
        array = pa.ListArray.from_arrays(pa.array(offsets), array)
    return pa.ExtensionArray.from_storage(column_type, array)


def _storage_type(column_type: pa.DataType) -> pa.DataType:
    return (
        column_type.storage_type if isinstance(column_type, pa.BaseExtensionType) else column_type
    )


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file of a corpus.

    Raises:
        CorpusError: it is missing, cut off or not Parquet.
    """
    return _guarded(path, lambda: pq.ParquetFile(path))


def read_batches(
    path: Path, columns: Sequence[str] | None = None, rows: int = ROWS_PER_BATCH
) -> Iterator[pa.RecordBatch]:
    """Read a shard, a few rows at a time.

    Args:
        path: the shard.
        columns: which to read; None for all.
        rows: the most rows per batch.

    Raises:
        CorpusError: the shard is missing, damaged or lacks a column.
    """
    with open_parquet(path) as file:
        _check_columns(path, file, columns)
        names = None if columns is None else list(columns)
        batches = file.iter_batches(batch_size=rows, columns=names)
        while (batch := _guarded(path, lambda: next(batches, None))) is not None:
            yield batch


def read_row(path: Path, row: int, columns: Sequence[str]) -> dict[str, Any]:
    """Read columns of one row, from its row group alone, however large the groups are.

    Raises:
        CorpusError: the file is missing, damaged, or lacks a column or the row.
    """
    return dict(_row_batch(path, row, columns).to_pylist()[0])


def read_clip(path: Path, row: int, profiles: Sequence[str]) -> Clip:
    """Read one row as a record, with the crops of these profiles; raises as `read_row`."""
    columns = [*RECORD_COLUMNS, *map(crop_column, profiles)]
    return next(clips_of(_row_batch(path, row, columns)))


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole Parquet file of plain columns.

    Raises:
        CorpusError: it is missing, damaged or lacks a column.
    """
    with open_parquet(path) as file:
        _check_columns(path, file, columns)
        names = None if columns is None else list(columns)
        return _guarded(path, lambda: file.read(columns=names))


def read_shard(path: Path, profiles: Sequence[str] | None = None) -> Iterator[Clip]:
    """Read the clips of a shard, a few at a time.

    Args:
        path: the shard.
        profiles: whose crops to read; None for all the shard has. Only what is asked for is
            read from the disk.

    Raises:
        CorpusError: the shard is missing, damaged or has no such profile.
    """
    if profiles is None:
        with open_parquet(path) as file:
            profiles = profiles_in(file.schema_arrow)
    columns = [*RECORD_COLUMNS, *map(crop_column, profiles)]
    for batch in read_batches(path, columns):
        yield from clips_of(batch)


def clips_of(batch: pa.RecordBatch) -> Iterator[Clip]:
    """Return the rows of a batch as records; it has `RECORD_COLUMNS` and any crops."""
    landmarks = landmarks_of(batch)
    crops = [name for name in batch.schema.names if name.startswith(CROP_PREFIX)]
    rows = batch.select([name for name in batch.schema.names if name != "landmarks"]).to_pylist()
    for row, points in zip(rows, landmarks, strict=True):
        yield Clip(
            id=row["id"],
            speaker=row["speaker"],
            code=row["code"],
            text=row["text"],
            words=tuple(Word(**word) for word in row["words"]),
            audio_flac=row["audio"]["bytes"],
            crops={name.removeprefix(CROP_PREFIX): row[name]["bytes"] for name in crops},
            landmarks=points,
            quality=quality_of(row["qc"]),
            flags=tuple(Flag(flag) for flag in row["flags"]),
        )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex.

    Raises:
        CorpusError: the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from error


def landmarks_of(batch: pa.RecordBatch) -> np.ndarray:
    """Return the landmarks of a batch, int16 (rows, 75, 68, 2)."""
    array = batch.column("landmarks")
    # an extension type where `datasets` is imported, plain lists elsewhere
    array = array.storage if isinstance(array, pa.ExtensionArray) else array
    for _ in LANDMARKS_SHAPE:
        array = array.flatten()
    points: np.ndarray = array.to_numpy(zero_copy_only=False)
    return points.reshape(batch.num_rows, *LANDMARKS_SHAPE)


def quality_of(figures: Mapping[str, Any]) -> Quality:
    """Return the record of a `qc` struct."""
    return Quality(**{field.name: figures[field.name] for field in fields(Quality)})


def _row_batch(path: Path, row: int, columns: Sequence[str]) -> pa.RecordBatch:
    """Return one row as a batch, from its row group alone."""
    with open_parquet(path) as file:
        _check_columns(path, file, columns)
        offset = row
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if offset < rows:
                read = partial(file.read_row_group, group, columns=list(columns))
                (batch,) = _guarded(path, read).slice(offset, 1).combine_chunks().to_batches()
                return batch
            offset -= rows
    raise CorpusError(f"{path}: no row {row}; run gridkit validate")


def _check_columns(path: Path, file: pq.ParquetFile, columns: Sequence[str] | None) -> None:
    lacking = [name for name in columns or () if name not in file.schema_arrow.names]
    if lacking:
        raise CorpusError(f"{path}: no column {', '.join(lacking)}")


def _guarded(path: Path, read: Callable[[], _T]) -> _T:
    """Turn any error of pyarrow on a damaged file into one line."""
    try:
        return read()
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CorpusError(f"{path}: cannot be read as Parquet ({reason})") from error
