"""Rules that a card must follow before it goes to the Hub, besides the Hub's own check of its YAML.

The card's metadata decides what `load_dataset` reads, so it is compared with the files themselves:
patterns against their names, features against the Parquet schemas, configs of splits against the
subsets that the manifest gives.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gridkit.store.card import DEFAULT_CONFIG, MANIFEST_CONFIG, licence_of
from gridkit.store.manifest import MANIFEST_NAME, Manifest
from gridkit.store.parquet import open_parquet
from gridkit.store.reader import Corpus
from gridkit.store.schema import split_column

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData

_SUBSETS = {
    "train": {"train"},
    "validation": {"val"},
    "test": {"test"},
    "train_val": {"train", "val"},
}
"""Split of a config to the subsets that its files may hold."""


def check_card(text: str, corpus: Corpus, paths: Sequence[str]) -> list[str]:
    """Return what is wrong with a card, one line each; nothing where it is right.

    Args:
        text: the card, Markdown with metadata on top.
        corpus: what it describes.
        paths: every file that the repository will have.
    """
    from huggingface_hub import DatasetCard, DatasetCardData

    try:
        data: Any = DatasetCard(text).data
    except Exception as error:  # the YAML parser raises many kinds
        return [f"not a dataset card ({type(error).__name__}: {str(error).splitlines()[0]})"]
    assert isinstance(data, DatasetCardData)
    return [
        *_check_licence(data, corpus),
        *_check_configs(data, corpus, paths),
        *_check_features(data, corpus),
        *_check_splits(data, corpus),
    ]


def _check_licence(data: "DatasetCardData", corpus: Corpus) -> Iterator[str]:
    expected = licence_of(corpus.file)
    if data.license != expected:
        yield f"licence {data.license!r}; this corpus has {expected}"


def _check_configs(data: Any, corpus: Corpus, paths: Sequence[str]) -> Iterator[str]:
    """Yield configs of one name, patterns without a file, and shards that no config loads."""
    names = [config["config_name"] for config in data.configs or []]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"config {name} appears {names.count(name)} times"
    for config in data.configs or []:
        for split, patterns in _patterns(config):
            for pattern in patterns:
                if not fnmatch.filter(paths, pattern):
                    yield f"config {config['config_name']}: {split} has no file {pattern}"
    default = [config for config in data.configs or [] if config.get("default")]
    loaded = {path for config in default for path in _files(config, paths)}
    if missing := sorted(set(corpus.file.shards) - loaded):
        yield f"the default config does not load {missing[0]} (1 of {len(missing)} shards)"


def _check_features(data: Any, corpus: Corpus) -> Iterator[str]:
    """Yield configs whose features are not those of their files' schemas."""
    from datasets import Features
    from datasets.info import DatasetInfosDict

    declared = DatasetInfosDict.from_dataset_card_data(data)
    first = next(iter(corpus.file.shards), None)
    files = {MANIFEST_CONFIG: MANIFEST_NAME} | ({DEFAULT_CONFIG: first} if first else {})
    for config, path in files.items():
        with open_parquet(corpus.folder / path) as parquet:
            there = Features.from_arrow_schema(parquet.schema_arrow)
        features = declared[config].features if config in declared else None
        if features != there:
            odd = sorted(
                name
                for name in {*(features or ()), *there}
                if (features or {}).get(name) != there.get(name)
            )
            yield f"config {config}: not the features of {path}: {', '.join(odd) or 'order'}"


def _check_splits(data: Any, corpus: Corpus) -> Iterator[str]:
    """Yield files of a split's config with clips of another subset, and subsets left out."""
    shards = list(corpus.file.shards)
    for config in data.configs or []:
        name = config["config_name"]
        if name in (DEFAULT_CONFIG, MANIFEST_CONFIG):
            continue
        if name not in corpus.file.splits:
            yield f"config {name} is not a split of this corpus"
            continue
        subsets = _subsets_by_shard(corpus.manifest, name)
        parts = [(split, _files({"data_files": [part]}, shards)) for split, part in _parts(config)]
        for split, files in parts:
            for path in sorted(files):
                odd = subsets.get(path, set()) - _SUBSETS.get(split, set())
                if odd:
                    yield f"config {name}: {split} has {path}, with clips of {_names(odd)}"
        named = {path for _, files in parts for path in files}
        for path in sorted(subsets.keys() - named):
            if left_out := subsets[path] - {None}:
                yield f"config {name} leaves out {path}, with clips of {_names(left_out)}"


def _subsets_by_shard(manifest: Manifest, split: str) -> dict[str, set[str | None]]:
    subsets: dict[str, set[str | None]] = {}
    column = split_column(split)
    there = manifest.kept(["shard", column]).group_by(["shard", column]).aggregate([])
    for shard, subset in zip(*(values.to_pylist() for values in there.columns), strict=True):
        if shard is not None:
            subsets.setdefault(shard, set()).add(subset)
    return subsets


def _names(subsets: Iterable[str | None]) -> str:
    return ", ".join(sorted(subset or "none" for subset in subsets))


def _parts(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part in config["data_files"]:
        yield part["split"], part


def _patterns(config: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for split, part in _parts(config):
        path = part["path"]
        yield split, [path] if isinstance(path, str) else list(path)


def _files(config: Mapping[str, Any], paths: Sequence[str]) -> set[str]:
    """Return the files that a config reads."""
    return {
        path
        for _, patterns in _patterns(config)
        for pattern in patterns
        for path in fnmatch.filter(paths, pattern)
    }
