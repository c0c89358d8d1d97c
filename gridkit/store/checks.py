"""Checks of single clips and of what a corpus says of itself. Pure: records in, findings out.

Manifests are compared column by column, which finds the rows that are odd; only these become
records, and are looked at one by one for what to say of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
from gridkit.store.manifest import MANIFEST_NAME, Manifest, repeated
from gridkit.store.schema import QUALITY_TYPES, crop_column, shard_speaker, split_column
from gridkit.store.shards import quality_of
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


@dataclass(frozen=True)
class ShardRows:
    """What shards hold besides media, as columns: whatever is in them, odd values too."""

    table: pa.Table
    """`id`, `speaker`, `code`, `flags`, `qc`, a column for each split, `shard` and `row`."""
    split_names: tuple[str, ...]

    def records(self, odd: pa.Array) -> Iterator[ManifestRow]:
        """Yield some rows, by a mask, as the manifest should have them; `source_path` is empty."""
        for record in self.table.filter(odd).to_pylist():
            subsets = {name: record[split_column(name)] for name in self.split_names}
            yield ManifestRow(
                source_path="",
                id=record["id"],
                speaker=record["speaker"],
                code=record["code"],
                status=Status.KEPT,
                flags=tuple(record["flags"] or ()),
                quality=None if record["qc"] is None else quality_of(record["qc"]),
                splits={name: subset for name, subset in subsets.items() if subset is not None},
                shard=record["shard"],
                row=record["row"],
            )


def check_manifest(
    file: CorpusFile, manifest: Manifest, definitions: Sequence[Split]
) -> Iterator[Finding]:
    """Yield where a manifest contradicts itself or `corpus.json`."""
    table = manifest.table
    for path, count in repeated(table.column("source_path")).items():
        yield Finding(MANIFEST_NAME, f"{path} has {count} rows")
    for clip, count in repeated(manifest.kept(["id"]).column("id")).items():
        yield Finding(MANIFEST_NAME, f"{clip} is kept {count} times")
    is_kept = manifest.is_kept
    odd = pc.or_(
        pc.xor(is_kept, pc.is_null(table.column("reason"))),
        pc.xor(is_kept, pc.is_valid(table.column("shard"))),
    )
    listed = pc.is_in(table.column("shard"), pa.array(list(file.shards), pa.string()))
    odd = pc.or_(odd, pc.and_(is_kept, pc.invert(listed)))
    odd = pc.or_(odd, pc.and_(is_kept, _against_definitions(table, definitions)))
    for row in manifest.take(odd.combine_chunks()):
        kept = row.status is Status.KEPT
        if kept != (row.reason is None) or kept != (row.shard is not None):
            yield Finding(
                MANIFEST_NAME,
                f"{row.source_path} is {row.status}, with reason {row.reason} and "
                f"shard {row.shard}",
            )
        elif kept and row.shard not in file.shards:
            yield Finding(MANIFEST_NAME, f"{row.id} points at {row.shard}, which is not listed")
        yield from _check_subsets(MANIFEST_NAME, row, definitions)
    yield from check_counts(file, manifest, definitions)


def check_shard_subsets(in_shards: ShardRows, definitions: Sequence[Split]) -> Iterator[Finding]:
    """Yield the splits where a row of a shard differs from the definition."""
    for row in in_shards.records(_against_definitions(in_shards.table, definitions)):
        yield from _check_subsets(str(row.shard), row, definitions)


def _against_definitions(table: pa.Table, definitions: Sequence[Split]) -> pa.ChunkedArray:
    """Return which rows differ from the definition of a split."""
    ids = table.column("id").to_pylist()
    odd: Any = pa.chunked_array([pa.repeat(False, len(ids))])
    for split in definitions:
        column = split_column(split.name)
        defined = pa.array((split.subset_of.get(clip) for clip in ids), pa.string())
        is_stored = column in table.schema.names
        stored = table.column(column) if is_stored else pa.nulls(len(ids), pa.string())
        odd = pc.or_(odd, _differ(stored, defined))
    return odd


def _differ(one: Any, other: Any) -> Any:
    """Return where two columns differ; null equals null."""
    unequal = pc.not_equal(one, other)
    return pc.coalesce(unequal, pc.xor(pc.is_null(one), pc.is_null(other)))


def _check_subsets(where: str, row: ManifestRow, definitions: Sequence[Split]) -> Iterator[Finding]:
    for split in definitions:
        stored, defined = row.splits.get(split.name), split.subset_of.get(row.id or "")
        if row.status is Status.KEPT and stored != defined:
            yield Finding(
                where,
                f"{row.id} has {split_column(split.name)} {stored or 'null'}, "
                f"by definition {defined or 'null'}",
            )


def check_counts(
    file: CorpusFile, manifest: Manifest, definitions: Sequence[Split]
) -> Iterator[Finding]:
    """Yield the counts of `corpus.json` that differ from the manifest."""
    listed, counted = asdict(file.counts), asdict(count_rows(manifest))
    for name in (name for name in listed if listed[name] != counted[name]):
        yield Finding(
            CORPUS_NAME, f"counts: {name} {listed[name]}, but the manifest gives {counted[name]}"
        )
    entries = split_entries(definitions, manifest)
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
    in_shards: ShardRows, manifest: Manifest, read_shards: Iterable[str]
) -> Iterator[Finding]:
    """Yield where the rows of shards and the kept rows of the manifest differ.

    Args:
        in_shards: what the shards hold.
        manifest: the manifest.
        read_shards: the shards that could be read; others are not compared.
    """
    kept = manifest.take(manifest.is_kept.combine_chunks())
    ids, kept_ids = in_shards.table.column("id"), kept.table.column("id")
    odd = _against_rows(in_shards.table, kept.table)
    suspects = pa.concat_arrays(
        [ids.filter(odd).combine_chunks(), pa.array(list(repeated(kept_ids)), pa.string())]
    )
    listed = {row.id: row for row in kept.take(pc.is_in(kept_ids, suspects).combine_chunks())}
    for row in in_shards.records(odd):
        if row.id not in listed:
            yield Finding(f"{row.shard}, row {row.row}", f"{row.id} is not kept in the manifest")
            continue
        yield from _compare(replace(listed[row.id], source_path="", splits=row.splits), row)
    readable = pc.is_in(kept.table.column("shard"), pa.array(list(read_shards), pa.string()))
    absent = pc.and_(readable, pc.invert(pc.is_in(kept_ids, pc.unique(ids))))
    for row in kept.take(absent.combine_chunks()):
        yield Finding(MANIFEST_NAME, f"{row.id} is kept, but {row.shard} has no such row")


def _against_rows(in_shards: pa.Table, kept: pa.Table) -> pa.ChunkedArray:
    """Return which rows of shards may differ from the manifest's row of that id."""
    places = pc.index_in(in_shards.column("id"), kept.column("id").combine_chunks())
    listed = kept.select(["speaker", "code", "shard", "row", "flags", "qc", "reason", "detail"])
    listed = listed.take(places)
    odd = pc.or_(pc.is_null(places), pc.is_valid(listed.column("reason")))
    odd = pc.or_(odd, pc.is_valid(listed.column("detail")))
    for name in ("speaker", "code", "shard", "row"):
        odd = pc.or_(odd, _differ(in_shards.column(name), listed.column(name)))
    flags = (pc.binary_join(table.column("flags"), "\n") for table in (in_shards, listed))
    odd = pc.or_(odd, _differ(*flags))
    for name in QUALITY_TYPES:
        figures = (pc.struct_field(table.column("qc"), name) for table in (in_shards, listed))
        odd = pc.or_(odd, _differ(*figures))
    return odd


