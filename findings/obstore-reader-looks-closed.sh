#!/usr/bin/env bash
# What: what `obstore.open_reader` returns is a file for many purposes, but pyarrow takes it for a closed
#   one: "I/O operation on closed file", though it was opened in the line before.
# Versions: obstore 0.12.1, pyarrow 26.0.1; a store in memory, no server.
# Seen: reader.read(4)             b"PAR1"
#   pq.ParquetFile(reader)         ValueError: I/O operation on closed file
#   pq.read_table(reader)          the same
#   The reader has no attribute `closed`; pyarrow prints the AttributeError to stderr, goes on, and
#   takes the file for closed. With a class around it that has `closed`, it reads.
# Why it matters: reading columns or a footer of a Parquet file without fetching all of it is what such a
#   reader is for, and the message sends one to look for a file that was closed too early.
# Workaround: a class around the reader with `closed = False`, or get_range of the footer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q obstore==0.12.1 pyarrow==26.0.1
venv/bin/python - 2>errors <<'P'
import io

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import MemoryStore

store, content = MemoryStore(), io.BytesIO()
pq.write_table(pa.table({"id": ["s1/bbaf2n", "s1/bbaf3s"], "frames": [75, 75]}), content)
obstore.put(store, "manifest.parquet", content.getvalue())


def opened():
    return obstore.open_reader(store, "manifest.parquet")


class Wrapped:
    closed = False

    def __init__(self, reader):
        self._reader = reader

    def __getattr__(self, name):
        return getattr(self._reader, name)


def outcome(call):
    try:
        return call()
    except ValueError as error:
        return f"ValueError: {error}"


def rows(file):
    return f"{pq.ParquetFile(file).metadata.num_rows} rows"


first = bytes(opened().read(4))
seen = [
    outcome(lambda: rows(opened())),
    outcome(lambda: f"{pq.read_table(opened()).num_rows} rows"),
    outcome(lambda: rows(Wrapped(opened()))),
]
print(first, *seen, sep="\n")
closed = "ValueError: I/O operation on closed file"
assert (first, seen) == (b"PAR1", [closed, closed, "2 rows"]), "this has changed"
P
grep -q "has no attribute 'closed'" errors
echo "as described"
