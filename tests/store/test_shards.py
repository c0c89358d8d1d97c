import errno
import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from gridkit.errors import CorpusError, DiskFullError
from gridkit.store import files
from gridkit.store.files import file_sha256
from gridkit.store.parquet import read_batches
from gridkit.store.shards import read_shard, shard_bytes, write_shard

PROFILES = ("mouth96", "lipnet")
SPLITS = ("s1", "unseen-lipnet")


def without_lipnet(clip):
    return replace(clip, crops={"mouth96": clip.crops["mouth96"]})


def subsets_of(clips):
    return {clip.id: {"s1": "train", "unseen-lipnet": "test"} for clip in clips}


def write(path, clips, profiles=PROFILES, splits=SPLITS):
    return write_shard(path, clips, subsets_of(clips), profiles=profiles, split_names=splits)


def assert_equal(one, other):
    assert replace(one, landmarks=None) == replace(other, landmarks=None)
    assert one.landmarks.dtype == other.landmarks.dtype
    np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_what_is_written_is_read(tmp_path, clips):
    info = write(tmp_path / "data" / "s1-00000.parquet", clips)
    read = list(read_shard(info.path))
    assert len(read) == len(clips) == info.rows
    for one, other in zip(read, clips, strict=True):
        assert_equal(one, other)
    content = info.path.read_bytes()
    assert info.bytes == len(content)
    assert info.sha256 == hashlib.sha256(content).hexdigest() == file_sha256(info.path)


def test_only_the_wanted_crops_are_read(tmp_path, clips):
    info = write(tmp_path / "s1-00000.parquet", clips)
    read = next(read_shard(info.path, ["lipnet"]))
    assert dict(read.crops) == {"lipnet": clips[0].crops["lipnet"]}
    with pytest.raises(CorpusError, match="no column crop_gan"):
        next(read_shard(info.path, ["gan"]))


def test_media_have_paths_that_name_the_clip(tmp_path, clip):
    info = write(tmp_path / "s1-00000.parquet", [clip])
    row = next(read_batches(info.path, ["audio", "crop_lipnet"])).to_pylist()[0]
    assert row["audio"]["path"] == f"{clip.id}.flac"
    assert row["crop_lipnet"]["path"] == f"{clip.id}.mp4"


def test_subsets_go_into_their_columns(tmp_path, clip):
    columns = {clip.id: {"s1": "val", "unseen-lipnet": None}}
    info = write_shard(
        tmp_path / "a.parquet", [clip], columns, profiles=PROFILES, split_names=SPLITS
    )
    row = next(read_batches(info.path, ["split_s1", "split_unseen_lipnet"])).to_pylist()
    assert row == [{"split_s1": "val", "split_unseen_lipnet": None}]


def test_order_of_options_moves_no_byte(clips):
    one = shard_bytes(clips, subsets_of(clips), profiles=PROFILES, split_names=SPLITS)
    other = shard_bytes(clips, subsets_of(clips), profiles=PROFILES[::-1], split_names=SPLITS[::-1])
    assert one == other


def test_another_process_writes_the_same_bytes(tmp_path, clips):
    """Also one that never imported `datasets` before, and hashes strings differently."""
    info = write(tmp_path / "s1-00000.parquet", clips)
    (tmp_path / "clips.pickle").write_bytes(pickle.dumps(clips))
    code = (
        "import pickle, sys, hashlib\n"
        "from gridkit.store.shards import shard_bytes\n"
        "clips = pickle.load(open(sys.argv[1], 'rb'))\n"
        "splits = {c.id: {'unseen-lipnet': 'test', 's1': 'train'} for c in clips}\n"
        "content = shard_bytes(clips, splits, profiles=['lipnet', 'mouth96'],"
        " split_names=['unseen-lipnet', 's1'])\n"
        "print(hashlib.sha256(content).hexdigest())\n"
    )
    for seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "clips.pickle")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == info.sha256


def test_a_profile_and_a_split_added_later_give_the_same_bytes(tmp_path, clips):
    at_once = write(tmp_path / "at_once.parquet", clips)
    bare = [without_lipnet(clip) for clip in clips]
    earlier = write(tmp_path / "earlier.parquet", bare, ["mouth96"], ["s1"])
    crops = {clip.id: clip.crops["lipnet"] for clip in clips}
    extended = [
        replace(clip, crops={**clip.crops, "lipnet": crops[clip.id]})
        for clip in read_shard(earlier.path)
    ]
    assert write(tmp_path / "extended.parquet", extended).sha256 == at_once.sha256


def test_a_shard_is_one_row_group_and_only_plain_columns_have_statistics(tmp_path, clip):
    """With more row groups, `datasets` streaming that stops early hung at exit, or aborted."""
    metadata = pq.read_metadata(write(tmp_path / "a.parquet", [clip] * 100).path)
    assert metadata.num_row_groups == 1
    columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
    with_statistics = {c.path_in_schema for c in columns if c.is_stats_set}
    with_index = {c.path_in_schema for c in columns if c.has_column_index}
    plain = {"id", "speaker", "code", "text", "split_s1", "split_unseen_lipnet"}
    assert with_statistics == with_index == plain
    assert {c.compression for c in columns} == {"ZSTD"}


def test_what_is_no_clip_is_refused(tmp_path, clip):
    path = tmp_path / "a.parquet"
    with pytest.raises(ValueError, match="at least one clip"):
        write(path, [])
    with pytest.raises(ValueError, match="no crop of profile 'lipnet'"):
        write(path, [without_lipnet(clip)])
    with pytest.raises(ValueError, match="expected int16"):
        write(path, [replace(clip, landmarks=clip.landmarks.astype(np.float32))])
    assert not path.exists()


def test_full_disk_leaves_the_earlier_shard(tmp_path, clips, monkeypatch):
    info = write(tmp_path / "data" / "s1-00000.parquet", clips[:2])

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DiskFullError):
        write(info.path, clips)
    assert file_sha256(info.path) == info.sha256
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["s1-00000.parquet"]


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "footer", "missing"])
def test_damaged_shards_are_one_line(tmp_path, clips, damage):
    path = write(tmp_path / "s1-00000.parquet", clips).path
    content = path.read_bytes()
    damaged = {
        "cut": content[: len(content) // 2],
        "garbage": b"not a shard at all",
        "empty": b"",
        "footer": content[:-200] + bytes(192) + content[-8:],
    }
    path.unlink()
    if damage != "missing":
        path.write_bytes(damaged[damage])
    with pytest.raises(CorpusError, match=r"s1-00000\.parquet: cannot be read") as caught:
        list(read_shard(path))
    assert "\n" not in str(caught.value)


def test_reading_without_datasets_gives_the_same_landmarks(tmp_path, clip):
    path = write(tmp_path / "a.parquet", [clip]).path
    code = (
        "import sys; from pathlib import Path\n"
        "from gridkit.store.shards import read_shard\n"
        "points = next(read_shard(Path(sys.argv[1]))).landmarks\n"
        "print('datasets' in sys.modules, points.dtype, points.shape, int(points.sum()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    expected = f"False int16 (75, 68, 2) {int(clip.landmarks.sum())}"
    assert result.stdout.strip() == expected