def _compare(listed: ManifestRow, row: ManifestRow) -> Iterator[Finding]:
    for field in fields(ManifestRow):
        manifest_value, shard_value = getattr(listed, field.name), getattr(row, field.name)
        if manifest_value != shard_value:
            yield Finding(
                MANIFEST_NAME,
                f"{row.id} has {field.name} {manifest_value}, in {row.shard} it is {shard_value}",
            )


def check_duplicates(in_shards: ShardRows) -> Iterator[Finding]:
    """Yield clips that are in the shards more than once."""
    ids = in_shards.table.column("id")
    places: dict[str | None, list[str]] = {clip: [] for clip in repeated(ids)}
    if not places:
        return
    odd = pc.is_in(ids, pa.array(list(places), pa.string()))
    for row in in_shards.records(odd):
        places[row.id].append(f"{row.shard} row {row.row}")
    for clip, found in places.items():
        yield Finding(str(clip), f"more than once: {', '.join(found)}")


def check_speaker_leaks(in_shards: ShardRows, splits: Sequence[Split]) -> Iterator[Finding]:
    """Yield splits of unseen speakers whose columns let a test speaker into train or val."""
    for split in splits:
        if not split.unseen_speakers or split.name not in in_shards.split_names:
            continue
        here = in_shards.table.select(["id", split_column(split.name)]).drop_null()
        subset_of = dict(zip(*(column.to_pylist() for column in here.columns), strict=True))
        try:
            check_leaks(replace(split, subset_of=subset_of))
        except SplitError as error:
            yield Finding("data", str(error))
