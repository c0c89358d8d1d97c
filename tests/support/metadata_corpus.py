"""Unfinished corpora of any size in minutes: rows are made up, and all clips have the same media.

Speakers are called x1, x2 and so on, as synthetic ones: two built-in splits hold all their clips.
Each of them says the same sentences, and has one shard.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from gridkit.corpus.codes import clip_id, codes_by_speaker
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import (
    AUDIO_SAMPLES,
    FRAMES,
    Clip,
    Flag,
    ManifestRow,
    Quality,
    Reason,
    Status,
)
from gridkit.corpus.splits import Split, builtin_splits
from gridkit.media.codecs import encode_crop, encode_flac
from gridkit.media.landmarks_model import default_landmark_model
from gridkit.media.profiles import load_profile
from gridkit.media.video import Planes
from gridkit.prepare.finish import landmarks_description
from gridkit.prepare.journal import BatchKey, Record
from gridkit.prepare.outline import Outline, PlannedBatch, write_outline
from gridkit.prepare.pipeline import merge_corpus
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.manifest import Manifest, manifest_bytes
from gridkit.store.parquet import parquet_bytes
from gridkit.store.schema import LANDMARKS_SHAPE, shard_schema, split_column
from gridkit.store.shards import _table as shard_table
from support.small_corpus import make_words

PROFILE = "mouth96"
KEY = BatchKey("0" * 16, {PROFILE: "0" * 16}, "0" * 16)
FLAGGED, REJECTED = 7, 101
"""Every so manieth clip."""


@dataclass(frozen=True)
class MadeUp:
    """What the corpus holds."""

    speakers: int
    clips_each: int

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return codes_by_speaker()["s1"][: self.clips_each]

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f"x{number}" for number in range(1, self.speakers + 1))

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        return builtin_splits(clip_id(name, code) for name in self.names for code in self.codes)

    @property
    def rejected(self) -> tuple[ManifestRow, ...]:
        """Clips that were not decoded."""
        return tuple(
            ManifestRow(
                f"video/{name}/unknown.mpg",
                None,
                name,
                None,
                Status.REJECTED,
                Reason.NOT_A_SENTENCE,
                "its name is not a sentence",
            )
            for name in self.names[::REJECTED]
        )


def shard_name(speaker: str) -> str:
    return f"data/{speaker}-00000.parquet"


def write_state(folder: Path, made_up: MadeUp) -> None:
    """Write what a run has in its state folder when every batch is finished; nothing is synced."""
    for place in ("data", "batches"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for speaker, shard, rows in _batches(made_up):
        stem = Path(shard_name(speaker)).stem
        (folder / shard_name(speaker)).write_bytes(shard)
        (folder / "batches" / f"{stem}.parquet").write_bytes(rows)
        sha256 = hashlib.sha256(shard).hexdigest()
        record = Record(shard_name(speaker), KEY, len(made_up.codes), len(shard), sha256)
        (folder / "batches" / f"{stem}.json").write_text(record.to_json())


def _batches(made_up: MadeUp) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield each speaker's name, shard and manifest rows: templates with names put in."""
    names = [split.name for split in made_up.splits]
    clips = list(_clips(made_up))
    shard = shard_table(clips, {}, shard_schema([PROFILE], names), tuple(names))
    shard = _without_landmarks(shard)
    rows = Manifest.of([_row(place, clip) for place, clip in enumerate(clips)], names).table
    for speaker in made_up.names:
        ids = [clip_id(speaker, code) for code in made_up.codes]
        columns = {
            "id": ids,
            "speaker": [speaker] * len(ids),
            **{
                split_column(split.name): [split.subset_of.get(clip) for clip in ids]
                for split in made_up.splits
            },
        }
        own = {
            "source_path": [f"video/{clip}.mpg" for clip in ids],
            "shard": [shard_name(speaker)] * len(ids),
        }
        manifest = Manifest(_with(rows, columns | own))
        yield speaker, parquet_bytes(_with(shard, columns)), manifest_bytes(manifest, names)


def _without_landmarks(table: pa.Table) -> pa.Table:
    """Return rows whose landmarks are null: they would take most of the time."""
    field = table.schema.field("landmarks")
    nulls = pa.ExtensionArray.from_storage(
        field.type, pa.nulls(len(table), field.type.storage_type)
    )
    return table.set_column(table.schema.get_field_index("landmarks"), field, nulls)


def _with(table: pa.Table, columns: dict[str, list[str]]) -> pa.Table:
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values, pa.string()))
    return table


def _clips(made_up: MadeUp) -> Iterator[Clip]:
    crop = encode_crop(Planes(np.zeros((FRAMES, 96, 96), np.uint8), None))
    sound = encode_flac(np.zeros(AUDIO_SAMPLES, np.int16))
    for place, code in enumerate(made_up.codes):
        yield Clip(
            id=clip_id("x1", code),
            speaker="x1",
            code=code,
            text=text_of(code),
            words=make_words(code),
            audio_flac=sound,
            crops={PROFILE: crop},
            landmarks=np.zeros(LANDMARKS_SHAPE, np.int16),
            quality=Quality(0, 1, 0, 0, 51.5 + place, 0.97, 23.5, 47_635, place),
            flags=(Flag.CLIPPED,) if place % FLAGGED == 0 else (),
        )


def _row(place: int, clip: Clip) -> ManifestRow:
    return ManifestRow(
        f"video/{clip.id}.mpg",
        clip.id,
        clip.speaker,
        clip.code,
        Status.KEPT,
        flags=clip.flags,
        quality=clip.quality,
        shard=shard_name("x1"),
        row=place,
    )


def finish(folder: Path, made_up: MadeUp) -> CorpusFile:
    """Put the corpus together, as `gridkit merge` does."""
    batches = {shard_name(name): PlannedBatch(KEY, made_up.clips_each) for name in made_up.names}
    profiles = {PROFILE: asdict(load_profile(PROFILE))}
    landmarks = landmarks_description(default_landmark_model())
    outline = Outline(
        "made up", profiles, False, landmarks, batches, made_up.rejected, (), 0, {}, (), ()
    )
    write_outline(folder, outline)
    return merge_corpus(folder)
