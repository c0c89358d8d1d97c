"""Shards: Parquet files with a row for each kept clip.

The bytes of a shard depend on its clips, splits and profiles alone, in whatever process it is
written. It takes some 10 MB per profile.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import Clip, Flag, Quality
from gridkit.store.files import write_file
from gridkit.store.parquet import open_parquet, parquet_bytes, read_batches, read_row_batch
from gridkit.store.schema import (
    CROP_PREFIX,
    LANDMARKS_SHAPE,
    crop_column,
    profiles_in,
    shard_schema,
    split_column,
    split_order,
)

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


def read_clip(path: Path, row: int, profiles: Sequence[str]) -> Clip:
    """Read one row as a record, with the crops of these profiles; raises as `read_row`."""
    columns = [*RECORD_COLUMNS, *map(crop_column, profiles)]
    return next(clips_of(read_row_batch(path, row, columns)))


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
