"""Decide, before anything is decoded, what becomes of each source clip and which shard holds it.

Shard k of a speaker holds that speaker's clips 100k to 100k+99 by code: fixed here, so that it
depends neither on the order of work nor on which clips are broken.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gridkit.corpus.codes import speaker_order
from gridkit.corpus.records import ManifestRow, Reason, Status
from gridkit.errors import InputError
from gridkit.media.decode import probe_size
from gridkit.prepare.alignments import join_alignment, speakers_by_code, usable
from gridkit.prepare.clip import Task
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.sources import Source, SourceFile, Unseen
from gridkit.prepare.speakers import ClipName, Found, UnknownClip, identify

CLIPS_PER_SHARD = 100


@dataclass(frozen=True)
class Batch:
    """The clips of one shard that are worth decoding, by code."""

    shard: str
    """Path inside the corpus, `data/s1-00000.parquet`."""
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Plan:
    """What a run will do; every source clip is in `batches` or in `rejected`."""

    batches: tuple[Batch, ...]
    rejected: tuple[ManifestRow, ...]
    misfiled_alignments: Mapping[str, int]
    """`s5 <- s6` to how many alignments of s5 were in the folder of s6."""
    notes: tuple[str, ...] = ()
    """What a person should know of the source, a sentence each."""
    unlisted_folders: tuple[str, ...] = ()
    """Folders of the source that could not be listed."""

    @property
    def clips(self) -> int:
        """How many source clips there are."""
        return len(self.rejected) + sum(len(batch.tasks) for batch in self.batches)

    @property
    def ids(self) -> frozenset[str]:
        """Every id that occurs in the source, kept or not."""
        planned = {task.id for batch in self.batches for task in batch.tasks}
        return frozenset(planned | {row.id for row in self.rejected if row.id is not None})


def make_plan(
    source: Source,
    source_name: str,
    speakers: Collection[str] = (),
    alignment_units_per_s: int | None = None,
) -> Plan:
    """Plan a run.

    Args:
        source: what `scan` found.
        source_name: name of the source folder, the speaker of clips directly in it.
        speakers: which speakers; empty for all.
        alignment_units_per_s: of the times in alignments, where a person gave them.

    Raises:
        InputError: one of the speakers has no clip, or there is no alignment at all.
    """
    if not source.alignments and not source.named_alignments:
        raise InputError(
            "no alignment (.align) in the source; name the archive or folder that holds them "
            "with --alignments"
        )
    identified = identify(source.clips, source_name)
    found = identified.found
    sayers = speakers_by_code(who for _, who in found)
    if speakers:
        found = _select(found, speakers)
    unseen = [_not_looked_into(place) for place in source.unseen]
    rejected = [_rejected(file, who) for file, who in found if isinstance(who, UnknownClip)]
    named = [_Named(file, who) for file, who in found if isinstance(who, ClipName)]
    chosen, duplicates = _without_duplicates(named)
    batches: list[Batch] = []
    misfiled: Counter[str] = Counter()
    from_named = beaten = 0
    for shard, members in _shards(chosen):
        tasks = []
        for file, name in members:
            candidates = source.alignments.get(name.code, ())
            named_ones = source.named_alignments.get(name.code, ())
            is_named = bool(usable(name, named_ones, sayers[name.code]))
            if is_named:
                from_named, beaten = from_named + 1, beaten + bool(candidates)
                candidates = named_ones
            joined = join_alignment(name, candidates, sayers[name.code], alignment_units_per_s)
            if isinstance(joined, Rejection):
                rejected.append(_rejected_clip(file, name, joined.reason, joined.detail))
                continue
            if joined.folder_speaker not in (None, name.speaker):
                misfiled[f"{name.speaker} <- {joined.folder_speaker}"] += 1
            tasks.append(Task(file, name.speaker, name.code, joined.words))
        if tasks:
            batches.append(Batch(shard, tuple(tasks)))
    named_note = (_named_note(from_named, beaten, len(chosen)),) if source.named_alignments else ()
    return Plan(
        tuple(batches),
        (*rejected, *duplicates, *unseen),
        dict(sorted(misfiled.items())),
        identified.notes + named_note + _unseen_notes(source.unseen),
        tuple(place.key for place in source.unseen if place.is_folder),
    )


def _named_note(clips: int, beaten: int, all_clips: int) -> str:
    return (
        f"--alignments has the words of {clips} of {all_clips} clips, and counts for them; "
        f"{beaten} of these have alignments in the source too, which are not used"
    )


def _unseen_notes(unseen: Sequence[Unseen]) -> tuple[str, ...]:
    by_why: dict[str, list[str]] = defaultdict(list)
    for place in unseen:
        by_why[place.why].append(place.key)
    return tuple(
        f"not looked into, {why}: {' '.join(keys[:5])}"
        + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
        for why, keys in sorted(by_why.items())
    )


class _Named(NamedTuple):
    file: SourceFile
    name: ClipName


def _select(found: Sequence[Found], speakers: Collection[str]) -> tuple[Found, ...]:
    selected = tuple(clip for clip in found if clip.who.speaker in speakers)
    missing = set(speakers) - {who.speaker for _, who in selected}
    if missing:
        there = {who.speaker for _, who in found if who.speaker}
        raise InputError(
            f"no clip of {' '.join(sorted(missing, key=speaker_order))} in the source; "
            f"it has {' '.join(sorted(there, key=speaker_order))}"
        )
    return selected


def _without_duplicates(named: Sequence[_Named]) -> tuple[list[_Named], list[ManifestRow]]:
    """Keep one file per id: the smaller picture, then the first path."""
    by_id: dict[str, list[_Named]] = defaultdict(list)
    for clip in named:
        by_id[clip.name.id].append(clip)
    chosen: list[_Named] = []
    duplicates: list[ManifestRow] = []
    for clips in by_id.values():
        first, *others = sorted(clips, key=_preference) if len(clips) > 1 else clips
        chosen.append(first)
        detail = f"the same clip as {first.file.key}"
        duplicates += [
            _rejected_clip(file, name, Reason.DUPLICATE, detail) for file, name in others
        ]
    return chosen, duplicates


def _preference(clip: _Named) -> tuple[float, str]:
    try:
        width, height = probe_size(clip.file.read())
    except (InputError, OSError):
        return float("inf"), clip.file.key
    return width * height, clip.file.key


def _shards(chosen: Sequence[_Named]) -> Iterator[tuple[str, list[_Named]]]:
    by_speaker: dict[str, list[_Named]] = defaultdict(list)
    for clip in chosen:
        by_speaker[clip.name.speaker].append(clip)
    for speaker in sorted(by_speaker, key=speaker_order):
        clips = sorted(by_speaker[speaker], key=lambda clip: clip.name.code)
        for number, start in enumerate(range(0, len(clips), CLIPS_PER_SHARD)):
            yield f"data/{speaker}-{number:05d}.parquet", clips[start : start + CLIPS_PER_SHARD]


def _not_looked_into(place: Unseen) -> ManifestRow:
    reason = Reason.NOT_LOOKED_INTO
    return ManifestRow(place.key, None, None, None, Status.REJECTED, reason, place.why)


def _rejected(file: SourceFile, who: UnknownClip) -> ManifestRow:
    return ManifestRow(
        file.key, None, who.speaker, who.code, Status.REJECTED, who.reason, who.detail
    )


def _rejected_clip(file: SourceFile, name: ClipName, reason: Reason, detail: str) -> ManifestRow:
    return ManifestRow(file.key, name.id, name.speaker, name.code, Status.REJECTED, reason, detail)
