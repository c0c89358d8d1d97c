import errno
import os
import stat
from pathlib import Path

import pytest

from gridkit.errors import CorpusError, DiskFullError, EnvironmentProblem
from gridkit.store import files
from gridkit.store.files import read_file, temporary_of, unfinished_file, write_file


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_content_arrives_whole_and_no_temporary_stays(tmp_path):
    write_file(tmp_path / "data" / "a.bin", b"content")
    assert (tmp_path / "data" / "a.bin").read_bytes() == b"content"
    assert names_in(tmp_path / "data") == ["a.bin"]


def test_file_and_folder_are_synced_around_the_rename(tmp_path, monkeypatch):
    events = []
    real_sync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(
        files.os, "fsync", lambda handle: (events.append(_kind(handle)), real_sync(handle))
    )
    monkeypatch.setattr(
        files.Path,
        "replace",
        lambda self, target: (events.append("rename"), real_replace(self, target)),
    )
    write_file(tmp_path / "a.bin", b"content")
    assert events == ["file", "rename", "folder"]


def _kind(handle: int) -> str:
    return "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("step", ["write", "sync"])
def test_full_disk_leaves_the_old_file_and_nothing_half_written(
    tmp_path, monkeypatch, number, step
):
    path = tmp_path / "a.bin"
    write_file(path, b"old")
    full = OSError(number, os.strerror(number))
    if step == "sync":
        monkeypatch.setattr(files.os, "fsync", _raiser(full))
    else:
        _break_writes(monkeypatch, full)
    with pytest.raises(DiskFullError, match=r"no space left for .*a\.bin .* run again"):
        write_file(path, b"new content")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]


def _raiser(error):
    def fail(*_arguments):
        raise error

    return fail


def _break_writes(monkeypatch, error):
    """Let every file that is opened to write take half of what it is given."""
    real_open = files.Path.open

    def opened(self, mode="r", *arguments):
        file = real_open(self, mode, *arguments)
        if "w" not in mode:
            return file

        class Half:
            def __enter__(self):
                return self

            def __exit__(self, *_exception):
                file.close()

            def write(self, content):
                file.write(content[: len(content) // 2])
                file.flush()
                raise error

        return Half()

    monkeypatch.setattr(files.Path, "open", opened)


def test_a_real_full_disk(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    path = tmp_path / "a.bin"
    temporary_of(path).symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match="no space left"):
        write_file(path, b"content")
    assert names_in(tmp_path) == []


def test_a_left_over_temporary_is_overwritten(tmp_path):
    path = tmp_path / "a.bin"
    temporary_of(path).write_bytes(b"half of a file that was never finished")
    write_file(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert names_in(tmp_path) == ["a.bin"]


def test_no_permission_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(files.Path, "open", _raiser(PermissionError(errno.EACCES, "denied")))
    with pytest.raises(EnvironmentProblem, match=r"cannot write .*a\.bin: denied") as caught:
        write_file(tmp_path / "a.bin", b"content")
    assert not isinstance(caught.value, DiskFullError)


def test_folder_in_the_way_is_one_line(tmp_path):
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        write_file(tmp_path / "data" / "a.bin", b"content")


def test_missing_file_is_one_line(tmp_path):
    with pytest.raises(CorpusError, match=r"cannot read .*a\.bin: No such file"):
        read_file(tmp_path / "a.bin")


def interrupt_the_writing_of(path):
    with unfinished_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt


def test_an_interrupted_file_leaves_the_old_one_and_nothing_half_written(tmp_path):
    path = tmp_path / "a.bin"
    write_file(path, b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupt_the_writing_of(path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]
