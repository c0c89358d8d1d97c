"""The manifest: a row for every source clip, kept or rejected, sorted by source path.

In memory it stays a table of columns, some 250 bytes per row, and a row becomes a record where it
is asked for: a million rows as records would take gigabytes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc

from gridkit.corpus.records import Flag, ManifestRow, Reason, Status
from gridkit.errors import CorpusError
from gridkit.store.files import write_file
from gridkit.store.parquet import parquet_bytes, read_table
from gridkit.store.schema import manifest_schema, split_column, split_order, splits_in
from gridkit.store.shards import quality_of

MANIFEST_NAME = "manifest.parquet"
ROWS_AT_A_TIME = 10_000
"""Rows that are records at the same time while a table is made of them, or read row by row."""
PARTS_AT_A_TIME = 500
"""Small tables that wait to be joined: each takes more room than its rows."""


@dataclass(frozen=True, eq=False)
class Manifest(Sequence[ManifestRow]):
    """Rows of a manifest as Arrow columns."""

    table: pa.Table
    """In the manifest's schema."""

    @classmethod
    def of(
        cls, rows: Iterable[ManifestRow], split_names: Iterable[str] | None = None
    ) -> "Manifest":
        """Return rows as a manifest, in their order; one that is a manifest already is returned.

        Args:
            rows: one for each source clip.
            split_names: the splits, in any order; None: those that the rows name.
        """
        if isinstance(rows, Manifest):
            return rows
        if split_names is None:
            rows = list(rows)
            split_names = {name for row in rows for name in row.splits}
        names = split_order(split_names)
        schema, waiting = manifest_schema(names), iter(rows)
        batches = []
        while records := [_record(row, names) for row in islice(waiting, ROWS_AT_A_TIME)]:
            batches.append(pa.RecordBatch.from_pylist(records, schema=schema))
        return cls(pa.Table.from_batches(batches, schema=schema).combine_chunks())

    @classmethod
    def joined(cls, parts: Iterable["Manifest"]) -> "Manifest":
        """Return the rows of several manifests of the same splits, one after the other.

        Args:
            parts: at least one; they are taken one by one.
        """
        waiting = iter(parts)
        tables: list[pa.Table] = []
        while some := [part.table for part in islice(waiting, PARTS_AT_A_TIME)]:
            tables.append(pa.concat_tables(some).combine_chunks())
        return cls(pa.concat_tables(tables).combine_chunks())

    @cached_property
    def split_names(self) -> tuple[str, ...]:
        """The splits that have a column, in the order of the columns."""
        return splits_in(self.table.schema)

    @property
    def is_kept(self) -> pa.ChunkedArray:
        """Which rows are of kept clips, as a mask."""
        return pc.equal(self.table.column("status"), str(Status.KEPT))

    def subsets(self, split: str) -> pa.ChunkedArray:
        """Return the column of a split; null throughout where the manifest has none."""
        name = split_column(split)
        if name in self.table.schema.names:
            return self.table.column(name)
        return pa.chunked_array([pa.nulls(len(self), pa.string())])

    def kept(self, columns: Sequence[str]) -> pa.Table:
        """Return columns of the kept clips."""
        return self.table.select(list(columns)).filter(self.is_kept)

    def take(self, places: pa.Array) -> "Manifest":
        """Return some rows, by their places or by a mask."""
        chosen = self.table.filter(places) if places.type == pa.bool_() else self.table.take(places)
        return Manifest(chosen)

    def by_source_path(self) -> "Manifest":
        """Return the rows as a file has them: sorted, in one piece."""
        paths = self.table.column("source_path").combine_chunks()
        if not pc.any(pc.greater(paths.slice(0, max(0, len(paths) - 1)), paths.slice(1))).as_py():
            return Manifest(self.table.combine_chunks())
        order = pc.sort_indices(self.table, sort_keys=[("source_path", "ascending")])
        return Manifest(self.table.take(order).combine_chunks())

    def __len__(self) -> int:
        """Return the number of source clips."""
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[ManifestRow]:
        """Yield rows as records, a few thousand at a time."""
        for batch in self.table.to_batches(max_chunksize=ROWS_AT_A_TIME):
            for record in batch.to_pylist():
                yield _row(record, self.split_names)

    @overload
    def __getitem__(self, place: int) -> ManifestRow: ...
    @overload
    def __getitem__(self, place: slice) -> "Manifest": ...
    def __getitem__(self, place: int | slice) -> "ManifestRow | Manifest":
        """Return one row as a record, or several as a manifest."""
        if isinstance(place, slice):
            return self.take(pa.array(range(len(self))[place], pa.int64()))
        (record,) = self.table.slice(range(len(self))[place], 1).to_pylist()
        return _row(record, self.split_names)


