"""There and back on real clips: published, loaded by `datasets`, every value equal."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from publish.load_from_hub import digest

from gridkit.cli.main import main
from gridkit.corpus.codes import ranked_ids, split_id
from gridkit.prepare.pipeline import Request, prepare_corpus
from gridkit.prepare.request import make_settings
from gridkit.store.reader import open_corpus

REPO = "lab/real"
LOADER = Path(__file__).parent / "load_from_hub.py"
CLIPS = {"s1": 3, "s2": 1, "s3": 1, "s20": 1}
"""In `unseen`: s1 and s3 train, s20 validates, s2 tests."""


@pytest.fixture(scope="module")
def corpus_dir(grid_dir, tmp_path_factory):
    """Some real clips, among them test clips of s1 and the first of other speakers."""
    folder = tmp_path_factory.mktemp("real")
    there = {path.stem: path for path in sorted(grid_dir.rglob("*.mpg"))}
    source = folder / "source"
    for speaker, count in CLIPS.items():
        wanted = [split_id(clip)[1] for clip in ranked_ids(speaker)]
        (source / speaker).mkdir(parents=True)
        for code in [code for code in wanted if code in there][:count]:
            (source / speaker / f"{code}.mpg").symlink_to(there[code])
    settings = make_settings(("mouth96", "lipnet"))
    alignments = grid_dir / "alignments.zip"
    prepare_corpus(Request(folder / "corpus", source, "grid", settings, alignments=alignments))
    return folder / "corpus"


@pytest.mark.grid
def test_real_clips_come_back_as_they_were(corpus_dir, hub_server, tmp_path):
    with pytest.raises(SystemExit) as left:
        main(["publish", str(corpus_dir), "--repo", REPO, "--workers", "1"])
    assert left.value.code == 0
    command = [sys.executable, str(LOADER), REPO, str(tmp_path / "cache")]
    loaded = subprocess.run(
        command, env=hub_server.environment(), capture_output=True, text=True, check=True
    )
    check(corpus_dir, json.loads(loaded.stdout))


def check(folder, found):
    """Compare what was loaded with the shards, read by pyarrow, and with the manifest."""
    corpus = open_corpus(folder)
    shards = [pq.read_table(folder / shard) for shard in corpus.file.shards]
    expected = {row["id"]: digest(row) for shard in shards for row in shard.to_pylist()}
    assert len(expected) == corpus.file.counts.kept > 0
    assert found["plain"] == expected
    assert found["streaming"] == expected
    assert "decode=False" in found["features"]["audio"]
    assert "decode=False" in found["features"]["crop_mouth96"]

    def ids(split, *subsets):
        return sorted(row.id for row in corpus.manifest if row.splits.get(split) in subsets)

    for split in ("s1", "seen33"):
        assert found["filtered"][split] == ids(split, "test")
    assert found["filtered"]["s1"]
    assert found["filtered"]["unseen-lipnet"] == ids("unseen-lipnet", "val")
    assert found["configs"]["unseen"] == {
        "train": ids("unseen", "train"),
        "validation": ids("unseen", "val"),
        "test": ids("unseen", "test"),
    }
    assert found["configs"]["unseen-lipnet"] == {
        "train_val": ids("unseen-lipnet", "train", "val"),
        "test": ids("unseen-lipnet", "test"),
    }
    assert found["manifest"] == len(corpus.manifest)


if __name__ == "__main__":  # python test_round_trip.py CORPUS LOADED.json
    check(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
