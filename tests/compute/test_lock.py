"""One run a folder."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from gridkit.compute.lock import folder_lock
from gridkit.errors import EnvironmentProblem, LockedError

HOLDER = """
import sys, time
from pathlib import Path
from gridkit.compute.lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_run_says_who_holds_the_folder(tmp_path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockedError, match=str(holder.pid)), folder_lock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with folder_lock(tmp_path):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path) -> None:
    with pytest.raises(KeyError), folder_lock(tmp_path):
        raise KeyError
    with folder_lock(tmp_path):
        pass


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="cannot write to"), folder_lock(tmp_path / "file"):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch, capsys, number) -> None:
    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with folder_lock(tmp_path):
        pass
    [line] = capsys.readouterr().err.splitlines()
    assert f"the file system of {tmp_path} has no locks" in line


def test_a_lock_that_fails_otherwise_is_one_line(tmp_path, monkeypatch) -> None:
    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(EnvironmentProblem, match="cannot lock"), folder_lock(tmp_path):
        pass
