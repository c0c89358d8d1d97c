"""Each rule for a card, broken once."""

import re
from dataclasses import replace

import pytest
from support.small_corpus import write_corpus

from gridkit.corpus.splits import import_split
from gridkit.publish.card_check import check_card
from gridkit.publish.corpus import files_of, hub_card
from gridkit.store.reader import open_corpus


@pytest.fixture(scope="module")
def corpus(pristine):
    return open_corpus(pristine)


@pytest.fixture(scope="module")
def card(corpus):
    return hub_card(corpus, "lab/grid")


@pytest.fixture(scope="module")
def paths(corpus, card):
    return [file.path for file in files_of(corpus, card)]


def test_the_card_of_a_corpus_is_sound(card, corpus, paths):
    assert check_card(card, corpus, paths) == []


@pytest.mark.parametrize(
    ("pattern", "by", "finding"),
    [
        ("license: cc-by-4.0", "license: mit", "licence 'mit'; this corpus has cc-by-4.0"),
        ("license: cc-by-4.0\n", "", "licence None; this corpus has cc-by-4.0"),
        ("language:", "language: [", "not a dataset card (ParserError: "),
        ("config_name: unseen\n", "config_name: default\n", "config default appears 2 times"),
        (r"- data/s3-\*", "- data/s8-*", "config unseen-lipnet: train_val has no file data/s8-*"),
        (
            r"path: data/\*.parquet",
            "path: data/s1-*.parquet",
            "the default config does not load data/s2-00000.parquet (1 of 2 shards)",
        ),
        ("  default: true\n", "", "the default config does not load data/s1-00000"),
        (
            r"name: text\n    dtype: string",
            "name: text\n    dtype: int8",
            "config default: not the",
        ),
        (r"  - name: flags\n    list: string\n", "", "config default: not the features of data/s1"),
        (r"name: row\n    dtype: int32", "name: row\n    dtype: int64", "parquet: row"),
        (
            "config_name: unseen\n",
            "config_name: mine\n",
            "config mine is not a split of this corpus",
        ),
        ("split: train_val", "split: test", "config unseen-lipnet: test has data/s3-00000"),
        (
            r"    - data/s2-\*.parquet\n- config_name: manifest",
            "    - data/s1-*.parquet\n- config_name: manifest",
            "config unseen leaves out data/s2-00000.parquet, with clips of test",
        ),
    ],
)
def test_what_is_wrong_is_found(card, corpus, paths, pattern, by, finding):
    text = re.sub(pattern, by, card, count=1, flags=re.MULTILINE)
    assert text != card
    found = check_card(text, corpus, paths)
    assert any(finding in line for line in found), found


def test_a_synthetic_corpus_has_another_licence(card, corpus, paths):
    made_up = replace(corpus, file=replace(corpus.file, synthetic=True))
    assert check_card(card, made_up, paths) == ["licence 'cc-by-4.0'; this corpus has cc0-1.0"]


def test_files_with_clips_outside_the_split(clips, tmp_path):
    """Whole files would give clips to `train` that the list does not name."""
    listed = [clip.id for clip in clips if clip.speaker == "s1"][1:]
    split = import_split("mine", {"train": "\n".join(listed), "test": clips[-1].id})
    write_corpus(tmp_path, clips, imported=[replace(split, unseen_speakers=True)])
    corpus = open_corpus(tmp_path)
    card = hub_card(corpus, "lab/grid")
    assert check_card(card, corpus, sorted(corpus.file.shards)) == [
        "config manifest: manifest has no file manifest.parquet"
    ]
    config = "- config_name: mine\n  data_files:\n  - split: train\n    path: data/s1-*.parquet\n"
    text = card.replace(
        "- config_name: manifest\n  data_files:",
        config + "- config_name: manifest\n  data_files:",
        1,
    )
    paths = [file.path for file in files_of(corpus, card)]
    assert "config mine: train has data/s1-00000.parquet, with clips of none" in check_card(
        text, corpus, paths
    )
