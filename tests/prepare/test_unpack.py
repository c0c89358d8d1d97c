"""Unpacking takes exactly the speakers asked for, writes whole files, and can be run again."""

import errno
import io
import json
import os
import random
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gridkit.cli.unpack import command
from gridkit.compute.lock import folder_lock
from gridkit.corpus.codes import codes_by_speaker
from gridkit.errors import (
    ArchiveError,
    DiskFullError,
    EnvironmentProblem,
    InputError,
    LockedError,
)
from gridkit.prepare.unpack import UnpackCounts, member_speaker, unpack


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".gridkit-lock"
    }


def video(speaker: str) -> dict[str, bytes]:
    codes = codes_by_speaker()[speaker][:3]
    return {f"{speaker}/{code}.mpg": random.Random(code).randbytes(1000) for code in codes}


@pytest.fixture
def archives(tmp_path) -> Path:
    """A folder with archives of s1, s10 and s11, all in one and apart."""
    folder = tmp_path / "archives"
    zipped(folder / "s1.zip", video("s1") | {"__MACOSX/s1/._x.mpg": b"junk"})
    zipped(folder / "more/others.zip", video("s10") | video("s11"))
    return folder


def test_everything(archives, tmp_path):
    counts = unpack(archives, tmp_path / "out")
    assert files_below(tmp_path / "out") == video("s1") | video("s10") | video("s11")
    assert counts == UnpackCounts(
        archives=2, members=9, written=9, kept=0, other_speakers=0, written_bytes=9000
    )


@pytest.mark.parametrize("speaker", ["s1", "s10"])
def test_s1_never_takes_s10(archives, tmp_path, speaker):
    counts = unpack(archives, tmp_path / "out", speakers=[speaker])
    assert files_below(tmp_path / "out") == video(speaker)
    assert (counts.written, counts.other_speakers) == (3, 6)
    assert counts.written + counts.kept + counts.other_speakers == counts.members


def test_alignments_under_wrong_speakers_go_with_their_sentence(tmp_path):
    # As in Zenodo's archive: s5's alignments lie in the folder s6, and the other way round.
    s5, s6 = codes_by_speaker()["s5"][0], codes_by_speaker()["s6"][0]
    files = {f"alignments/s6/{s5}.align": b"five", f"alignments/s5/{s6}.align": b"six"}
    path = zipped(tmp_path / "alignments.zip", files)
    unpack(path, tmp_path / "out", speakers=["s5"])
    assert files_below(tmp_path / "out") == {f"alignments/s6/{s5}.align": b"five"}


@pytest.mark.parametrize(
    ("archive", "member", "speaker"),
    [
        ("all.zip", "s1/bbaf2n.mpg", "s1"),
        ("all.zip", "grid/s10/video/bbaf2n.mpg", "s10"),
        ("s1.zip", "s10/bbaf2n.mpg", "s10"),
        ("s1.mpg_vcd.zip", "bbaf2n.mpg", "s1"),
        ("s12.audio.tar", "audio/bbaf2n.wav", "s12"),
        ("x1.zip", "x1/zzzzzz.mpg", "x1"),
        ("all.zip", "s1x/bbaf2n.mpg", None),
        ("all.zip", "xs1/s01/bbaf2n.mpg", None),
        ("all.zip", "s1.mpg", None),
        ("alignments.zip", "alignments/x2/zzzzzz.align", "x2"),
    ],
)
def test_whose_member_it_is(archive, member, speaker):
    assert member_speaker(archive, member) == speaker


def test_speaker_who_is_not_there(archives, tmp_path):
    with pytest.raises(InputError, match="nothing of s2, s12 in the archives; they hold s1, s10"):
        unpack(archives, tmp_path / "out", speakers=["s12", "s1", "s2"])
    assert files_below(tmp_path / "out") == {}


