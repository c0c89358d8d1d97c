"""Counts of a corpus, from its manifest rows and splits. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gridkit.corpus.codes import speaker_order
from gridkit.corpus.records import ManifestRow, Status
from gridkit.corpus.splits import SUBSETS, Split
from gridkit.store.corpus_file import Counts, SpeakerCounts, SplitEntry, SubsetEntry


def count_rows(rows: Iterable[ManifestRow]) -> Counts:
    """Return what became of the source clips."""
    found: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    clips = 0
    for row in rows:
        clips += 1
        if row.speaker is not None:
            found[row.speaker] += 1
            kept[row.speaker] += row.status is Status.KEPT
        if row.status is Status.KEPT:
            flags.update(map(str, row.flags))
        else:
            rejected[str(row.reason)] += 1
    speakers = sorted(found, key=speaker_order)
    return Counts(
        found=clips,
        kept=clips - rejected.total(),
        rejected=dict(sorted(rejected.items())),
        flags=dict(sorted(flags.items())),
        speakers={name: SpeakerCounts(found[name], kept[name]) for name in speakers},
    )


def split_entries(splits: Sequence[Split], rows: Iterable[ManifestRow]) -> Mapping[str, SplitEntry]:
    """Return each split's definition with the number of kept clips that are here."""
    kept = [row.id for row in rows if row.status is Status.KEPT and row.id is not None]
    return {split.name: _split_entry(split, kept) for split in splits}


def subsets_by_id(splits: Sequence[Split], ids: Iterable[str]) -> dict[str, dict[str, str | None]]:
    """Return clip id to split name to subset, as shards and manifest store it."""
    return {clip: {split.name: split.subset_of.get(clip) for split in splits} for clip in ids}


def _split_entry(split: Split, kept: Sequence[str]) -> SplitEntry:
    here = Counter(split.subset_of.get(clip) for clip in kept)
    return SplitEntry(
        split.description,
        split.unseen_speakers,
        {
            name: SubsetEntry(count, split.sha256(name), here[name])
            for name, count in split.counts().items()
            if name in SUBSETS
        },
    )
