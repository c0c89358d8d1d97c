"""What runs in the process that reads predictions: only ever started, never imported.

It limits itself before any library is loaded, then gives the clips one by one, as raw samples or
text, to the process that started it, which believes none of it.
"""

import os
import resource
import sys
from typing import Any

from gridkit.evaluation.sandbox.channel import Channel
from gridkit.leaderboard.reading.flac import LARGEST_SOUND_BYTES, FlacError, check_flac

MEMORY_BYTES = 1 << 30
ROWS = 8
"""Rows in memory at a time."""
LONGEST_TEXT = 200
LONGEST_ID = 64


class RefusedError(Exception):
    """The file is not what predictions are; `code` is the rule that it breaks."""

    def __init__(self, code: str, detail: str):
        super().__init__(detail)
        self.code = code


def main() -> None:
    """Read the file that the arguments name: PATH, `flac` or `text`, seconds of processor."""
    path, column, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    channel = Channel(os.open(os.devnull, os.O_RDONLY), os.dup(1))
    os.dup2(2, 1)  # what a library prints is no message
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        count = _read(path, column, channel)
        channel.send({"kind": "end", "count": count})
    except (RefusedError, FlacError) as error:
        channel.send({"kind": "refused", "code": error.code, "detail": str(error)[:500]})
    except MemoryError:
        channel.send({"kind": "refused", "code": "memory", "detail": "needs over 1 GB to be read"})
    except Exception as error:  # of a library that met damage: its own kinds are many
        detail = f"{type(error).__name__}: {error}"[:500]
        channel.send({"kind": "refused", "code": "parquet", "detail": detail})


def _read(path: str, column: str, channel: Channel) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetFile(
        path,
        pre_buffer=False,
        memory_map=False,
        thrift_string_size_limit=1 << 20,
        thrift_container_size_limit=1 << 20,
    ) as file:
        _check_columns(file.schema_arrow, column)
        count = 0
        for batch in file.iter_batches(batch_size=ROWS, columns=["id", column], use_threads=False):
            for row in batch.to_pylist():
                _send(row["id"], row[column], column, channel)
                count += 1
    return count


def _check_columns(schema: Any, column: str) -> None:
    import pyarrow as pa

    wanted = {"id": pa.string(), column: pa.binary() if column == "flac" else pa.string()}
    if {field.name: field.type for field in schema} != wanted or len(schema) != len(wanted):
        found = ", ".join(f"{field.name[:40]} ({str(field.type)[:40]})" for field in schema)
        names = " and ".join(f"{name} ({kind})" for name, kind in wanted.items())
        raise RefusedError("columns", f"has the columns {found[:300]}; expected {names}")


def _send(clip: Any, value: Any, column: str, channel: Channel) -> None:
    if not isinstance(clip, str) or len(clip) > LONGEST_ID:
        raise RefusedError("ids", "a row without an id, or with one that is no clip's")
    if value is None:
        channel.send({"kind": "failed", "id": clip})
    elif column == "text":
        if len(value) > LONGEST_TEXT:
            raise RefusedError("text", f"{clip[:40]}: {len(value)} characters, at most 200")
        channel.send({"kind": "text", "id": clip, "text": value})
    else:
        if len(value) > LARGEST_SOUND_BYTES:
            raise RefusedError("sound", f"{clip[:40]}: {len(value)} bytes of FLAC, at most 160,000")
        samples = check_flac(value, clip[:40])
        channel.send({"kind": "sound", "id": clip}, [samples.data])


if __name__ == "__main__":
    main()
