"""What tells of clips is found by its name, by what an archive holds, and under other names."""

import io
import os
import tarfile
import zipfile

import pytest

from gridkit.evaluation.sandbox.telling import inodes_of, telling_of_clips


def write_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")


def write_tar(path, names):
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())


@pytest.mark.parametrize(
    "name",
    [
        "bbaf2n.mpg", "deep/er/bbaf2n.mkv", "bbaf2n.wav", "BBAF2N.WAV", "s1_bbaf2n.flac", "lwiy6n",
        "s1-bbaf2n.en.txt", "notes.align", "part.parquet", "s1.zip", "alignments.zip",
        "s3.mpg_vcd.zip", "backup.7z",
    ],
)  # fmt: skip
def test_grids_files_are_found_by_their_names(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x")
    assert telling_of_clips(tmp_path) == [tmp_path / name]
    assert telling_of_clips(tmp_path / name) == [tmp_path / name]


@pytest.mark.parametrize(
    "name", ["model.py", "weights.bin", "config.txt", "audio.wav", "labels.npy", "abbaf2n.txt"]
)
def test_a_models_own_files_are_not(tmp_path, name):
    (tmp_path / name).write_text("x")
    assert telling_of_clips(tmp_path) == []


def test_archives_are_looked_into(tmp_path):
    write_zip(tmp_path / "mine.zip", ["video/s1/bbaf2n.mpg", "README"])
    write_tar(tmp_path / "mine.tar.gz", ["README", "s1/bbaf2n.align"])
    (tmp_path / "broken.zip").write_text("not one")
    write_zip(tmp_path / "weights.zip", ["layer/0.npy"])
    write_tar(tmp_path / "weights.tgz", ["layer/0.npy"])
    found = {path.name for path in telling_of_clips(tmp_path)}
    assert found == {"mine.zip", "mine.tar.gz", "broken.zip"}


def test_corpora_and_results_below_are_found_as_a_whole(tmp_path):
    for name in ("corpus/corpus.json", "corpus/README.md", "results/mine/clips.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = telling_of_clips(tmp_path)
    assert sorted(found) == [tmp_path / "corpus", tmp_path / "results/mine"]
    # a folder is not found for what it holds itself: a model may lie in a result
    assert telling_of_clips(tmp_path / "corpus") == [tmp_path / "corpus/corpus.json"]


def test_a_hard_link_to_a_hidden_file_is_found(tmp_path):
    for name in ("corpus/shard", "model/weights"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    os.link(tmp_path / "corpus/shard", tmp_path / "model/words.bin")
    os.link(tmp_path / "model/weights", tmp_path / "model/weights-too")
    secret = inodes_of([tmp_path / "corpus"])
    assert len(secret) == 1
    assert telling_of_clips(tmp_path / "model", secret) == [tmp_path / "model/words.bin"]
