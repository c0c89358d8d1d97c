import random

import pyarrow.parquet as pq
import pytest

from gridkit.corpus.records import Flag, ManifestRow, Quality, Reason, Status
from gridkit.errors import CorpusError
from gridkit.store.manifest import read_manifest, source_ids, write_manifest

SPLITS = ["unseen-lipnet", "s1", "my_split"]
KEPT = ManifestRow(
    "video/s1.zip!s1/bbaf2n.mpg",
    "s1/bbaf2n",
    "s1",
    "bbaf2n",
    Status.KEPT,
    flags=(Flag.CLIPPED, Flag.AUDIO_SHORT),
    quality=Quality(0, 1, 0, 2, 51.5, 0.93, 20.25, 47_635, 12),
    splits={"s1": "train", "my_split": "test"},
    shard="data/s1-00000.parquet",
    row=0,
)


def test_what_is_written_is_read_by_source_path(tmp_path, rejected):
    rows = [KEPT, *rejected]
    write_manifest(tmp_path / "manifest.parquet", rows, SPLITS)
    read = read_manifest(tmp_path / "manifest.parquet")
    assert list(read) == sorted(rows, key=lambda row: row.source_path)


def test_order_of_rows_and_splits_moves_no_byte(tmp_path, rejected):
    rows = [KEPT, *rejected]
    first = write_manifest(tmp_path / "a.parquet", rows, SPLITS)
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        assert write_manifest(tmp_path / "b.parquet", rows, SPLITS[::-1]) == first
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_columns_are_those_of_the_design(tmp_path):
    write_manifest(tmp_path / "a.parquet", [KEPT], SPLITS)
    assert pq.read_schema(tmp_path / "a.parquet").names == [
        *("source_path", "id", "speaker", "code", "status", "reason", "detail", "flags", "qc"),
        *("split_s1", "split_unseen_lipnet", "split_my_split", "shard", "row"),
    ]


def test_an_empty_manifest_is_one(tmp_path):
    write_manifest(tmp_path / "a.parquet", [], ["s1"])
    assert list(read_manifest(tmp_path / "a.parquet")) == []


def test_source_ids_are_of_kept_and_rejected_clips(rejected):
    assert source_ids([KEPT, *rejected]) == {"s1/bbaf2n", "s1/lrae3s"}


def test_a_reason_of_a_newer_version_is_one_line(tmp_path):
    class Newer(str):
        __slots__ = ()

    row = ManifestRow("a.mpg", None, None, None, Status.REJECTED, reason=Newer("too-loud"))
    write_manifest(tmp_path / "a.parquet", [row], ["s1"])
    with pytest.raises(CorpusError, match="'too-loud' is not a valid Reason"):
        read_manifest(tmp_path / "a.parquet")
    assert "too-loud" not in list(Reason)


def test_a_shard_is_no_manifest(pristine):
    with pytest.raises(CorpusError, match="not a manifest"):
        read_manifest(pristine / "data" / "s1-00000.parquet")
