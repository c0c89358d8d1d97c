"""The columns of a shard and of the manifest, written once.

A shard's schema is made from `datasets` features and carries them in its metadata, with
`decode=False`, so that `load_dataset` gives typed columns where torchcodec is missing. Media
columns are structs of bytes and path. Crop columns are in the order of their names, split columns
with the built-in splits first, so that the order of a command's options does not change the bytes.

The large columns stand first. fsspec, which `datasets` streams through, reads 5 MiB ahead of what
it is asked for: text in front of 9 MB of media would bring most of them along, text behind them
lies in the 64 KB that pyarrow reads to find the footer.

`datasets` is imported late: it takes most of a second, and a reader does not need it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from gridkit.corpus.codes import speaker_order
from gridkit.corpus.records import FRAMES, POINTS, SAMPLE_RATE_HZ
from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES
from gridkit.errors import SplitError

if TYPE_CHECKING:
    from datasets import Features

CROP_PREFIX = "crop_"
SPLIT_PREFIX = "split_"
SPLITS_KEY = b"gridkit_splits"
"""Where the manifest's schema metadata names its splits."""
LAYOUT = 2
"""Raised when the columns of a shard change their order. In layout 1, which is read as well, the
large columns stood behind `words`."""
LANDMARKS_SHAPE = (FRAMES, POINTS, 2)

QUALITY_TYPES: dict[str, str] = {
    "missing_faces": "int32",
    "faces": "int32",
    "blank_frames": "int32",
    "bad_packets": "int32",
    "mouth_px": "float64",
    "fit": "float64",
    "snr_db": "float64",
    "audio_samples": "int32",
    "clipped_samples": "int32",
}
"""Fields of `Quality` and their types, in the order they are stored."""


def crop_column(profile: str) -> str:
    """Return the column that holds the crops of a profile.

    >>> crop_column("mouth96")
    'crop_mouth96'
    """
    return CROP_PREFIX + profile


def split_column(split: str) -> str:
    """Return the column that holds the subset of a split; filters need a plain name.

    >>> split_column("unseen-lipnet")
    'split_unseen_lipnet'
    """
    return SPLIT_PREFIX + split.replace("-", "_")


def split_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return split names in the order of their columns: built-in ones first, then by name.

    Raises:
        SplitError: two names differ by "-" and "_" only.
    """
    known = {name: rank for rank, name in enumerate(BUILTIN_SPLIT_NAMES)}
    ordered = sorted(set(names), key=lambda name: (known.get(name, len(known)), name))
    columns = Counter(map(split_column, ordered))
    shared = [name for name in ordered if columns[split_column(name)] > 1]
    if shared:
        raise SplitError(
            f"splits {' and '.join(shared)} would share one column; rename one of them"
        )
    return tuple(ordered)


def shard_features(
    profiles: Sequence[str], splits: Sequence[str], *, layout: int = LAYOUT
) -> "Features":
    """Return the `datasets` features of a shard.

    Args:
        profiles: names of the crop profiles, in any order.
        splits: names of the splits, in any order.
        layout: order of the columns, 1 or 2 (see `LAYOUT`).
    """
    from datasets import Array3D, Audio, Features, List, Value, Video

    text = Value("string")
    spoken: dict[str, object] = {
        **dict.fromkeys(("id", "speaker", "code", "text"), text),
        "words": List({"word": text, "start_s": Value("float64"), "end_s": Value("float64")}),
    }
    large: dict[str, object] = {
        "audio": Audio(sampling_rate=SAMPLE_RATE_HZ, num_channels=1, decode=False),
        **{crop_column(profile): Video(decode=False) for profile in sorted(set(profiles))},
        "landmarks": Array3D(shape=LANDMARKS_SHAPE, dtype="int16"),
    }
    about: dict[str, object] = {
        "qc": {name: Value(dtype) for name, dtype in QUALITY_TYPES.items()},
        "flags": List(text),
        **{split_column(split): text for split in split_order(splits)},
    }
    return Features(spoken | large | about if layout == 1 else large | spoken | about)


def shard_schema(
    profiles: Sequence[str], splits: Sequence[str], *, layout: int = LAYOUT
) -> pa.Schema:
    """Return the Arrow schema of a shard, the features in its metadata (see `shard_features`)."""
    return _shard_schema(tuple(profiles), tuple(splits), layout)


@cache
def _shard_schema(profiles: tuple[str, ...], splits: tuple[str, ...], layout: int) -> pa.Schema:
    return shard_features(profiles, splits, layout=layout).arrow_schema


def manifest_features(splits: Sequence[str]) -> "Features":
    """Return the `datasets` features of the manifest."""
    from datasets import Features, List, Value

    text = Value("string")
    plain = ("source_path", "id", "speaker", "code", "status", "reason", "detail")
    columns: dict[str, object] = dict.fromkeys(plain, text)
    columns |= {
        "flags": List(text),
        "qc": {name: Value(dtype) for name, dtype in QUALITY_TYPES.items()},
    }
    columns |= {split_column(split): text for split in split_order(splits)}
    columns |= {"shard": text, "row": Value("int32")}
    return Features(columns)


def manifest_schema(splits: Sequence[str]) -> pa.Schema:
    """Return the Arrow schema of the manifest, features and split names in its metadata."""
    schema = manifest_features(splits).arrow_schema
    names = json.dumps(split_order(splits)).encode()
    return schema.with_metadata({**schema.metadata, SPLITS_KEY: names})


def splits_in(schema: pa.Schema) -> tuple[str, ...]:
    """Return the split names of a manifest; its columns do not show "-" and "_".

    Raises:
        KeyError, ValueError: the schema is not that of a manifest.
    """
    return tuple(json.loads((schema.metadata or {})[SPLITS_KEY]))


def shard_order(path: str) -> tuple[tuple[str, int, str], str]:
    """Sort key that puts `data/s2-00000.parquet` before `data/s10-00000.parquet`."""
    return speaker_order(shard_speaker(path)), path


def shard_speaker(path: str) -> str:
    """Return whose clips a shard holds.

    >>> shard_speaker("data/s10-00003.parquet")
    's10'
    """
    return PurePosixPath(path).stem.rpartition("-")[0]


def profiles_in(schema: pa.Schema) -> tuple[str, ...]:
    """Return the crop profiles a shard has columns for."""
    return tuple(
        name.removeprefix(CROP_PREFIX) for name in schema.names if name.startswith(CROP_PREFIX)
    )
