"""What a run has finished, on disk, so that a killed run resumes and a second one is quick.

While a run works, everything new is in `DIR/.gridkit`: finished shards under `data/`, and for
each finished batch a record and its manifest rows under `batches/`. The record is written last:
a batch is finished when its record is there. The corpus in DIR itself is touched only at the
end of a run, by renames, so a corpus that is being extended stays usable meanwhile.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridkit.corpus.records import Clip, ManifestRow
from gridkit.store.corpus_file import STATE_FOLDER
from gridkit.store.files import file_sha256, write_file
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
class FinishedBatch:
    """A batch as it is on disk."""

    shard: str
    """Path inside the corpus, `data/s1-00000.parquet`."""
    key: BatchKey
    rows: tuple[ManifestRow, ...]
    """What became of its source clips."""
    file: Path | None
    """Its shard; None where no clip of it was kept."""
    sha256: str | None
    bytes: int
    kept: int


class Journal:
    """The state folder of one run."""

    def __init__(self, corpus: Path):
        self.corpus = corpus
        self.folder = corpus / STATE_FOLDER

    def commit(
        self,
        shard: str,
        key: BatchKey,
        clips: Sequence[Clip],
        rows: Sequence[ManifestRow],
        split_names: Sequence[str],
    ) -> FinishedBatch:
        """Write a batch's shard, its manifest rows and, last, its record."""
        info = None
        if clips:
            info = write_shard(
                self.folder / shard,
                clips,
                {row.id: row.splits for row in rows if row.id is not None},
                profiles=tuple(key.crops),
                split_names=split_names,
            )
        write_manifest(self._rows_file(shard), rows, split_names)
        finished = FinishedBatch(
            shard,
            key,
            tuple(rows),
            info.path if info else None,
            info.sha256 if info else None,
            info.bytes if info else 0,
            len(clips),
        )
        record = {"key": str(key), "kept": len(clips), "bytes": finished.bytes}
        record["sha256"] = finished.sha256
        write_file(self._record_file(shard), json.dumps(record).encode())
        return finished

    def finished(self, shard: str) -> FinishedBatch | None:
        """Return a batch that an earlier, unfinished run finished; None where there is none.

        Its shard is in the state folder, or in the corpus where a run died while moving it there.
        """
        try:
            record = json.loads(self._record_file(shard).read_text())
        except FileNotFoundError:
            return None
        file = None
        if record["sha256"] is not None:
            file = next(
                (
                    place
                    for place in (self.folder / shard, self.corpus / shard)
                    if place.is_file() and file_sha256(place) == record["sha256"]
                ),
                None,
            )
            if file is None:
                return None
        return FinishedBatch(
            shard,
            BatchKey.parse(record["key"]),
            read_manifest(self._rows_file(shard)),
            file,
            record["sha256"],
            record["bytes"],
            record["kept"],
        )

    def close(self) -> None:
        """Remove the state folder: the corpus holds everything now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _record_file(self, shard: str) -> Path:
        return self.folder / "batches" / f"{Path(shard).stem}.json"

    def _rows_file(self, shard: str) -> Path:
        return self.folder / "batches" / f"{Path(shard).stem}.parquet"
