"""Checks of single clips and of what a corpus says of itself. Pure: records in, findings out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from gridkit.corpus.alignment import EARLIEST_END_S
from gridkit.corpus.codes import SPEAKERS, clip_id, speaker_of
from gridkit.corpus.grammar import is_code, text_of, words_of
from gridkit.corpus.records import (
    AUDIO_SAMPLES,
    CLIP_S,
    FRAMES,
    SAMPLE_RATE_HZ,
    Flag,
    ManifestRow,
    Status,
)
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES, Split, check_leaks
from gridkit.errors import MediaError, SplitError, printable
from gridkit.media.codecs import decode_crop, decode_flac
from gridkit.store.corpus_file import CORPUS_NAME, CorpusFile, SplitEntry
from gridkit.store.manifest import MANIFEST_NAME
from gridkit.store.schema import crop_column, shard_speaker, split_column
from gridkit.store.summary import count_rows, split_entries

UNIT_AGAIN = "give the gridkit prepare command again, with --alignment-unit"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    where: str
    """File inside the corpus, or clip."""
    what: str

    def __str__(self) -> str:
        return printable(f"{self.where}: {self.what}")


def check_row(row: Mapping[str, Any], shard: str) -> Iterator[str]:
    """Yield what is wrong with the plain columns of a shard's row."""
    speaker, code = row["speaker"], row["code"]
    if not is_code(code or ""):
        yield f"code {code!r} is not a GRID sentence"
        return
    if row["id"] != clip_id(speaker, code):
        yield f"id does not fit speaker {speaker!r} and code {code!r}"
    is_someone_elses = speaker in SPEAKERS and speaker_of(code) != speaker
    if speaker != shard_speaker(shard) or is_someone_elses:
        yield f"speaker {speaker!r} does not belong in {shard}, or does not say {code}"
    if row["text"] != text_of(code):
        yield f"text {row['text']!r}, but the code says {text_of(code)!r}"
    yield from _check_words(row["words"] or (), code)
    unknown = [flag for flag in row["flags"] or () if flag not in set(Flag)]
    if unknown:
        yield f"unknown flag {', '.join(unknown)}"


def _check_words(words: Sequence[Mapping[str, Any]], code: str) -> Iterator[str]:
    spoken = tuple(word["word"] for word in words)
    if spoken != words_of(code):
        yield f"words {' '.join(map(str, spoken))!r}, but the code says {text_of(code)!r}"
    end_s = 0.0
    for word in words:
        if not end_s <= word["start_s"] < word["end_s"] <= CLIP_S:
            yield (
                f"word {word['word']!r} from {word['start_s']} to {word['end_s']} s: out of order, "
                "without length, or outside the clip"
            )
        end_s = word["end_s"]
    if words and end_s < EARLIEST_END_S:
        yield f"the sentence ends at {end_s:.3f} s: its alignment has another unit; {UNIT_AGAIN}"


