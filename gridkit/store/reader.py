"""A prepared corpus for reading: typed, a few rows at a time.

>>> corpus = open_corpus(folder)                                          # doctest: +SKIP
>>> for clip in corpus.clips("s1", "test", profiles=["mouth96"]):         # doctest: +SKIP
...     print(clip.id, clip.text)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gridkit.corpus.records import Clip, ManifestRow
from gridkit.corpus.splits import SUBSETS, Split, builtin_splits
from gridkit.errors import CorpusError
from gridkit.store.corpus_file import CorpusFile, read_corpus_file
from gridkit.store.manifest import MANIFEST_NAME, Manifest, read_manifest, source_ids
from gridkit.store.parquet import ROWS_PER_BATCH, read_batches, read_row
from gridkit.store.schema import crop_column, split_column
from gridkit.store.shards import RECORD_COLUMNS, clips_of, read_clip


@dataclass(frozen=True)
class Corpus:
    """A finished corpus; nothing is read before it is asked for."""

    folder: Path
    file: CorpusFile

    @cached_property
    def manifest(self) -> Manifest:
        """A row for every source clip, by source path."""
        return read_manifest(self.folder / MANIFEST_NAME)

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        """The corpus's splits by their definitions; an imported one as its clips here have it."""
        return splits_of(self.file, self.manifest)

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        split: str | None = None,
        subset: str | None = None,
        rows: int = ROWS_PER_BATCH,
    ) -> Iterator[pa.RecordBatch]:
        """Read rows as Arrow batches, shard by shard.

        Args:
            columns: which to read; None for all.
            split: only clips of this split, of any subset.
            subset: only clips of this subset of the split.
            rows: the most rows per batch.

        Raises:
            CorpusError: no such split, subset or column, or a shard is missing or damaged.
        """
        subsets = self._subsets(split, subset)
        for shard in self._shards(split, subsets):
            path = self.folder / shard
            if split is None:
                yield from read_batches(path, columns, rows)
                continue
            column = split_column(split)
            read = None if columns is None else list(dict.fromkeys([*columns, column]))
            for batch in read_batches(path, read, rows):
                chosen = batch.filter(pc.is_in(batch.column(column), pa.array(subsets)))
                if chosen.num_rows:
                    yield chosen if columns is None else chosen.select(list(columns))

    def clips(
        self,
        split: str | None = None,
        subset: str | None = None,
        *,
        profiles: Sequence[str] | None = None,
    ) -> Iterator[Clip]:
        """Read clips as records, by speaker and code.

        Args:
            split: only clips of this split, of any subset.
            subset: only clips of this subset of the split.
            profiles: whose crops to read; None for all. Others are not read from the disk.

        Raises:
            CorpusError: no such split, subset or profile, or a shard is missing or damaged.
        """
        names = tuple(self.file.profiles) if profiles is None else tuple(profiles)
        self.check_profiles(names)
        columns = [*RECORD_COLUMNS, *map(crop_column, names)]
        for batch in self.batches(columns, split=split, subset=subset):
            yield from clips_of(batch)

    def check_profiles(self, names: Sequence[str]) -> None:
        """Check that the corpus has crops.

        Raises:
            CorpusError: it lacks one.
        """
        lacking = [name for name in names if name not in self.file.profiles]
        if lacking:
            raise CorpusError(
                f"{self.folder} has no crop {', '.join(lacking)} "
                f"(it has {', '.join(self.file.profiles) or 'none'}); add it: "
                f"gridkit prepare {self.folder} --crop {lacking[0]}"
            )

    def row(self, clip: str, columns: Sequence[str]) -> dict[str, Any]:
        """Read columns of one kept clip by its id, from its row group alone.

        Raises:
            CorpusError: no such clip, or its shard is missing or damaged.
        """
        shard, row = self._place(clip)
        return read_row(self.folder / shard, row, columns)

    def clip(self, clip: str) -> Clip:
        """Read one kept clip by its id as a record, with all its crops.

        Raises:
            CorpusError: no such clip, or its shard is missing or damaged.
        """
        shard, row = self._place(clip)
        return read_clip(self.folder / shard, row, tuple(self.file.profiles))

    def holds(self, clip: object) -> bool:
        """Tell whether a clip is kept here, by its id."""
        return isinstance(clip, str) and clip in self._places

    def _place(self, clip: str) -> tuple[str, int]:
        if clip not in self._places:
            raise CorpusError(f"{self.folder} keeps no clip {clip}")
        place = self._places[clip]
        return self._kept.column("shard")[place].as_py(), self._kept.column("row")[place].as_py()

    @cached_property
    def _kept(self) -> pa.Table:
        return self.manifest.kept(["id", "shard", "row"]).drop_null().combine_chunks()

    @cached_property
    def _places(self) -> dict[str, int]:
        """Clip to its place in `_kept`: a number is small, and there may be a million."""
        return {clip: place for place, clip in enumerate(self._kept.column("id").to_pylist())}

    def _subsets(self, split: str | None, subset: str | None) -> tuple[str, ...]:
        if split is not None and split not in self.file.splits:
            raise CorpusError(
                f"{self.folder} has no split {split!r}; it has {', '.join(self.file.splits)}"
            )
        if subset is not None and (split is None or subset not in SUBSETS):
            raise CorpusError(f"no subset {subset!r} of a split; it is one of {', '.join(SUBSETS)}")
        return SUBSETS if subset is None else (subset,)

    def _shards(self, split: str | None, subsets: Sequence[str]) -> list[str]:
        """Return the shards with such clips, in the order of `corpus.json`."""
        if split is None:
            return list(self.file.shards)
        chosen = pc.is_in(self.manifest.subsets(split), pa.array(subsets))
        having = set(pc.unique(self.manifest.table.column("shard").filter(chosen)).to_pylist())
        return [shard for shard in self.file.shards if shard in having]


def open_corpus(folder: Path) -> Corpus:
    """Open a prepared corpus.

    Raises:
        CorpusError: the folder is not a prepared corpus, or is unfinished, or a newer gridkit
            made it.
    """
    return Corpus(folder, read_corpus_file(folder))


def splits_of(file: CorpusFile, rows: Iterable[ManifestRow]) -> tuple[Split, ...]:
    """Return the splits a corpus names: built-in ones by definition, imported ones by its rows."""
    manifest = Manifest.of(rows)
    builtin = {split.name: split for split in builtin_splits(source_ids(manifest))}
    return tuple(
        builtin[name]
        if name in builtin
        else Split(name, _subsets_here(manifest, name), entry.unseen_speakers, entry.description)
        for name, entry in file.splits.items()
    )


def _subsets_here(manifest: Manifest, split: str) -> dict[str, str]:
    """Return the kept clips of a split with their subsets."""
    column = split_column(split)
    if column not in manifest.table.schema.names:
        return {}
    here = manifest.kept(["id", column]).drop_null()
    return dict(zip(*(values.to_pylist() for values in here.columns), strict=True))
