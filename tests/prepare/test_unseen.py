"""A source that is not seen whole says so: rows, sentences, and an exit status of its own."""

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from gridkit.cli.main import main
from gridkit.corpus.alignment import Word, format_alignment
from gridkit.corpus.grammar import words_of
from gridkit.corpus.records import Reason, Status
from gridkit.errors import InputError
from gridkit.prepare.plan import make_plan
from gridkit.prepare.sources import VIDEO_SUFFIXES, scan
from gridkit.prepare.unpack import find_archives
from gridkit.store.corpus_file import CorpusFile
from gridkit.store.reader import open_corpus

CODE = "bbaf2n"


def align() -> str:
    words = enumerate(words_of(CODE))
    return format_alignment([Word(w, 0.5 + 0.2 * i, 0.7 + 0.2 * i) for i, w in words])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """One clip with its alignment."""
    folder = tmp_path / "source"
    (folder / "s1").mkdir(parents=True)
    (folder / "s1" / f"{CODE}.mpg").write_bytes(b"x")
    (folder / f"{CODE}.align").write_text(align())
    return folder


CLOSED = ["s4.rar", "s5.7z", "s6.tar.zst", "s7.zip.001", "s8.r00", "s9.zip.part", "S10.RAR"]


def test_what_cannot_be_opened_is_a_row_and_a_sentence(source: Path) -> None:
    for name in CLOSED:
        (source / name).write_bytes(b"")
    (source / "s11").symlink_to(source / "nothing")
    os.mkfifo(source / "s12.mpg")
    with zipfile.ZipFile(source / "all.zip", "w") as archive:
        archive.writestr("s13.zip", b"")
        archive.writestr("s14.rar", b"")
    plan = make_plan(scan(source), "source")
    rows = {row.source_path: row for row in plan.rejected}
    others = ["s11", "s12.mpg", "all.zip!s13.zip", "all.zip!s14.rar"]
    assert set(rows) == {*CLOSED, *others}
    assert plan.clips == 1 + len(rows)
    for row in rows.values():
        assert (row.status, row.reason) == (Status.REJECTED, Reason.NOT_LOOKED_INTO)
        assert any(row.source_path in note or "more" in note for note in plan.notes)
    assert "a link to nothing" in rows["s11"].detail
    assert any("cannot open: unpack it: S10.RAR all.zip!s14.rar" in note for note in plan.notes)
    assert plan.unlisted_folders == ()


@pytest.mark.parametrize("name", ["notes.txt", "bbaf2n.wav", "s1.part1", "s1.2024", "face.npy"])
def test_other_files_are_only_counted(source: Path, name: str) -> None:
    (source / name).write_bytes(b"")
    assert scan(source).unseen == ()
    assert scan(source).ignored == 1


@pytest.mark.parametrize("suffix", [".wmv", ".3gp", ".mts", ".flv", ".ogv", ".mxf", ".vob"])
def test_videos_of_all_kinds_are_clips(source: Path, suffix: str) -> None:
    assert suffix in VIDEO_SUFFIXES
    (source / "s1" / f"bbaf3s{suffix.upper()}").write_bytes(b"x")
    assert [clip.code for clip in scan(source).clips] == [CODE, "bbaf3s"]


@pytest.fixture
def locked(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the source that cannot be listed, whoever runs the test."""
    folder = source / "s2"
    folder.mkdir()
    (folder / "bbaf3p.mpg").write_bytes(b"x")
    scandir = os.scandir

    def refuse(path):
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return folder


def test_a_folder_that_cannot_be_listed_is_a_row_and_is_kept_in_mind(
    source: Path, locked: Path
) -> None:
    plan = make_plan(scan(source), "source")
    [row] = plan.rejected
    assert (row.source_path, row.reason) == ("s2/", Reason.NOT_LOOKED_INTO)
    assert "cannot be listed (Permission denied)" in row.detail
    assert plan.unlisted_folders == ("s2/",)
    assert [note for note in plan.notes if "s2/" in note]


def test_nothing_is_unpacked_from_a_folder_that_is_not_seen_whole(
    source: Path, locked: Path
) -> None:
    (source / "s1.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"s2: cannot be listed \(Permission denied\)"):
        find_archives([source])


def test_alignments_that_a_person_names_are_seen_whole_or_refused(
    tmp_path: Path, source: Path
) -> None:
    named = tmp_path / "named"
    named.mkdir()
    (named / f"{CODE}.align").write_text(align())
    (named / "more.rar").write_bytes(b"")
    with pytest.raises(InputError, match=r"more\.rar is an archive that gridkit cannot open"):
        scan(source, named)


def finished(
    file: CorpusFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Path
) -> int:
    """Return the exit status of the command whose run ends with a corpus."""
    monkeypatch.setattr("gridkit.prepare.pipeline.prepare_corpus", lambda *_: file)
    with pytest.raises(SystemExit) as ended:
        main(["prepare", str(tmp_path / "corpus"), "--source", str(source)])
    return int(ended.value.code or 0)


def test_the_exit_status_says_that_a_folder_is_missing(
    small_corpus: Path, tmp_path: Path, source: Path, monkeypatch, capsys
) -> None:
    file = open_corpus(small_corpus).file
    assert finished(file, monkeypatch, tmp_path, source) == 0
    settings = {"unlisted_folders": ["s2/"], "source_notes": ["not looked into: s2/"]}
    partly = replace(file, settings={**settings, "ignored_files": 3})
    capsys.readouterr()
    assert finished(partly, monkeypatch, tmp_path, source) == 7
    out, err = capsys.readouterr()
    assert "not looked into: s2/" in out
    assert "3 files that are not clips" in out
    assert "s2/ in" in err
    assert "could not be listed" in err


def test_a_run_that_keeps_nothing_says_so_and_fails(
    small_corpus: Path, tmp_path: Path, source: Path, monkeypatch, capsys
) -> None:
    file = open_corpus(small_corpus).file
    nothing = replace(file, counts=replace(file.counts, kept=0, rejected={"no-audio": 19}))
    assert finished(nothing, monkeypatch, tmp_path, source) == 3
    out, err = capsys.readouterr()
    assert "no clip was kept; the reasons are in" in out
    assert "load_dataset" not in out
    assert "preview" not in out
    assert "not one of" in err


def test_names_that_are_not_utf8_are_escaped(source: Path) -> None:
    folder = source / os.fsdecode(b"Vid\xe9os") / "s1"
    folder.mkdir(parents=True)
    (folder / "bbaf3s.mpg").write_bytes(b"x")
    [clip, _] = scan(source).clips
    assert clip.key == "Vid\\xe9os/s1/bbaf3s.mpg"
    assert clip.key.encode()
    assert clip.read() == b"x"
