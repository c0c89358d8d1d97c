"""What every format shares: counts, a folder that is whole or not there, errors of one line."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support.small_corpus import make_clip, tiny_ids, write_corpus

from gridkit.errors import CorpusError
from gridkit.publish.export import run as module
from gridkit.store.reader import open_corpus

FORMATS = ("webdataset", "lhotse", "filelist")
CROP = ("--crop", "mouth96")


@pytest.mark.parametrize("format_name", FORMATS)
def test_counts_add_up(gridkit, corpus_dir, tmp_path, format_name):
    out = tmp_path / "out"
    options = ("--format", format_name, *CROP, "--out", out, "--split", "s1")
    status, said, _ = gridkit("export", corpus_dir, *options, "--json")
    assert status == 0
    told = json.loads(said)
    assert told["clips"] == {"train": 6, "val": 2, "test": 2}
    assert told["left_out"] == 9
    shutil.rmtree(out)
    _, said, _ = gridkit("export", corpus_dir, *options)
    assert "10 of 19 clips" in said
    assert "left out       9  not in s1" in said


@pytest.mark.parametrize("format_name", FORMATS)
def test_without_a_split_all_clips_are_one_part(gridkit, corpus_dir, tmp_path, format_name):
    out = tmp_path / "out"
    status, said, _ = gridkit(
        "export", corpus_dir, "--format", format_name, *CROP, "--out", out, "--json"
    )
    assert status == 0
    assert json.loads(said)["clips"] == {"clips": 19}


@pytest.mark.parametrize("format_name", FORMATS)
def test_same_bytes_again(exported, contents, format_name):
    out = exported(format_name)
    first = contents(out)
    shutil.rmtree(out)
    assert contents(exported(format_name)) == first
    assert not [name for name in first if "lock" in name or "part" in name]


def test_licence_and_attribution_travel_along(exported, corpus_dir):
    out = exported("webdataset")
    assert (out / "CORPUS.md").read_bytes() == (corpus_dir / "README.md").read_bytes()
    text = (out / "README.md").read_text()
    assert "13 train, 3 val, 3 test of split `unseen`, with crop `mouth96`" in text
    assert "CORPUS.md" in text
    assert "WebDataset" in text


@pytest.mark.parametrize("format_name", FORMATS)
def test_failure_leaves_nothing_and_the_next_run_is_whole(
    exported, contents, corpus_dir, tmp_path, gridkit, monkeypatch, format_name
):
    out = exported(format_name)
    whole = contents(out)
    shutil.rmtree(out)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_readme", full)
        status, _, err = gridkit(
            "export", corpus_dir, "--format", format_name, "--split", "unseen", *CROP,
            "--out", out,
        )  # fmt: skip
    assert status == 4
    assert err.splitlines()[-1].startswith(f"gridkit: no space left for {out}; nothing of it stays")
    assert list(tmp_path.iterdir()) == []
    assert contents(exported(format_name)) == whole


def test_what_a_kill_leaves_is_overwritten(exported, contents, tmp_path):
    out = exported("lhotse")
    whole = contents(out)
    # killed in the middle: some files, under the hidden name, and a lock nobody holds
    left = out.rename(tmp_path / ".lhotse.part")
    (left / "grid_cuts_test.jsonl.gz").write_bytes(b"half")
    (left / "audio/s1/stray.flac").write_bytes(b"other")
    assert contents(exported("lhotse")) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["lhotse"]


def start(corpus_dir, out):
    """An export that stands still after its first clip, in a process of its own."""
    code = (
        "import sys, time\n"
        "from gridkit.publish.export import selection\n"
        "clips = selection.Selection.clips\n"
        "def slow(self):\n"
        "    for part, clip in clips(self):\n"
        "        yield part, clip\n"
        "        print('wrote one', flush=True)\n"
        "        time.sleep(60)\n"
        "selection.Selection.clips = slow\n"
        "from gridkit.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    arguments = ["export", corpus_dir, "--format", "lhotse", *CROP, "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "wrote one\n"
    return process


def test_interrupted_run_leaves_nothing(corpus_dir, tmp_path):
    process = start(corpus_dir, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_killed_run_leaves_no_folder_of_that_name(corpus_dir, tmp_path, gridkit):
    process = start(corpus_dir, tmp_path / "out")
    status, _, err = gridkit(
        "export", corpus_dir, "--format", "lhotse", *CROP, "--out", tmp_path / "out"
    )
    assert status == 4
    assert f"another gridkit run (process {process.pid}) works in" in err
    process.kill()
    process.communicate(timeout=120)
    assert not (tmp_path / "out").exists()
    for _ in range(100):  # the kernel drops the lock a moment later
        status, *_ = gridkit(
            "export", corpus_dir, "--format", "lhotse", *CROP, "--out", tmp_path / "out"
        )
        if status == 0:
            break
        time.sleep(0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_that_holds_other_things_is_refused(gridkit, corpus_dir, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    for out in (tmp_path, tmp_path / "mine.txt"):
        status, _, err = gridkit("export", corpus_dir, "--format", "lhotse", *CROP, "--out", out)
        assert status == 2
        assert err == (
            f"gridkit: {out} exists and is not an empty folder; remove it, or name another --out\n"
        )
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert len(list(tmp_path.iterdir())) == 1


def test_empty_folder_is_taken(gridkit, corpus_dir, tmp_path):
    (tmp_path / "out").mkdir()
    status, *_ = gridkit(
        "export", corpus_dir, "--format", "lhotse", *CROP, "--out", tmp_path / "out"
    )
    assert status == 0
    assert (tmp_path / "out/grid_cuts_clips.jsonl.gz").is_file()


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (("--split", "s99", *CROP), 2, "--split s99: expected NAME or NAME:subset; "),
        (("--split", "s1:dev", *CROP), 2, "with the subsets train, val, test"),
        (("--split", "s1", "--crop", "gan"), 3, "has no crop gan (it has lipnet, mouth96); add it"),
        (("--split", "s1"), 2, "has the crops lipnet, mouth96; choose one by --crop"),
        (("--split", "synthetic-seen", *CROP), 3, "holds no clip of synthetic-seen"),
    ],
)
def test_errors_are_one_line(gridkit, corpus_dir, tmp_path, options, status, says):
    out = tmp_path / "out"
    left, _, err = gridkit("export", corpus_dir, "--format", "lhotse", "--out", out, *options)
    assert left == status
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_corpus_without_a_crop(gridkit, tmp_path):
    clips = [make_clip(clip, []) for clip in tiny_ids()[:2]]
    write_corpus(tmp_path / "bare", clips, profiles=[])
    out = tmp_path / "out"
    status, _, err = gridkit("export", tmp_path / "bare", "--format", "lhotse", "--out", out)
    assert status == 3
    assert f"has no crop mouth96 (it has none); add it: gridkit prepare {tmp_path / 'bare'}" in err
    with pytest.raises(CorpusError, match=r"it has none"):
        next(open_corpus(tmp_path / "bare").clips(profiles=["lipnet"]))


def test_damaged_sound_names_the_clip(gridkit, corpus_dir, tmp_path, monkeypatch):
    from gridkit.store import reader

    def silent(batch):
        from dataclasses import replace

        for clip in clips_of(batch):
            yield replace(clip, audio_flac=b"no sound")

    clips_of = reader.clips_of
    monkeypatch.setattr(reader, "clips_of", silent)
    out = tmp_path / "out"
    status, _, err = gridkit("export", corpus_dir, "--format", "filelist", *CROP, "--out", out)
    assert status == 3
    assert "gridkit: s1/" in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(gridkit, corpus_dir, tmp_path):
    tmp_path.chmod(0o500)
    status, _, err = gridkit(
        "export", corpus_dir, "--format", "lhotse", *CROP, "--out", tmp_path / "out"
    )
    tmp_path.chmod(0o700)
    assert status == 4
    assert err.startswith("gridkit: cannot write")
