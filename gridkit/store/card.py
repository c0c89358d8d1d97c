"""The corpus's README.md: a dataset card that people read and `load_dataset` obeys.

Its metadata names a config for the shards, one for the manifest, and one for each split that whole
files give: a split that keeps speakers apart, since a shard holds one speaker. All other splits
are columns, for Parquet filters.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridkit.corpus.codes import SPEAKERS, speaker_order, split_id
from gridkit.corpus.records import ManifestRow
from gridkit.corpus.splits import SUBSETS, Split
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.files import write_file
from gridkit.store.manifest import MANIFEST_NAME, Manifest
from gridkit.store.preview import PREVIEW_NAME, choose_rows, preview_profile
from gridkit.store.reader import splits_of
from gridkit.store.schema import (
    LAYOUT,
    crop_column,
    manifest_features,
    shard_features,
    shard_speaker,
    split_column,
)

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData

CARD_NAME = "README.md"
DEFAULT_CONFIG = "default"
DEFAULT_SPLIT = "clips"
MANIFEST_CONFIG = "manifest"
LOCAL_NAME = "DIR"
"""Placeholder for the folder in its card; on the Hub the repository's name is in its place."""
LICENCE = "cc-by-4.0"
SYNTHETIC_LICENCE = "cc0-1.0"
OWN_LICENCE = "other"
"""Of recordings that are not GRID's: who made them decides, gridkit does not know."""
TEMPLATE = "card.md.j2"

_HUB_NAMES = {"train": "train", "val": "validation", "test": "test"}
_SIZES = {
    1_000: "n<1K",
    10_000: "1K<n<10K",
    100_000: "10K<n<100K",
    1_000_000: "100K<n<1M",
    10_000_000: "1M<n<10M",
    100_000_000: "10M<n<100M",
}


def write_card(
    folder: Path,
    file: CorpusFile,
    rows: Sequence[ManifestRow],
    landmarks: Mapping[str, str],
) -> None:
    """Write the card of a corpus.

    Args:
        folder: the corpus.
        file: what it is.
        rows: its manifest.
        landmarks: description of the landmark model (`landmarks_file`).

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    write_file(folder / CARD_NAME, render_card(file, rows, landmarks).encode())


def render_card(
    file: CorpusFile,
    rows: Sequence[ManifestRow],
    landmarks: Mapping[str, str],
    name: str = LOCAL_NAME,
) -> str:
    """Return the card as Markdown with metadata on top.

    Args:
        file: what the corpus is.
        rows: its manifest.
        landmarks: description of the landmark model (`landmarks_file`).
        name: what `load_dataset` is to be given: a placeholder for the folder, or the repository
            on the Hub.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    text = resources.files("gridkit.store").joinpath("data", TEMPLATE).read_text()
    configs = card_configs(file, splits_of(file, rows), rows)
    body = environment.from_string(text).render(
        file=file,
        landmarks=landmarks,
        configs=[config for config in configs if config["config_name"] in file.splits],
        tables=_tables(file, rows),
        title=title_of(file),
        has_grid=has_grid(file),
        has_preview=bool(choose_rows(rows, 1)),
        preview=PREVIEW_NAME,
        name=name,
        **_names(file),
    )
    return f"---\n{card_data(file, configs).to_yaml()}\n---\n{body}"


def card_configs(
    file: CorpusFile, splits: Sequence[Split], rows: Iterable[ManifestRow]
) -> list[dict[str, Any]]:
    """Return the `configs` of the card's metadata.

    Args:
        file: what the corpus is.
        splits: its splits by their definitions.
        rows: its manifest.
    """
    configs = []
    kept = Manifest.of(rows).kept(["id"]).column("id").drop_null().to_pylist()
    if file.shards:
        configs.append(
            _config(DEFAULT_CONFIG, {DEFAULT_SPLIT: "data/*.parquet"}) | {"default": True}
        )
    speakers = sorted({shard_speaker(path) for path in file.shards}, key=speaker_order)
    for split in splits:
        files = files_by_subset(split, speakers) if _is_whole_files(split, kept) else {}
        if files:
            configs.append(_config(split.name, files))
    configs.append(_config(MANIFEST_CONFIG, {MANIFEST_CONFIG: MANIFEST_NAME}))
    return configs


def _is_whole_files(split: Split, kept: Iterable[str]) -> bool:
    """Return whether files of whole speakers hold this split's clips and no others."""
    if not split.unseen_speakers:
        return False
    speakers = {split_id(clip)[0] for clip in split.subset_of}
    return all(clip in split.subset_of for clip in kept if split_id(clip)[0] in speakers)


