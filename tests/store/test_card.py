import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import datasets
import pandas as pd
import pytest
from huggingface_hub import DatasetCard

from gridkit import __version__
from gridkit.corpus.splits import grid_split, import_split, synthetic_splits
from gridkit.store.card import card_configs, files_by_subset, render_card
from gridkit.store.corpus_file import read_corpus_file
from gridkit.store.landmarks_file import read_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME, read_manifest


@pytest.fixture(scope="session")
def parts(pristine):
    rows = read_manifest(pristine / MANIFEST_NAME)
    return read_corpus_file(pristine), rows, read_landmarks_file(pristine)


def test_metadata_is_parsed_by_the_hubs_own_class(pristine, parts):
    card = DatasetCard.load(pristine / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.language == ["en"]
    assert card.data.size_categories == ["n<1K"]
    configs = {config["config_name"]: config for config in card.data.configs}
    assert list(configs) == ["default", "unseen-lipnet", "unseen", "manifest"]
    assert configs["default"]["data_files"] == [{"split": "clips", "path": "data/*.parquet"}]
    assert [info["config_name"] for info in card.data.dataset_info] == ["default", "manifest"]


def test_every_file_pattern_finds_a_file(pristine):
    card = DatasetCard.load(pristine / "README.md")
    patterns = [
        pattern
        for config in card.data.configs
        for files in config["data_files"]
        for pattern in (files["path"] if isinstance(files["path"], list) else [files["path"]])
    ]
    assert len(patterns) == 10
    assert all(list(pristine.glob(pattern)) for pattern in patterns)


@pytest.mark.parametrize(
    "fact",
    [
        "{10.1121/1.2229005}",
        "3625687",
        "non-commercial",
        "s5 <- s6: 3",
        "17b73310c72f1e202615909d39ef58ab355bbc63bcc5db04a045659c4bdeb1ea",
        "| s1 | 11 | 10 | 6 / 2 / 2 |",
        "1 rejected as `frame-count`",
        '.cast_column("audio", Audio())',
        'filters=[("split_s1", "==", "test")]',
        'class_encode_column("speaker")',
        "preview.png",
        "width_px 100",
        'load_dataset("DIR", "unseen-lipnet")  # train_val, test',
        'split="train_val", filters=[("split_unseen_lipnet", "==", "val")]',
        "gridkit evaluate --model my_model.py --data DIR --split s1",
        f"Made by gridkit {__version__}",
    ],
)
def test_card_says(parts, fact):
    assert fact in render_card(*parts)


def test_the_code_of_the_card_runs(parts, pristine, tmp_path, monkeypatch):
    def load(name, *arguments, **keywords):
        assert name == "alice/grid"
        cache = str(tmp_path / "cache")
        return datasets.load_dataset(str(pristine), *arguments, cache_dir=cache, **keywords)

    monkeypatch.setitem(
        sys.modules, "datasets", SimpleNamespace(**{**vars(datasets), "load_dataset": load})
    )
    text = render_card(*parts, "alice/grid")
    values = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, values)
    assert values["clips"].num_rows == len(list(values["stream"])) == 19
    assert values["clips"].features["speaker"].names == ["s1", "s2", "s3", "s9"]
    assert set(values["test"].column_names) == {"id", "text", "crop_mouth96"}
    assert values["test"].num_rows == 2
    assert list(values["unseen"]) == ["train", "validation", "test"]


def test_the_hubs_card_names_the_repository_and_differs_in_that_alone(parts):
    local, hub = render_card(*parts), render_card(*parts, "alice/grid")
    assert "DIR" not in hub
    assert "--data hf:alice/grid" in hub
    metadata = [text.split("---\n")[1] for text in (local, hub)]
    assert metadata[0] == metadata[1]


def test_no_line_of_a_table_is_broken(parts):
    lines = render_card(*parts).splitlines()
    tables = [line for line in lines if line.startswith("|")]
    assert len(tables) > 30
    assert all(line.endswith("|") for line in tables)


def test_the_order_of_profiles_moves_no_byte(parts):
    file, *rest = parts
    turned = replace(file, profiles=dict(reversed(file.profiles.items())))
    assert render_card(file, *rest) == render_card(turned, *rest)


def test_a_synthetic_corpus_says_so_first(parts):
    file, rows, landmarks = parts
    text = render_card(replace(file, synthetic=True), rows, landmarks)
    body = text.split("---\n", 2)[2]
    assert "Made by a machine" in body[:200]
    assert "license: cc0-1.0" in text
    assert "Zenodo record" not in body


def test_configs_follow_the_shards_that_are_there():
    unseen = grid_split("unseen")
    assert files_by_subset(unseen, ["s9", "s1", "s2", "s10"]) == {
        "train": ["data/s1-*.parquet", "data/s10-*.parquet"],
        "validation": ["data/s9-*.parquet"],
        "test": ["data/s2-*.parquet"],
    }
    assert files_by_subset(unseen, ["s1"]) == {"train": ["data/s1-*.parquet"]}
    assert files_by_subset(unseen, ["x1"]) == {}


def test_shared_speakers_of_train_and_val_are_one_part():
    lipnet = grid_split("unseen-lipnet")
    assert files_by_subset(lipnet, ["s3", "s1"]) == {
        "train_val": ["data/s3-*.parquet"],
        "test": ["data/s1-*.parquet"],
    }
    ids = [f"x{speaker}/bbaf{digit}n" for speaker in range(1, 9) for digit in range(1, 10)]
    synthetic = synthetic_splits(ids)[1]
    assert files_by_subset(synthetic, [f"x{n}" for n in range(1, 9)]) == {
        "train_val": [f"data/x{n}-*.parquet" for n in range(1, 7)],
        "test": ["data/x7-*.parquet", "data/x8-*.parquet"],
    }


def test_a_split_of_shared_speakers_gets_no_config(parts):
    mixed = import_split("mixed", {"train": "s1/bbaf2n", "test": "s2/bbaf1n"})
    file = parts[0]
    names = [config["config_name"] for config in card_configs(file, [mixed], parts[1])]
    assert names == ["default", "manifest"]


def test_a_list_that_leaves_clips_of_its_speakers_out_gets_no_config(parts):
    """Its files would hold clips that are none of the split's."""
    file, rows, _ = parts
    ids = {
        speaker: [r.id for r in rows if r.shard and r.speaker == speaker]
        for speaker in ("s1", "s2")
    }
    for left_out, wanted in ((0, ["default", "mine", "manifest"]), (1, ["default", "manifest"])):
        listed = {"train": "\n".join(ids["s1"][left_out:]), "test": "\n".join(ids["s2"])}
        split = import_split("mine", listed, unseen_speakers=True)
        assert [c["config_name"] for c in card_configs(file, [split], rows)] == wanted


def test_a_corpus_where_nothing_was_kept_still_has_a_card(parts, rejected):
    file, _, landmarks = parts
    text = render_card(replace(file, shards={}), rejected, landmarks)
    assert "config_name: manifest" in text
    assert "config_name: default" not in text


def test_the_card_says_how_pandas_reaches_the_flags(small_corpus) -> None:
    table = pd.read_parquet(small_corpus / "manifest.parquet")
    assert not isinstance(table.flags, pd.Series)  # pandas' own, whatever the columns
    assert isinstance(table["flags"], pd.Series)
    assert 'df["flags"]' in (small_corpus / "README.md").read_text()
