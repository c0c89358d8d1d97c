"""What a run has finished, on disk, so that a killed run resumes and a second one is quick.

While a run works, everything new is in `DIR/.gridkit`: finished shards under `data/`, and for
each finished batch a record and its manifest rows under `batches/`. The record is written last:
a batch is finished when its record is there. The corpus in DIR itself is touched only at the
end of a run, by renames, so a corpus that is being extended stays usable meanwhile.

Each attempt to make a batch writes into a folder of its own under `attempts/`, and gives the files
their places by renames. So two attempts at one batch, of a machine that was taken for dead and of
another one, do not write into each other's files; they have the same bytes, and either counts.
"""

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gridkit.corpus.records import Clip, ManifestRow
from gridkit.errors import CorpusError
from gridkit.storage.objects import ObjectFolder
from gridkit.store.corpus_file import STATE_FOLDER
from gridkit.store.files import file_sha256, move_file, read_file, write_file
from gridkit.store.manifest import read_manifest, write_manifest
from gridkit.store.shards import write_shard

PIPELINE_VERSION = 1
"""Raised when the same source would give other pixels, samples or figures than before."""


@dataclass(frozen=True)
class BatchKey:
    """Hashes of all that decides a batch's bytes, by what has to be made again if it changes."""

    tracking: str
    """Source clips, alignments, landmark model, version of the pipeline: all is made again."""
    crops: Mapping[str, str]
    """Profile name to hash of its definition and codec: that crop is made again."""
    splits: str
    """Subsets of the clips, layout of the columns: these are written again, nothing is decoded."""

    def __str__(self) -> str:
        crops = ",".join(f"{name}={digest}" for name, digest in sorted(self.crops.items()))
        return f"{self.tracking};{crops};{self.splits}"

    @classmethod
    def parse(cls, text: str) -> "BatchKey":
        """Return the key that was written as `text`."""
        tracking, crops, splits = text.split(";")
        pairs = (pair.split("=") for pair in crops.split(",") if pair)
        return cls(tracking, dict(pairs), splits)


@dataclass(frozen=True)
class Record:
    """That a batch is finished: all that a worker says of it."""

    shard: str
    """Path inside the corpus, `data/s1-00000.parquet`."""
    key: BatchKey
    kept: int
    bytes: int
    """Of the shard; 0 where no clip of it was kept, and there is none."""
    sha256: str | None
    """Of the shard."""
    etag: str | None = None
    """Of the shard on an object store."""

    def to_json(self) -> str:
        """Return the record as it is written."""
        entries = {"key": str(self.key), "kept": self.kept, "bytes": self.bytes}
        etag = {} if self.etag is None else {"etag": self.etag}
        return json.dumps({**entries, "sha256": self.sha256, **etag})

    @classmethod
    def parse(cls, shard: str, text: str) -> "Record":
        """Return the record that was written as `text`."""
        entries = json.loads(text)
        key = BatchKey.parse(entries["key"])
        known = (entries["kept"], entries["bytes"], entries["sha256"], entries.get("etag"))
        return cls(shard, key, *known)


@dataclass(frozen=True)
class FinishedBatch:
    """A batch as it is on disk, with its rows."""

    shard: str
    """Path inside the corpus, `data/s1-00000.parquet`."""
    key: BatchKey
    described: Sequence[ManifestRow] | Path
    """Its rows, or the file that has them: thousands of batches wait for the end of a run."""
    file: Path | None
    """Its shard; None where no clip of it was kept."""
    sha256: str | None
    bytes: int
    kept: int

    @property
    def has_rows(self) -> bool:
        """Whether its rows can be read."""
        try:
            return self.rows is not None
        except CorpusError:
            return False

    @property
    def rows(self) -> Sequence[ManifestRow]:
        """What became of its source clips.

        Raises:
            CorpusError: the file is missing or damaged.
        """
        rows = self.described
        return read_manifest(rows) if isinstance(rows, Path) else rows


