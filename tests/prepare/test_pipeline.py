"""The whole of prepare on synthetic clips: what comes out, resuming, extending, refusing."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.executors import Here
from support.small_corpus import layout_1

from gridkit.compute.lock import folder_lock
from gridkit.corpus.alignment import SILENCES
from gridkit.corpus.grammar import words_of
from gridkit.corpus.records import Reason, Status
from gridkit.corpus.splits import import_split
from gridkit.errors import (
    CorpusError,
    DiskFullError,
    EnvironmentProblem,
    InputError,
    LockedError,
    MediaError,
)
from gridkit.media.codecs import decode_crop
from gridkit.prepare import clip as clip_module
from gridkit.prepare.batch import ClipJob, prepare_outcome
from gridkit.prepare.pipeline import Request, prepare_corpus
from gridkit.prepare.request import make_settings
from gridkit.store.reader import open_corpus
from gridkit.synthesize.corpus import unused_codes


def test_every_clip_becomes_a_row_with_all_its_data(prepared, talking) -> None:
    corpus = open_corpus(prepared)
    clips = list(corpus.clips())
    assert len(clips) == 8 == len(list(talking.rglob("*.mpg")))
    assert corpus.file.counts.found == corpus.file.counts.kept == 8
    assert corpus.file.synthetic
    for clip in clips:
        assert decode_crop(clip.crops["mouth96"]).luma.shape == (75, 96, 96)
        assert clip.landmarks.shape == (75, 68, 2)
        assert " ".join(word.word for word in clip.words) == clip.text
        assert clip.quality.missing_faces == 0
        assert clip.quality.faces == 1
    rows = corpus.manifest
    assert [row.status for row in rows] == [Status.KEPT] * 8
    assert {row.source_path for row in rows} == {
        path.relative_to(talking).as_posix() for path in talking.rglob("*.mpg")
    }


def test_bytes_do_not_depend_on_the_number_of_processes(
    prepared, talking, tmp_path, prepare, hashes
) -> None:
    prepare(tmp_path / "corpus", talking, workers=2)
    assert hashes(tmp_path / "corpus") == hashes(prepared)


def test_a_run_over_a_finished_corpus_does_nothing(
    prepared, talking, tmp_path, prepare, hashes, monkeypatch
) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "corpus"))
    before = hashes(folder)
    here = Here()
    prepare(folder, talking, executor=here)
    assert here.done == []
    assert hashes(folder) == before == hashes(prepared)


RUN = """
import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path
from gridkit.prepare.pipeline import Request, prepare_corpus
from gridkit.prepare.request import make_settings

folder, source, last = map(Path, sys.argv[1:])
there = False

def die_after_last(event, arguments):
    global there
    if there:
        there = False  # to kill is an event too
        parent = multiprocessing.parent_process()
        os.kill(parent.pid if parent else os.getpid(), signal.SIGKILL)
    there = event == "os.rename" and Path(arguments[1]) == last

sys.addaudithook(die_after_last)  # in workers too, which import this file
if __name__ == "__main__":
    prepare_corpus(Request(folder, source, "talking", make_settings(()), workers=1))