def files_by_subset(split: Split, speakers: Iterable[str]) -> dict[str, list[str]]:
    """Return the Hub's split names with the files of each, for a split that keeps speakers apart.

    Where the definition draws train and val from the same speakers, these files are `train_val`,
    and the column says which clip is which.
    """
    subsets: dict[str, set[str]] = {}
    for clip, subset in split.subset_of.items():
        subsets.setdefault(split_id(clip)[0], set()).add(subset)
    mixed = any({"train", "val"} <= names for names in subsets.values())
    files: dict[str, set[str]] = {}
    for subset in SUBSETS:
        name = "train_val" if mixed and subset != "test" else _HUB_NAMES[subset]
        for speaker in speakers:
            if subset in subsets.get(speaker, ()):
                files.setdefault(name, set()).add(f"data/{speaker}-*.parquet")
    return {name: sorted(patterns, key=_pattern_order) for name, patterns in files.items()}


def _pattern_order(pattern: str) -> tuple[str, int, str]:
    return speaker_order(shard_speaker(pattern))


def _config(name: str, files: Mapping[str, str | list[str]]) -> dict[str, Any]:
    data_files = [{"split": split, "path": path} for split, path in files.items()]
    return {"config_name": name, "data_files": data_files}


def card_data(
    file: CorpusFile, configs: Sequence[Mapping[str, Any]], *, layout: int = LAYOUT
) -> "DatasetCardData":
    """Return the card's metadata: licence, configs, features of the shards and the manifest.

    Args:
        file: what the corpus says of itself.
        configs: see `card_configs`.
        layout: order of a shard's columns (see `shard_features`).
    """
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    data = DatasetCardData(
        pretty_name=title_of(file),
        language=["en"],
        license=licence_of(file),
        task_categories=["automatic-speech-recognition"],
        size_categories=[_size_category(file.counts.kept)],
        tags=_tags(file),
        configs=[dict(config) for config in configs],
    )
    profiles, splits = tuple(file.profiles), tuple(file.splits)
    features = {MANIFEST_CONFIG: manifest_features(splits)}
    if file.shards:
        features[DEFAULT_CONFIG] = shard_features(profiles, splits, layout=layout)
    infos = {
        name: DatasetInfo(features=columns, config_name=name) for name, columns in features.items()
    }
    DatasetInfosDict(infos).to_dataset_card_data(data)
    return data


def _size_category(clips: int) -> str:
    return next((name for limit, name in _SIZES.items() if clips < limit), "100M<n<1B")


def _tags(file: CorpusFile) -> list[str]:
    tags = ["lipreading", "visual-speech-recognition", "video-to-speech", "audio-visual", "gridkit"]
    return [*tags, "synthetic"] if file.synthetic else [*tags, "grid-corpus"]


def title_of(file: CorpusFile) -> str:
    """Return what the clips of a corpus are, in a few words."""
    if file.synthetic:
        return "Synthetic GRID-format clips"
    if not file.own_speakers:
        return "GRID"
    grid = has_grid(file)
    return "GRID and own recordings in its format" if grid else "Own recordings in GRID's format"


def has_grid(file: CorpusFile) -> bool:
    """Return whether a corpus has clips of GRID's own, or none of anyone else's."""
    return not file.own_speakers or not set(SPEAKERS).isdisjoint(file.counts.speakers)


def licence_of(file: CorpusFile) -> str:
    """Return the licence of a corpus by its name on the Hub."""
    if file.synthetic:
        return SYNTHETIC_LICENCE
    return OWN_LICENCE if file.own_speakers else LICENCE


def _names(file: CorpusFile) -> dict[str, str]:
    """Return a profile, a speaker and a split of this corpus, for examples that run."""
    used = [name for name, entry in file.splits.items() if entry.subsets["test"].here]
    profile, split = preview_profile(file.profiles), next(iter(used), "s1")
    return {
        "profile": profile,
        "crop": crop_column(profile),
        "speaker": next(iter(file.counts.speakers), "s1"),
        "split": split,
        "split_column": split_column(split),
    }


def _tables(file: CorpusFile, rows: Iterable[ManifestRow]) -> dict[str, Any]:
    """Return the speakers with their counts, for the splits that have clips here."""
    used = [
        name
        for name, entry in file.splits.items()
        if any(subset.here for subset in entry.subsets.values())
    ]
    counts = _subset_counts(Manifest.of(rows), used)
    speakers = [
        {
            "name": speaker,
            "found": figures.found,
            "kept": figures.kept,
            "splits": [_cell(counts, speaker, name) for name in used],
        }
        for speaker, figures in file.counts.speakers.items()
    ]
    return {"splits": used, "speakers": speakers}


def _subset_counts(manifest: Manifest, splits: Iterable[str]) -> dict[tuple[str, str, str], int]:
    """Return the kept clips of each speaker, split and subset, without those outside a split."""
    counts = {}
    for split in splits:
        column = split_column(split)
        if column not in manifest.table.schema.names:
            continue
        groups = manifest.kept(["speaker", column]).group_by(["speaker", column])
        for group in groups.aggregate([([], "count_all")]).to_pylist():
            if group[column] is not None:
                counts[group["speaker"], split, group[column]] = group["count_all"]
    return counts


def _cell(counts: Mapping[tuple[str, str, str], int], speaker: str, split: str) -> str:
    figures = [counts.get((speaker, split, subset), 0) for subset in SUBSETS]
    return " / ".join(map(str, figures)) if any(figures) else ""
