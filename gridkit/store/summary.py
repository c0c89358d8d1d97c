"""Counts of a corpus, from its manifest rows and splits. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pyarrow.compute as pc

from gridkit.corpus.codes import speaker_order
from gridkit.corpus.records import ManifestRow
from gridkit.corpus.splits import SUBSETS, Split, hash_ids
from gridkit.store.corpus_file import Counts, SpeakerCounts, SplitEntry, SubsetEntry
from gridkit.store.manifest import Manifest, counted


def count_rows(rows: Iterable[ManifestRow]) -> Counts:
    """Return what became of the source clips."""
    manifest = Manifest.of(rows)
    table = manifest.table
    reasons = counted(table.column("reason").filter(pc.invert(manifest.is_kept)))
    rejected = {str(reason): clips for reason, clips in reasons.items()}
    here = manifest.kept(["speaker", "flags"])
    flags = counted(pc.list_flatten(here.column("flags")))
    found = counted(table.column("speaker").drop_null())
    kept = counted(here.column("speaker"))
    speakers = sorted(found, key=speaker_order)
    return Counts(
        found=len(manifest),
        kept=len(manifest) - sum(rejected.values()),
        rejected=dict(sorted(rejected.items())),
        flags=dict(sorted(flags.items())),
        speakers={name: SpeakerCounts(found[name], kept.get(name, 0)) for name in speakers},
    )


def split_entries(splits: Sequence[Split], rows: Iterable[ManifestRow]) -> Mapping[str, SplitEntry]:
    """Return each split's definition with the number of kept clips that are here."""
    kept = Manifest.of(rows).kept(["id"]).column("id").drop_null().to_pylist()
    return {split.name: _split_entry(split, kept) for split in splits}


def subsets_by_id(splits: Sequence[Split], ids: Iterable[str]) -> dict[str, dict[str, str | None]]:
    """Return clip id to split name to subset, as shards and manifest store it."""
    return {clip: {split.name: split.subset_of.get(clip) for split in splits} for clip in ids}


def _split_entry(split: Split, kept: Sequence[str]) -> SplitEntry:
    here = Counter(split.subset_of.get(clip) for clip in kept)
    subsets = {}
    for name in SUBSETS:
        ids = split.ids(name)
        subsets[name] = SubsetEntry(len(ids), hash_ids(ids), here[name])
    return SplitEntry(split.description, split.unseen_speakers, subsets)