"""


@pytest.mark.parametrize("moment", ["first batch", "finishing"])
def test_a_killed_run_goes_on_and_ends_byte_identical(
    prepared, talking, tmp_path, prepare, hashes, moment
) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    folder = tmp_path / "corpus"
    record = folder / ".gridkit" / "batches" / "x1-00000.json"
    last = record if moment == "first batch" else folder / "data" / "x1-00000.parquet"
    run = subprocess.run([sys.executable, script, folder, talking, last])
    assert run.returncode == -signal.SIGKILL
    assert last.is_file()
    assert not (folder / "corpus.json").is_file()
    with pytest.raises(CorpusError, match="not finished"):
        open_corpus(folder)
    finished = record.stat()
    prepare(folder, talking)
    assert hashes(folder) == hashes(prepared)
    assert not record.exists()
    assert finished.st_ino  # it was there before the second run began


def test_finished_batches_are_not_done_again(talking, tmp_path, prepare) -> None:
    first, second = Here(most=1), Here()
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "corpus", talking, executor=first)
    prepare(tmp_path / "corpus", talking, executor=second)
    assert first.done == ["data/x1-00000.parquet"]
    assert second.done == ["data/x2-00000.parquet"]


def test_a_further_profile_is_added_and_gives_the_same_as_both_at_once(
    talking, tmp_path, prepare, hashes
) -> None:
    prepare(tmp_path / "one-by-one", talking)
    prepare(tmp_path / "one-by-one", talking, crops=("lipnet",))
    prepare(tmp_path / "at-once", talking, crops=("mouth96", "lipnet"))
    assert hashes(tmp_path / "one-by-one") == hashes(tmp_path / "at-once")
    clip = next(open_corpus(tmp_path / "at-once").clips())
    assert set(clip.crops) == {"mouth96", "lipnet"}


def test_a_corpus_in_the_earlier_order_of_columns_is_written_again_without_decoding(
    prepared, talking, tmp_path, prepare, hashes, monkeypatch
) -> None:
    folder = tmp_path / "corpus"
    with layout_1():
        prepare(folder, talking)
    assert hashes(folder) != hashes(prepared)
    monkeypatch.setattr(clip_module, "decode_clip", lambda *_, **__: pytest.fail("decoded"))
    prepare(folder, talking, executor=Here())
    assert hashes(folder) == hashes(prepared)


def test_the_preview_shows_each_profile(prepared, talking, tmp_path, prepare) -> None:
    prepare(tmp_path / "both", talking, crops=("mouth96", "lipnet"))
    sheet = cv2.imread(str(tmp_path / "both" / "preview.png")).astype(int)
    above, below = np.split(sheet, [len(cv2.imread(str(prepared / "preview.png")))])
    assert not (np.ptp(above, axis=2) > 20).any()  # mouth96 is gray, lipnet in colour
    assert (np.ptp(below, axis=2) > 20).any()


def test_a_further_profile_needs_no_detection(prepared, talking, monkeypatch) -> None:
    from gridkit.prepare.plan import make_plan
    from gridkit.prepare.sources import scan

    monkeypatch.setattr(clip_module, "tracker", lambda model: pytest.fail("faces were tracked"))
    task = make_plan(scan(talking), "talking").batches[0].tasks[0]
    kept = next(open_corpus(prepared).clips())
    assert kept.id == task.id
    extended = prepare_outcome(ClipJob(task, make_settings(("mouth96", "gan")), kept))
    assert set(extended.crops) == {"mouth96", "gan"}
    assert extended.crops["mouth96"] == kept.crops["mouth96"]


def test_alignments_in_wrong_folders_change_nothing(
    prepared, source, tmp_path, prepare, hashes
) -> None:
    x1, x2 = source / "alignments" / "x1", source / "alignments" / "x2"
    x1.rename(source / "aside")
    x2.rename(x1)
    (source / "aside").rename(x2)
    corpus = prepare(tmp_path / "corpus", source)
    assert corpus.misfiled_alignments == {"x1 <- x2": 4, "x2 <- x1": 4}
    permuted, straight = hashes(tmp_path / "corpus"), hashes(prepared)
    data = [name for name in straight if name.endswith(".parquet")]
    assert len(data) == 3
    assert {name: permuted[name] for name in data} == {name: straight[name] for name in data}


def test_a_changed_clip_is_done_again(source, tmp_path, prepare) -> None:
    prepare(tmp_path / "corpus", source)
    victim = next((source / "x2").glob("*.mpg"))
    victim.write_bytes(b"")
    corpus = prepare(tmp_path / "corpus", source)
    assert corpus.counts.rejected == {"unreadable": 1}
    assert corpus.counts.kept == 7


def test_a_damaged_shard_is_mended(talking, tmp_path, prepare, hashes) -> None:
    folder = tmp_path / "corpus"
    prepare(folder, talking)
    before = hashes(folder)
    (folder / "data" / "x1-00000.parquet").write_bytes(b"damaged")
    (folder / "data" / "x2-00000.parquet").unlink()
    prepare(folder, talking)
    assert hashes(folder) == before


def test_the_second_run_on_a_folder_stops(talking, tmp_path, prepare) -> None:
    with folder_lock(tmp_path / "corpus"), pytest.raises(LockedError, match="another gridkit run"):
        prepare(tmp_path / "corpus", talking)


def test_a_full_disk_is_a_clear_error_and_nothing_is_half_written(
    talking, prepared, tmp_path, prepare, hashes, monkeypatch
) -> None:
    folder = tmp_path / "corpus"
    real_fsync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 24:  # the outline and the first batch fit, the second does not
            raise OSError(errno.ENOSPC, "No space left on device")
        real_fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="no space left for"):
        prepare(folder, talking, executor=Here())
    monkeypatch.undo()
    assert list((folder / ".gridkit" / "data").glob("*.parquet"))
    assert not list(folder.rglob("*.part"))
    assert not (folder / "corpus.json").exists()
    prepare(folder, talking)
    assert hashes(folder) == hashes(prepared)


def test_a_corpus_of_a_newer_gridkit_is_left_alone(talking, tmp_path, prepare, hashes) -> None:
    folder = tmp_path / "corpus"
    prepare(folder, talking)
    content = json.loads((folder / "corpus.json").read_text())
    content["schema_version"] = 99
    (folder / "corpus.json").write_text(json.dumps(content))
    before = hashes(folder)
    with pytest.raises(CorpusError, match="newer gridkit"):
        prepare(folder, talking)
    assert hashes(folder) == before


def test_clips_are_never_dropped_from_a_corpus(talking, tmp_path, prepare) -> None:
    prepare(tmp_path / "corpus", talking)
    with pytest.raises(InputError, match="holds clips of x1"):
        prepare(tmp_path / "corpus", talking, speakers=("x2",))


def test_not_even_one_clip_is_dropped_from_a_corpus(source, tmp_path, prepare, hashes) -> None:
    folder = tmp_path / "corpus"
    prepare(folder, source, speakers=("x1",))
    before = hashes(folder)
    lost = min(source.rglob("x1/*.mpg"))
    lost.unlink()
    with pytest.raises(InputError, match=f"holds clips of x1 .*1, such as x1/{lost.stem}"):
        prepare(folder, source, speakers=("x1",))
    assert hashes(folder) == before


@pytest.mark.parametrize("name", ["README.md", "preview.png", "data/mine.parquet"])
def test_a_folder_with_files_of_someone_else_is_left_alone(
    name, talking, tmp_path, prepare, hashes
) -> None:
    mine = tmp_path / "project" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(InputError, match=f"{name} exists and is not part of a finished corpus"):
        prepare(tmp_path / "project", talking)
    assert list(hashes(tmp_path / "project")) == [name]


def test_a_shard_of_someone_else_in_a_corpus_is_not_removed(talking, tmp_path, prepare) -> None:
    folder = tmp_path / "corpus"
    prepare(folder, talking, speakers=("x1",))
    mine = folder / "data" / "mine.parquet"
    mine.write_text("mine")
    with pytest.raises(InputError, match=r"mine\.parquet exists"):
        prepare(folder, talking)
    assert mine.read_text() == "mine"


def test_speakers_can_be_added(talking, prepared, tmp_path, prepare, hashes) -> None:
    folder = tmp_path / "corpus"
    prepare(folder, talking, speakers=("x1",))
    assert open_corpus(folder).file.counts.found == 4
    prepare(folder, talking)
    assert hashes(folder) == hashes(prepared)


def test_a_folder_that_may_not_be_written_is_refused(talking, tmp_path) -> None:
    """As another user: root may write anywhere."""
    folder = tmp_path / "corpus"
    folder.mkdir(mode=0o555)
    if os.geteuid() != 0:
        with pytest.raises(EnvironmentProblem, match="cannot write to"), folder_lock(folder):
            pass
        return
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            with folder_lock(folder):
                os.write(writer, b"written")
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    message = os.read(reader, 1000).decode()
    assert message.startswith("EnvironmentProblem: cannot write to")
    assert str(folder) in message


BROKEN = {
    "zero-byte": Reason.UNREADABLE,
    "text": Reason.UNREADABLE,
    "cut-off": Reason.FRAME_COUNT,
    "74-frames": Reason.FRAME_COUNT,
    "76-frames": Reason.FRAME_COUNT,
    "30-fps": Reason.FRAME_RATE,
    "silent": Reason.NO_AUDIO,
    "sound-only": Reason.NO_VIDEO,
    "small": Reason.SIZE,
    "faceless": Reason.NO_FACE,
}


STREAMS = {
    "74-frames": {"frames": 74},
    "76-frames": {"frames": 76},
    "30-fps": {"rate_fps": 30},
    "silent": {"sound": None},
    "sound-only": {"frames": 0},
    "small": {"size": (176, 144)},
    "faceless": {},
}


def break_clip(kind: str, whole: bytes, path: Path, make_clip) -> None:
    """Write a clip that is wrong in one way."""
    contents = {
        "zero-byte": b"",
        "text": b"this is no video\n" * 100,
        "cut-off": whole[: len(whole) // 2],
    }
    if kind in contents:
        path.write_bytes(contents[kind])
        return
    sound = np.random.default_rng(0).integers(-3000, 3000, 48_000).astype(np.int16)
    whole_clip = {"size": (360, 288), "sound": sound, "format": "matroska"}
    make_clip(path, **{**whole_clip, **STREAMS[kind]})


def alignment_of(code: str, like: str) -> str:
    """Return another alignment with the words of a code."""
    words = iter(words_of(code))
    lines = (line.rsplit(" ", 1) for line in like.splitlines())
    return "\n".join(
        f"{times} {word if word in SILENCES else next(words)}" for times, word in lines
    )


def test_every_broken_clip_is_rejected_with_its_reason(
    source, tmp_path, prepare, make_clip
) -> None:
    clips = sorted(source.rglob("*.mpg"))
    text = next((source / "alignments").rglob("*.align")).read_text()
    codes = [code for code in unused_codes() if code not in {path.stem for path in clips}]
    expected = {}
    for code, (kind, reason) in zip(codes, BROKEN.items(), strict=False):
        break_clip(kind, clips[0].read_bytes(), source / "x1" / f"{code}.mpg", make_clip)
        (source / "alignments" / "x1" / f"{code}.align").write_text(alignment_of(code, text))
        expected[f"x1/{code}.mpg"] = reason
    corpus = prepare(tmp_path / "corpus", source)
    rows = {row.source_path: row for row in open_corpus(tmp_path / "corpus").manifest}
    assert {key: rows[key].reason for key in expected} == expected
    assert all(rows[key].detail and "\n" not in rows[key].detail for key in expected)
    assert corpus.counts.found == 8 + len(BROKEN)
    assert corpus.counts.kept == 8
    assert corpus.counts.found == corpus.counts.kept + sum(corpus.counts.rejected.values())


def test_a_clip_that_changed_behind_the_back_is_not_extended(prepared, source, make_clip) -> None:
    from gridkit.prepare.plan import make_plan
    from gridkit.prepare.sources import scan

    task = make_plan(scan(source), "talking").batches[0].tasks[0]
    kept = next(open_corpus(prepared).clips())
    (source / task.file.key).write_bytes(b"")
    with pytest.raises(MediaError, match="no longer be decoded"):
        prepare_outcome(ClipJob(task, make_settings(("gan",)), kept))


def test_an_imported_split_outlives_the_file_it_came_from(
    talking, tmp_path, prepare, hashes
) -> None:
    ids = sorted(f"{path.parent.name}/{path.stem}" for path in talking.rglob("*.mpg"))
    # a clip that the source lacks stays in the list: its hash is that of the definition
    mine = import_split("mine", {"train": "\n".join(ids[:5]), "test": f"{ids[6]}\ns1/bbaf2n"})
    folder = tmp_path / "corpus"
    prepare(folder, talking)
    prepare(folder, talking, imported_splits=(mine,))
    corpus = prepare(folder, talking, crops=("lipnet",))
    subsets = corpus.splits["mine"].subsets
    assert (subsets["test"].clips, subsets["test"].here) == (2, 1)
    assert subsets["test"].sha256 == mine.sha256("test")
    rows = {row.id: row.splits.get("mine") for row in open_corpus(folder).manifest}
    assert rows[ids[0]] == "train"
    assert rows[ids[6]] == "test"
    assert rows[ids[7]] is None
    prepare(tmp_path / "at-once", talking, crops=("mouth96", "lipnet"), imported_splits=(mine,))
    assert hashes(folder) == hashes(tmp_path / "at-once")


def test_a_lossless_corpus_stays_lossless(talking, tmp_path, prepare, hashes) -> None:
    folder = tmp_path / "corpus"
    lossless = make_settings((), lossless=True)
    prepare_corpus(Request(folder, talking, "talking", lossless, ("x1",)))
    before = hashes(folder)
    prepare(folder, talking, speakers=("x1",))
    assert hashes(folder) == before
