"""The manifest: a row for every source clip, kept or rejected, sorted by source path."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from gridkit.corpus.records import Flag, ManifestRow, Reason, Status
from gridkit.errors import CorpusError
from gridkit.store.files import write_file
from gridkit.store.parquet import parquet_bytes, read_table
from gridkit.store.schema import manifest_schema, split_column, split_order, splits_in
from gridkit.store.shards import quality_of

MANIFEST_NAME = "manifest.parquet"


def write_manifest(path: Path, rows: Iterable[ManifestRow], split_names: Sequence[str]) -> str:
    """Write the manifest; the same rows in any order give the same bytes.

    Args:
        path: where.
        rows: one for each source clip.
        split_names: the splits, in any order.

    Returns:
        The SHA-256 of the file.

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    ordered = sorted(rows, key=lambda row: row.source_path)
    records = [_record(row, split_order(split_names)) for row in ordered]
    table = pa.Table.from_pylist(records, schema=manifest_schema(split_names))
    content = parquet_bytes(table)
    write_file(path, content)
    return hashlib.sha256(content).hexdigest()


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Read every row of a manifest; `splits` has the subsets that are not null.

    Raises:
        CorpusError: the file is missing, damaged, or has values that this version does not know.
    """
    table = read_table(path)
    try:
        names = splits_in(table.schema)
        return tuple(_row(record, names) for record in table.to_pylist())
    except (KeyError, ValueError, TypeError) as error:
        raise CorpusError(
            f"{path}: not a manifest this version of gridkit can read ({error})"
        ) from error


def source_ids(rows: Iterable[ManifestRow]) -> frozenset[str]:
    """Return every id of the source, kept or not: synthetic splits are made of them."""
    return frozenset(row.id for row in rows if row.id is not None)


def _record(row: ManifestRow, split_names: Sequence[str]) -> dict[str, object]:
    record: dict[str, object] = {
        "source_path": row.source_path,
        "id": row.id,
        "speaker": row.speaker,
        "code": row.code,
        "status": str(row.status),
        "reason": None if row.reason is None else str(row.reason),
        "detail": row.detail,
        "flags": [str(flag) for flag in row.flags],
        "qc": None if row.quality is None else vars(row.quality),
        "shard": row.shard,
        "row": row.row,
    }
    return record | {split_column(name): row.splits.get(name) for name in split_names}


def _row(record: Mapping[str, Any], split_names: Sequence[str]) -> ManifestRow:
    subsets = {name: record[split_column(name)] for name in split_names}
    return ManifestRow(
        source_path=record["source_path"],
        id=record["id"],
        speaker=record["speaker"],
        code=record["code"],
        status=Status(record["status"]),
        reason=None if record["reason"] is None else Reason(record["reason"]),
        detail=record["detail"],
        flags=tuple(Flag(flag) for flag in record["flags"]),
        quality=None if record["qc"] is None else quality_of(record["qc"]),
        splits={name: subset for name, subset in subsets.items() if subset is not None},
        shard=record["shard"],
        row=record["row"],
    )