class Journal:
    """The state folder of one run.

    Args:
        corpus: folder of the corpus.
        objects: where a corpus on an object store is made. Shards go there at once, under the names
            they keep; rows and record follow, and are in the folder as well.
    """

    def __init__(self, corpus: Path, objects: ObjectFolder | None = None):
        self.corpus = corpus
        self.folder = corpus / STATE_FOLDER
        self.objects = objects

    def commit(
        self,
        shard: str,
        key: BatchKey,
        clips: Sequence[Clip],
        rows: Sequence[ManifestRow],
        split_names: Sequence[str],
    ) -> Record:
        """Write a batch's shard, its manifest rows and, last, its record."""
        attempt = new_attempt(self.corpus)
        places = {}
        info = None
        if clips:
            info = write_shard(
                attempt / "shard",
                clips,
                {row.id: row.splits for row in rows if row.id is not None},
                profiles=tuple(key.crops),
                split_names=split_names,
            )
        write_manifest(attempt / "rows", rows, split_names)
        size, sha256 = (info.bytes, info.sha256) if info else (0, None)
        etag = None
        if clips and self.objects is not None:
            etag = self.objects.write(shard, read_file(attempt / "shard"))
            (attempt / "shard").unlink()
        elif clips:
            places["shard"] = self.folder / shard
        record = Record(shard, key, len(clips), size, sha256, etag)
        write_file(attempt / "record", record.to_json().encode())
        places |= {"rows": self._rows_file(shard), "record": self._record_file(shard)}
        for name, place in places.items():
            if self.objects is not None:
                stored = place.relative_to(self.corpus).as_posix()
                self.objects.write(stored, read_file(attempt / name))
            move_file(attempt / name, place)
        attempt.rmdir()
        return record

    def adopt(self, batch: FinishedBatch, split_names: Sequence[str]) -> Record:
        """Write the rows and the record of a batch whose shard is in the corpus already."""
        write_manifest(self._rows_file(batch.shard), batch.rows, split_names)
        record = Record(batch.shard, batch.key, batch.kept, batch.bytes, batch.sha256)
        write_file(self._record_file(batch.shard), record.to_json().encode())
        return record

    def record(self, shard: str) -> Record | None:
        """Return the record of a batch; None where there is none, or a damaged one."""
        try:
            return Record.parse(shard, self._record_file(shard).read_text())
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def is_made(self, shard: str, key: BatchKey) -> Record | None:
        """Return the record of a batch that is there with this key, such as of another attempt."""
        record = self.record(shard)
        if record is None or record.key != key:
            return None
        return record if self.finished(shard) is not None else None

    def finished(self, shard: str) -> FinishedBatch | None:
        """Return a batch that an earlier, unfinished run finished; None where there is none.

        Its shard is in the state folder, or in the corpus where a run died while moving it there.
        """
        record = self.record(shard)
        if record is None:
            return None
        batch = self.with_rows(record)
        if not batch.has_rows:
            return None
        if record.sha256 is None or (self.objects is not None and batch.file is not None):
            return batch
        if batch.file is None or file_sha256(batch.file) != record.sha256:
            return None
        return batch

    def with_rows(self, record: Record) -> FinishedBatch:
        """Return a batch with its rows; its shard is found by its size, where it has one.

        One on an object store is found by its etag; its `file` is the place that it would have.
        """
        return FinishedBatch(
            record.shard,
            record.key,
            self._rows_file(record.shard),
            self._shard_file(record) if record.sha256 is not None else None,
            record.sha256,
            record.bytes,
            record.kept,
        )

    @cached_property
    def _etags(self) -> Mapping[str, str]:
        """The shards on the object store, as they were when this was asked for first."""
        assert self.objects is not None
        return {entry.name: entry.etag for entry in self.objects.list("data")}

    def close(self) -> None:
        """Remove the state folder: the corpus holds everything now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _shard_file(self, record: Record) -> Path | None:
        if self.objects is not None:
            there = self._etags.get(record.shard) == record.etag
            return self.corpus / record.shard if there else None
        places = (self.folder / record.shard, self.corpus / record.shard)
        found = (p for p in places if p.is_file() and p.stat().st_size == record.bytes)
        return next(found, None)

    def _record_file(self, shard: str) -> Path:
        return self.folder / "batches" / f"{Path(shard).stem}.json"

    def _rows_file(self, shard: str) -> Path:
        return self.folder / "batches" / f"{Path(shard).stem}.parquet"


def new_attempt(corpus: Path) -> Path:
    """Return a folder that no one else writes into, for files on their way to their places."""
    return corpus / STATE_FOLDER / "attempts" / uuid.uuid4().hex