def test_a_second_run_writes_nothing(archives, tmp_path):
    out = tmp_path / "out"
    tarred(archives / "s12.tar", video("s12"))
    unpack(archives, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.mpg")}
    counts = unpack(archives, out)
    assert (counts.written, counts.kept, counts.written_bytes) == (0, 12, 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.mpg")} == before


@pytest.mark.parametrize("damaged", [b"", b"short", random.Random(9).randbytes(1000)])
def test_damaged_files_are_written_again(archives, tmp_path, damaged):
    out = tmp_path / "out"
    tarred(archives / "s12.tar", video("s12"))
    unpack(archives, out)
    for speaker in ("s1", "s12"):
        next((out / speaker).iterdir()).write_bytes(damaged)
    assert unpack(archives, out).written == 2
    assert files_below(out / "s12") == {Path(k).name: v for k, v in video("s12").items()}


def test_one_bad_archive_and_nothing_is_written(archives, tmp_path):
    zipped(archives / "zz.zip", {"../evil": b"evil"})
    with pytest.raises(ArchiveError, match=r"zz\.zip: member \.\./evil"):
        unpack(archives, tmp_path / "out")
    assert files_below(tmp_path / "out") == {}
    assert not (tmp_path / "evil").exists()


def test_damaged_member_leaves_no_half_file(tmp_path):
    name, content = "s1/bbaf2n.mpg", b"video" * 99
    with zipfile.ZipFile(tmp_path / "s1.zip", "w") as archive:
        archive.writestr(name, content)
    damaged = (tmp_path / "s1.zip").read_bytes().replace(b"video", b"audio", 1)
    (tmp_path / "s1.zip").write_bytes(damaged)
    with pytest.raises(ArchiveError, match=name):
        unpack(tmp_path / "s1.zip", tmp_path / "out")
    assert files_below(tmp_path / "out") == {}


def test_two_archives_with_one_path(archives, tmp_path):
    name, content = next(iter(video("s1").items()))
    zipped(archives / "same.zip", {name: content})
    assert unpack(archives, tmp_path / "out").kept == 1
    tarred(archives / "other.tar", {name: content[::-1]})
    with pytest.raises(ArchiveError, match=f"{name} is also in .* with other content"):
        unpack(archives, tmp_path / "out2")


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere", "no such file"), ("empty", "no archive"), ("text.mpg", "not an archive")],
)
def test_sources_that_are_none(tmp_path, source, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mpg").write_text("")
    with pytest.raises(InputError, match=message):
        unpack(tmp_path / source, tmp_path / "out")


def test_half_downloaded_archives_are_passed_over(archives, tmp_path):
    (archives / "s2.zip.part").write_bytes(b"half")
    (archives / ".s1.zip.checked.json").write_text("{}")
    assert unpack(archives, tmp_path / "out").archives == 2


def test_too_little_space_is_told_first(archives, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=8999))
    with pytest.raises(DiskFullError, match="are to be unpacked"):
        unpack(archives, tmp_path / "out")
    assert files_below(tmp_path / "out") == {}


def test_disk_that_fills_up_leaves_whole_files(archives, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write = Path.write_bytes

    def full_after_four(self, content):
        if len(files_below(out)) == 4:
            write(self, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full_after_four)
        with pytest.raises(DiskFullError, match="run it again"):
            unpack(archives, out)
    everything = video("s1") | video("s10") | video("s11")
    assert len(files_below(out)) == 4
    assert files_below(out).items() <= everything.items()
    assert (unpack(archives, out).kept, files_below(out)) == (4, everything)


def test_file_in_the_way_of_a_folder(archives, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/s1").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        unpack(archives, tmp_path / "out")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as somebody else")
def test_folder_without_write_permission():
    # Not in tmp_path, which only its owner can enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zipped(folder / "s1.zip", video("s1"))
        folder.chmod(0o755)
        os.seteuid(65534)
        try:
            with pytest.raises(EnvironmentProblem, match=f"cannot write to {folder}/out"):
                unpack(folder / "s1.zip", folder / "out")
        finally:
            os.seteuid(0)


def test_second_run_in_one_folder_says_so(archives, tmp_path):
    with folder_lock(tmp_path / "out"), pytest.raises(LockedError):
        unpack(archives, tmp_path / "out")


def test_progress_counts_to_the_end(archives, tmp_path):
    seen = []
    unpack(archives, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 9) for done in range(1, 10)]


def test_command_prints_counts_that_add_up(archives, tmp_path):
    arguments = [str(archives), str(tmp_path / "out"), "--speakers", "s1,s10"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert "9 files in 2 archives: 6 written" in result.stdout
    assert "0 there already, 3 of other speakers" in result.stdout
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    counts = json.loads(result.stdout)
    assert (counts["written"], counts["kept"], counts["members"]) == (0, 6, 9)
