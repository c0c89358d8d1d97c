"""Parquet files of a corpus: how their bytes are made, and how they are read a few rows at a time.

A file is one row group: with several, a program that streams the file through `datasets` and stops
early may hang or abort at its end (apache/arrow#45214, seen with pyarrow 26). Statistics and a page
index are kept for the columns people filter on, never for media.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from gridkit.errors import CorpusError

ROWS_PER_BATCH = 25
FOOTER_BYTES = 32 * 1024
"""What is read at first of the end of a file that lies elsewhere: more than a footer, as a rule."""

_T = TypeVar("_T")


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


def read_footer(path: Path, read_end: Callable[[int], bytes] | None = None) -> pq.FileMetaData:
    """Return what the end of a Parquet file says of its columns.

    Args:
        path: the file.
        read_end: returns so many bytes of its end, where it lies elsewhere.

    Raises:
        CorpusError: it is missing, cut off or not Parquet.
    """
    if read_end is None:
        return _guarded(path, lambda: pq.read_metadata(path))
    end = read_end(FOOTER_BYTES)
    length = int.from_bytes(end[-8:-4], "little") + 8
    if len(end) < length:
        end = read_end(length)
    return _guarded(path, lambda: pq.read_metadata(pa.BufferReader(end)))


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
    """Read columns of one row as plain values; raises as `read_row_batch`."""
    return dict(read_row_batch(path, row, columns).to_pylist()[0])


def read_row_batch(path: Path, row: int, columns: Sequence[str]) -> pa.RecordBatch:
    """Read columns of one row, from its row group alone, however large the groups are.

    Raises:
        CorpusError: the file is missing, damaged, or lacks a column or the row.
    """
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


def read_table(path: Path) -> pa.Table:
    """Read a whole Parquet file of plain columns.

    Raises:
        CorpusError: it is missing or damaged.
    """
    with open_parquet(path) as file:
        return _guarded(path, file.read)


def _storage_type(column_type: pa.DataType) -> pa.DataType:
    return (
        column_type.storage_type if isinstance(column_type, pa.BaseExtensionType) else column_type
    )


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