def write_manifest(path: Path, rows: Iterable[ManifestRow], split_names: Sequence[str]) -> str:
    """Write the manifest; the same rows in any order give the same bytes.

    Args:
        path: where.
        rows: one for each source clip; a `Manifest` has these splits.
        split_names: the splits, in any order.

    Returns:
        The SHA-256 of the file.

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    content = manifest_bytes(Manifest.of(rows, split_names), split_names)
    write_file(path, content)
    return hashlib.sha256(content).hexdigest()


def manifest_bytes(manifest: Manifest, split_names: Sequence[str]) -> bytes:
    """Return the Parquet file of a manifest (see `write_manifest`)."""
    schema = manifest_schema(split_names)
    return parquet_bytes(manifest.by_source_path().table.cast(schema))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; in its rows `splits` has the subsets that are not null.

    Raises:
        CorpusError: the file is missing, damaged, or has values that this version does not know.
    """
    manifest = Manifest(read_table(path))
    try:
        _check_known(manifest)
    except (KeyError, ValueError, TypeError) as error:
        raise CorpusError(
            f"{path}: not a manifest this version of gridkit can read ({error})"
        ) from error
    return manifest


def source_ids(rows: Iterable[ManifestRow]) -> frozenset[str]:
    """Return every id of the source, kept or not: synthetic splits are made of them."""
    ids = Manifest.of(rows).table.column("id")
    return frozenset(pc.unique(ids.drop_null()).to_pylist())


def counted(column: pa.ChunkedArray) -> dict[Any, int]:
    """Return each value of a column with the number of its rows, in the order of appearance."""
    counts = pc.value_counts(column)
    values, numbers = counts.field("values").to_pylist(), counts.field("counts").to_pylist()
    return dict(zip(values, numbers, strict=True))


def repeated(column: pa.ChunkedArray) -> dict[Any, int]:
    """Return the values that a column has more than once, with the number of their rows."""
    counts = pc.value_counts(column)
    return {
        entry["values"]: entry["counts"]
        for entry in counts.filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    }


def _check_known(manifest: Manifest) -> None:
    """Check columns and names of things.

    Raises:
        KeyError, ValueError, TypeError: it is not a manifest, or of a newer version.
    """
    names = manifest.table.schema.names
    expected = ManifestRow.__dataclass_fields__.keys() - {"quality", "splits"} | {"qc"}
    expected |= set(map(split_column, manifest.split_names))
    if lacking := sorted(expected - set(names)):
        raise KeyError(lacking[0])
    table = manifest.table
    for status in pc.unique(table.column("status")).to_pylist():
        Status(status)
    for reason in pc.unique(table.column("reason").drop_null()).to_pylist():
        Reason(reason)
    for flag in pc.unique(pc.list_flatten(table.column("flags"))).to_pylist():
        Flag(flag)


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
        flags=tuple(Flag(flag) for flag in record["flags"] or ()),
        quality=None if record["qc"] is None else quality_of(record["qc"]),
        splits={name: subset for name, subset in subsets.items() if subset is not None},
        shard=record["shard"],
        row=record["row"],
    )
