"""What users of `datasets` see, with `datasets` itself and without torchcodec."""

import subprocess
import sys
from dataclasses import replace

import datasets
import numpy as np
import pytest
from support.small_corpus import layout_1

from gridkit.corpus.codes import codes_by_speaker
from gridkit.store.card import CARD_NAME, render_card
from gridkit.store.corpus_file import read_corpus_file
from gridkit.store.landmarks_file import read_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME, read_manifest
from gridkit.store.schema import shard_features


@pytest.fixture
def load(pristine, tmp_path):
    def loaded(*arguments, **keywords):
        keywords.setdefault("cache_dir", str(tmp_path / "cache"))
        return datasets.load_dataset(str(pristine), *arguments, **keywords)

    return loaded


@pytest.fixture(scope="module")
def full_speaker(clip):
    """100 clips of s1 that take as many bytes as real ones."""
    rng = np.random.default_rng(0)
    return [
        replace(clip, id=f"s1/{code}", code=code, audio_flac=rng.bytes(90_000))
        for code in codes_by_speaker()["s1"][:100]
    ]


@pytest.fixture(autouse=True)
def _without_torchcodec(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    monkeypatch.setattr(datasets.config, "TORCHCODEC_AVAILABLE", False)
    datasets.disable_progress_bars()


def assert_same(row, clip):
    assert row["id"] == clip.id
    assert (row["speaker"], row["code"], row["text"]) == (clip.speaker, clip.code, clip.text)
    assert row["words"] == [vars(word) for word in clip.words]
    assert row["audio"] == {"bytes": clip.audio_flac, "path": f"{clip.id}.flac"}
    for name, mp4 in clip.crops.items():
        assert row[f"crop_{name}"] == {"bytes": mp4, "path": f"{clip.id}.mp4"}
    np.testing.assert_array_equal(np.asarray(row["landmarks"]), clip.landmarks)
    assert row["qc"] == vars(clip.quality)
    assert row["flags"] == list(clip.flags)


def test_plain_loading_gives_every_value_and_not_the_manifest(load, clips):
    loaded = load()
    assert list(loaded) == ["clips"]
    assert loaded["clips"].features == shard_features(
        ["mouth96", "lipnet"],
        [
            *("s1", "seen4", "seen33", "overlapped", "unseen-lipnet", "unseen"),
            *("synthetic-seen", "synthetic-unseen"),
        ],
    )
    by_id = {clip.id: clip for clip in clips}
    assert sorted(loaded["clips"]["id"]) == sorted(by_id)
    for row in loaded["clips"]:
        assert_same(row, by_id[row["id"]])


def test_streaming_gives_the_same(load, clips):
    by_id = {clip.id: clip for clip in clips}
    rows = list(load(split="clips", streaming=True))
    assert len(rows) == len(clips)
    for row in rows:
        assert_same(row, by_id[row["id"]])


@pytest.mark.parametrize("streaming", [False, True])
def test_columns_and_filters(load, clips, streaming):
    rows = list(
        load(
            split="clips",
            columns=["id", "text", "crop_mouth96"],
            filters=[("split_s1", "==", "test")],
            streaming=streaming,
        )
    )
    assert len(rows) == 2
    assert all(row.keys() == {"id", "text", "crop_mouth96"} for row in rows)
    by_id = {clip.id: clip for clip in clips}
    for row in rows:
        assert row["crop_mouth96"]["bytes"] == by_id[row["id"]].crops["mouth96"]


@pytest.mark.parametrize("streaming", [False, True])
def test_speaker_is_a_string_to_filter_on(load, streaming):
    rows = load(
        split="clips",
        columns=["id", "landmarks"],
        filters=[("speaker", "==", "s2")],
        streaming=streaming,
    )
    assert [row["id"].split("/")[0] for row in rows] == ["s2"] * 3


def test_landmarks_are_one_array_of_fixed_shape(load, clips):
    arrays = load(split="clips", columns=["id", "landmarks"]).with_format("numpy")
    assert arrays[:4]["landmarks"].shape == (4, 75, 68, 2)


def test_class_encode_column(load):
    encoded = load(split="clips", columns=["speaker"]).class_encode_column("speaker")
    assert encoded.features["speaker"].names == ["s1", "s2", "s3", "s9"]


def test_configs_by_file(load):
    unseen = load("unseen", columns=["id", "split_unseen"])
    assert {name: set(part["split_unseen"]) for name, part in unseen.items()} == {
        "train": {"train"},
        "validation": {"val"},
        "test": {"test"},
    }
    lipnet = load("unseen-lipnet", columns=["id", "split_unseen_lipnet"])
    assert list(lipnet) == ["train_val", "test"]
    assert set(lipnet["train_val"]["split_unseen_lipnet"]) <= {"train", "val"}
    assert set(lipnet["test"]["split_unseen_lipnet"]) == {"test"}


def test_manifest_config_has_every_source_clip(load):
    manifest = load("manifest", split="manifest")
    assert manifest.num_rows == 21
    assert manifest.filter(lambda row: row["status"] == "rejected").num_rows == 2


def test_a_corpus_without_a_crop_profile_of_another_loads_too(tmp_path, clips, write_corpus):
    write_corpus(tmp_path / "corpus", clips[:2], profiles=["mouth96"])
    loaded = datasets.load_dataset(
        str(tmp_path / "corpus"), split="clips", cache_dir=str(tmp_path / "cache")
    )
    assert "crop_lipnet" not in loaded.features
    assert loaded.num_rows == 2


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("card", ["its own", "of this version"])
def test_a_corpus_in_the_earlier_order_of_columns_loads_as_before(
    tmp_path, clips, write_corpus, card, streaming
):
    """A new card comes with `gridkit publish`, or with shards that were added later."""
    folder = tmp_path / "corpus"
    with layout_1():
        write_corpus(folder, clips)
    if card == "of this version":
        parts = read_corpus_file(folder), read_manifest(folder / MANIFEST_NAME)
        text = render_card(*parts, read_landmarks_file(folder))
        assert text != (folder / CARD_NAME).read_text()
        (folder / CARD_NAME).write_text(text)
    options = {"split": "clips", "streaming": streaming, "cache_dir": str(tmp_path / "cache")}
    by_id = {clip.id: clip for clip in clips}
    rows = list(datasets.load_dataset(str(folder), **options))
    assert len(rows) == len(clips)
    for row in rows:
        assert_same(row, by_id[row["id"]])
    some = datasets.load_dataset(str(folder), columns=["id", "text"], **options)
    assert {row["id"]: row["text"] for row in some} == {clip.id: clip.text for clip in clips}


TEXT_ALONE = """
from datasets import load_dataset
stream = load_dataset("lab/grid", split="clips", streaming=True, columns=["id", "text"])
print(sum(len(row["text"].split()) == 6 for row in stream))
"""


def test_text_alone_costs_a_stream_little(tmp_path, full_speaker, write_corpus, hub_server):
    """A shard as large as a real one: what is fetched ahead would be most of it."""
    write_corpus(tmp_path / "corpus", full_speaker)
    hub_server.create_repo("lab/grid")
    hub_server.commit_folder("lab/grid", tmp_path / "corpus")
    read = subprocess.run(
        [sys.executable, "-c", TEXT_ALONE],
        env=hub_server.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(read.stdout) == len(full_speaker) == 100
    shard_bytes = (tmp_path / "corpus/data/s1-00000.parquet").stat().st_size
    assert shard_bytes > 8e6
    fetched = [seen for seen in hub_server.seen if seen.path.endswith(".parquet")]
    assert 0 < sum(seen.sent_bytes for seen in fetched) < 0.03 * shard_bytes


STOPS_EARLY = """
import subprocess
import sys
from dataclasses import replace
from datasets import load_dataset
corpus, cache = sys.argv[1:]
stream = load_dataset(corpus, split="clips", streaming=True, cache_dir=cache)
print(next(iter(stream))["id"], flush=True)
"""


def test_a_program_that_stops_streaming_early_ends_well(tmp_path, full_speaker, write_corpus):
    """Shards as full and large as real ones: small ones never hung."""
    write_corpus(tmp_path / "corpus", full_speaker)
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", STOPS_EARLY, tmp_path / "corpus", tmp_path / "cache"],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert (ended.returncode, ended.stdout.split()) == (0, [full_speaker[0].id])
