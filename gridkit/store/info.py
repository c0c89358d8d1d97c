"""A prepared corpus at a glance: what it is, how large, and what is worth knowing before use."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from gridkit.corpus.records import Flag
from gridkit.storage.objects import ObjectFolder
from gridkit.store.corpus_file import STATE_FOLDER, CorpusFile
from gridkit.store.landmarks_file import read_landmarks_file
from gridkit.store.parquet import read_footer
from gridkit.store.reader import open_corpus

FOOTERS_AT_ONCE = 16
"""Shards on an object store that are asked for their footers at the same time."""
FLAG_MEANINGS: dict[str, str] = {
    Flag.BLANK_FRAMES: "some frames have no picture",
    Flag.INTERPOLATED: "no face found in some frames; landmarks are interpolated",
    Flag.MANY_FACES: "more than one face in a frame; the largest, most central is used",
    Flag.LOW_FIT: "the landmarks fit badly somewhere",
    Flag.AUDIO_SHORT: "the sound ends early; padded with silence",
    Flag.CLIPPED: "samples at full scale",
    Flag.BAD_PACKETS: "damaged packets were skipped",
    Flag.REPEATED_FRAMES: "an encoder dropped pictures; the ones before them are repeated",
}


@dataclass(frozen=True)
class CorpusInfo:
    """What `gridkit info` shows."""

    file: CorpusFile
    landmarks: dict[str, str]
    """Description of the landmark model."""
    total_bytes: int
    """All shards."""
    column_bytes: dict[str, int]
    """Column to its bytes in the shards, largest first; columns without media are `other`."""
    notes: tuple[str, ...]
    """What is worth knowing, one line each."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return asdict(self)


def corpus_info(folder: Path, objects: ObjectFolder | None = None) -> CorpusInfo:
    """Describe a prepared corpus; reads `corpus.json` and the shards' footers.

    Args:
        folder: the corpus.
        objects: where its shards lie on an object store; the folder has everything else.

    Raises:
        CorpusError: the folder is not a prepared corpus, or is unfinished, or a newer gridkit
            made it; or a file of it is missing or damaged.
    """
    file = open_corpus(folder).file
    return CorpusInfo(
        file=file,
        landmarks=read_landmarks_file(folder),
        total_bytes=sum(entry.bytes for entry in file.shards.values()),
        column_bytes=_column_bytes(folder, file, objects),
        notes=tuple(_notes(folder, file)),
    )


def _column_bytes(folder: Path, file: CorpusFile, objects: ObjectFolder | None) -> dict[str, int]:
    """Return the compressed bytes of each large column, from the shards' footers."""

    def sizes_in(shard: str) -> Counter[str]:
        read_end = None if objects is None else partial(objects.read_end, shard)
        return _sizes(read_footer(folder / shard, read_end))

    sizes: Counter[str] = Counter()
    with ThreadPoolExecutor(1 if objects is None else FOOTERS_AT_ONCE) as pool:
        for of_shard in pool.map(sizes_in, file.shards):
            sizes.update(of_shard)
    return dict(sizes.most_common())


def _sizes(metadata: pq.FileMetaData) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            name = column.path_in_schema.partition(".")[0]
            large = name.startswith("crop_") or name in ("audio", "landmarks")
            sizes[name if large else "other"] += column.total_compressed_size
    return sizes


def _notes(folder: Path, file: CorpusFile) -> Iterator[str]:
    if (folder / STATE_FOLDER).is_dir():
        yield "another run in this folder is not finished: give its command again"
    if file.synthetic:
        yield "synthetic: no person speaks here; figures on it say nothing about real speech"
    yield from file.source_notes
    if file.settings.get("ignored_files"):
        yield f"{file.settings['ignored_files']} files of the source are not clips or alignments"
    for flag, count in file.counts.flags.items():
        meaning = FLAG_MEANINGS.get(flag, "unknown to this gridkit")
        yield f"{count} of {file.counts.kept} clips are {flag}: {meaning}"
    for pair, count in file.misfiled_alignments.items():
        yield f"{count} alignments were in another speaker's folder ({pair}); joined by code"
    for name, entry in file.splits.items():
        here = {subset: figures.here for subset, figures in entry.subsets.items()}
        if any(here.values()) and not all(here.values()):
            empty = ", ".join(subset for subset, count in here.items() if not count)
            yield f"split {name} has no clip here in {empty}"