def check_media(row: Mapping[str, Any], profiles: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Decode a row's sound and crops, and yield what is wrong with them."""
    yield from _check_audio(row["audio"])
    for name, profile in profiles.items():
        yield from _check_crop(row[crop_column(name)], name, profile)


def _check_audio(audio: Mapping[str, Any] | None) -> Iterator[str]:
    try:
        samples, rate_hz = decode_flac((audio or {}).get("bytes") or b"")
    except MediaError as error:
        yield f"audio: {error}"
        return
    if samples.shape != (AUDIO_SAMPLES,) or rate_hz != SAMPLE_RATE_HZ:
        yield (
            f"audio: {samples.shape} samples at {rate_hz} Hz, "
            f"expected {AUDIO_SAMPLES}, mono, at {SAMPLE_RATE_HZ} Hz"
        )


def _check_crop(
    crop: Mapping[str, Any] | None, name: str, profile: Mapping[str, Any]
) -> Iterator[str]:
    try:
        luma = decode_crop((crop or {}).get("bytes") or b"").luma
    except MediaError as error:
        yield f"{crop_column(name)}: {error}"
        return
    expected = (FRAMES, profile["height_px"], profile["width_px"])
    if luma.shape != expected:
        yield f"{crop_column(name)}: frames, height, width {luma.shape}, expected {expected}"


def check_manifest(
    file: CorpusFile, rows: Sequence[ManifestRow], definitions: Sequence[Split]
) -> Iterator[Finding]:
    """Yield where a manifest contradicts itself or `corpus.json`."""
    paths = Counter(row.source_path for row in rows)
    for path in (path for path, count in paths.items() if count > 1):
        yield Finding(MANIFEST_NAME, f"{path} has {paths[path]} rows")
    ids = Counter(row.id for row in rows if row.status is Status.KEPT)
    for clip in (clip for clip, count in ids.items() if count > 1):
        yield Finding(MANIFEST_NAME, f"{clip} is kept {ids[clip]} times")
    for row in rows:
        kept = row.status is Status.KEPT
        if kept != (row.reason is None) or kept != (row.shard is not None):
            yield Finding(
                MANIFEST_NAME,
                f"{row.source_path} is {row.status}, with reason {row.reason} and "
                f"shard {row.shard}",
            )
        elif kept and row.shard not in file.shards:
            yield Finding(MANIFEST_NAME, f"{row.id} points at {row.shard}, which is not listed")
        yield from check_subsets(MANIFEST_NAME, row, definitions)
    yield from check_counts(file, rows, definitions)


def check_subsets(where: str, row: ManifestRow, definitions: Sequence[Split]) -> Iterator[Finding]:
    """Yield the splits where a kept row differs from the definition."""
    for split in definitions:
        stored, defined = row.splits.get(split.name), split.subset_of.get(row.id or "")
        if row.status is Status.KEPT and stored != defined:
            yield Finding(
                where,
                f"{row.id} has {split_column(split.name)} {stored or 'null'}, "
                f"by definition {defined or 'null'}",
            )


def check_counts(
    file: CorpusFile, rows: Sequence[ManifestRow], definitions: Sequence[Split]
) -> Iterator[Finding]:
    """Yield the counts of `corpus.json` that differ from the manifest."""
    listed, counted = asdict(file.counts), asdict(count_rows(rows))
    for name in (name for name in listed if listed[name] != counted[name]):
        yield Finding(
            CORPUS_NAME, f"counts: {name} {listed[name]}, but the manifest gives {counted[name]}"
        )
    entries = split_entries(definitions, rows)
    for name, entry in file.splits.items():
        yield from _check_split_entry(name, entry, entries[name])


def _check_split_entry(name: str, listed: SplitEntry, counted: SplitEntry) -> Iterator[Finding]:
    for subset, figures in counted.subsets.items():
        if name not in BUILTIN_SPLIT_NAMES:
            # the imported list is not here: only those of its clips that are here can be counted
            figures = replace(listed.subsets[subset], here=figures.here)
        if listed.subsets[subset] != figures:
            yield Finding(
                CORPUS_NAME,
                f"split {name}, {subset}: {listed.subsets[subset]}, but it is {figures}",
            )


def check_against_manifest(
    in_shards: Sequence[ManifestRow], rows: Sequence[ManifestRow], read_shards: Iterable[str]
) -> Iterator[Finding]:
    """Yield where the rows of shards and the kept rows of the manifest differ.

    Args:
        in_shards: what the shards hold, with an empty `source_path`.
        rows: the manifest.
        read_shards: the shards that could be read; others are not compared.
    """
    kept = {row.id: row for row in rows if row.status is Status.KEPT}
    there = {row.id for row in in_shards}
    for row in in_shards:
        listed = kept.get(row.id)
        if listed is None:
            yield Finding(f"{row.shard}, row {row.row}", f"{row.id} is not kept in the manifest")
            continue
        yield from _compare(replace(listed, source_path="", splits=row.splits), row)
    readable = set(read_shards)
    for clip, row in kept.items():
        if clip not in there and row.shard in readable:
            yield Finding(MANIFEST_NAME, f"{clip} is kept, but {row.shard} has no such row")


def _compare(listed: ManifestRow, row: ManifestRow) -> Iterator[Finding]:
    for field in fields(ManifestRow):
        manifest_value, shard_value = getattr(listed, field.name), getattr(row, field.name)
        if manifest_value != shard_value:
            yield Finding(
                MANIFEST_NAME,
                f"{row.id} has {field.name} {manifest_value}, in {row.shard} it is {shard_value}",
            )


def check_duplicates(in_shards: Sequence[ManifestRow]) -> Iterator[Finding]:
    """Yield clips that are in the shards more than once."""
    places: dict[str | None, list[str]] = {}
    for row in in_shards:
        places.setdefault(row.id, []).append(f"{row.shard} row {row.row}")
    for clip, found in places.items():
        if len(found) > 1:
            yield Finding(str(clip), f"more than once: {', '.join(found)}")


def check_speaker_leaks(
    in_shards: Sequence[ManifestRow], splits: Sequence[Split]
) -> Iterator[Finding]:
    """Yield splits of unseen speakers whose columns let a test speaker into train or val."""
    for split in splits:
        subset_of = {
            str(row.id): row.splits[split.name] or ""
            for row in in_shards
            if split.name in row.splits
        }
        try:
            check_leaks(replace(split, subset_of=subset_of))
        except SplitError as error:
            yield Finding("data", str(error))
