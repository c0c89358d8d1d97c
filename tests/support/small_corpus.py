"""Small made-up corpora of tones and blobs, written with the functions that a run uses."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gridkit.corpus.alignment import Word
from gridkit.corpus.codes import clip_id, codes_by_speaker, ranked_ids, split_id
from gridkit.corpus.grammar import text_of, words_of
from gridkit.corpus.records import (
    AUDIO_SAMPLES,
    FRAMES,
    Clip,
    Flag,
    ManifestRow,
    Quality,
    Status,
)
from gridkit.corpus.splits import Split, builtin_splits
from gridkit.media.codecs import encode_crop, encode_flac
from gridkit.media.video import Planes
from gridkit.store.card import card_data, write_card
from gridkit.store.corpus_file import CorpusFile, ShardEntry, write_corpus_file
from gridkit.store.landmarks_file import write_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME, write_manifest
from gridkit.store.preview import write_preview
from gridkit.store.schema import shard_schema
from gridkit.store.shards import write_shard
from gridkit.store.split_lists import write_split_list
from gridkit.store.summary import count_rows, split_entries, subsets_by_id

PROFILES = {
    "mouth96": {"name": "mouth96", "width_px": 96, "height_px": 96, "colour": "gray"},
    "lipnet": {"name": "lipnet", "width_px": 100, "height_px": 50, "colour": "rgb"},
}
LANDMARKS = {
    "detector": "dlib HOG",
    "points": "a made-up predictor",
    "sha256": "0" * 64,
    "licence": "trained on iBUG 300-W, for non-commercial use only",
}
SHARD_SPEAKERS = ("s1", "s2", "s3", "s9")
"""In `unseen`: s1 and s3 train, s9 validates, s2 tests."""


def make_words(code: str) -> tuple[Word, ...]:
    return tuple(
        Word(word, 0.5 + 0.25 * place, 0.74 + 0.25 * place)
        for place, word in enumerate(words_of(code))
    )


def make_clip(clip: str, profiles: Sequence[str] = ("mouth96", "lipnet")) -> Clip:
    """A clip of noise around a tone, and a dark blob that opens and closes; seeded by its id."""
    speaker, code = split_id(clip)
    rng = np.random.default_rng(list(clip.encode()))
    tone = 8000 * np.sin(np.arange(AUDIO_SAMPLES) * rng.uniform(0.05, 0.2))
    samples = (tone + rng.normal(0, 50, AUDIO_SAMPLES)).astype(np.int16)
    points = rng.integers(100, 200, (1, 68, 2)) + rng.integers(-2, 3, (FRAMES, 68, 2))
    return Clip(
        id=clip,
        speaker=speaker,
        code=code,
        text=text_of(code),
        words=make_words(code),
        audio_flac=encode_flac(samples),
        crops={name: encode_crop(make_planes(name, rng)) for name in profiles},
        landmarks=points.astype(np.int16),
        quality=Quality(0, 1, 0, 0, round(rng.uniform(40, 60), 1), 0.97, 23.5, 47_635, 3),
        flags=(Flag.CLIPPED,),
    )


def make_planes(profile: str, rng: np.random.Generator) -> Planes:
    width, height = PROFILES[profile]["width_px"], PROFILES[profile]["height_px"]
    y, x = np.mgrid[:height, :width]
    frames = np.empty((FRAMES, height, width), np.uint8)
    for index in range(FRAMES):
        opening = height * (0.15 + 0.1 * np.sin(index / 4 + rng.uniform(0, 0.3)))
        inside = ((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / opening) ** 2 < 1
        frames[index] = np.where(inside, 40, 170)
    if profile == "mouth96":
        return Planes(frames, None)
    chroma = np.stack([np.full((FRAMES, height // 2, width // 2), v, np.uint8) for v in (110, 150)])
    return Planes(frames, np.ascontiguousarray(chroma.swapaxes(0, 1)))


def tiny_ids() -> list[str]:
    """Ten clips of s1 (two of its test, two of its val), three of each other speaker."""
    ranked = ranked_ids("s1")
    ids = [*ranked[:2], *ranked[100:102], *ranked[200:206]]
    for speaker in SHARD_SPEAKERS[1:]:
        ids += [clip_id(speaker, code) for code in codes_by_speaker()[speaker][:3]]
    return ids


def write_corpus(
    folder: Path,
    clips: Iterable[Clip],
    *,
    profiles: Sequence[str] = ("mouth96", "lipnet"),
    rejected: Sequence[ManifestRow] = (),
    imported: Sequence[Split] = (),
    source: str = "made up",
) -> CorpusFile:
    """Write a whole corpus, a shard for each speaker, as the end of a run does."""
    clips = sorted(clips, key=lambda clip: (clip.speaker, clip.code))
    ids = [clip.id for clip in clips]
    splits = (*builtin_splits([*ids, *(row.id for row in rejected if row.id)]), *imported)
    names = [split.name for split in splits]
    columns = subsets_by_id(splits, ids)
    rows, shards = list(rejected), {}
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        shard = f"data/{speaker}-00000.parquet"
        mine = [clip for clip in clips if clip.speaker == speaker]
        info = write_shard(folder / shard, mine, columns, profiles=profiles, split_names=names)
        shards[shard] = ShardEntry(info.rows, info.bytes, info.sha256, f"{source};;")
        rows += [
            ManifestRow(
                f"video/{clip.id}.mpg",
                clip.id,
                speaker,
                clip.code,
                Status.KEPT,
                flags=clip.flags,
                quality=clip.quality,
                splits=columns[clip.id],
                shard=shard,
                row=row,
            )
            for row, clip in enumerate(mine)
        ]
    corpus = CorpusFile(
        source=source,
        synthetic=False,
        profiles={name: PROFILES[name] for name in profiles},
        settings={"lossless": False},
        splits=split_entries(splits, rows),
        counts=count_rows(rows),
        shards=shards,
        manifest_sha256=write_manifest(folder / MANIFEST_NAME, rows, names),
        misfiled_alignments={"s5 <- s6": 3},
    )
    for split in imported:
        write_split_list(folder, split)
    write_landmarks_file(folder, LANDMARKS)
    write_preview(folder, corpus, rows)
    write_card(folder, corpus, rows, LANDMARKS)
    write_corpus_file(folder, corpus)
    return corpus


@contextmanager
def layout_1() -> Iterator[None]:
    """Corpora that are written in the block have their columns in the order of earlier versions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gridkit.store.shards.shard_schema", partial(shard_schema, layout=1))
        patch.setattr("gridkit.store.card.card_data", partial(card_data, layout=1))
        patch.setattr("gridkit.prepare.pipeline.LAYOUT", 1)
        yield


@pytest.fixture(scope="session")
def small_clips() -> list[Clip]:
    """19 clips of s1, s2, s3 and s9."""
    return [make_clip(clip) for clip in tiny_ids()]


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory, small_clips: list[Clip]) -> Path:
    """The 19 clips with crops mouth96 and lipnet, gray and colour; not to be changed."""
    folder = tmp_path_factory.mktemp("small") / "corpus"
    write_corpus(folder, small_clips)
    return folder
