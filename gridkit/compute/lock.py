"""One run per folder: a lock that the system releases when its owner ends, however it ends."""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridkit.errors import EnvironmentProblem, LockedError

LOCK_NAME = ".gridkit-lock"
NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
"""What a lock fails with on file systems that have none, such as Lustre without its option."""


@contextmanager
def folder_lock(folder: Path, *, wait: bool = False, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a folder; the folder is made where it is missing.

    Args:
        folder: what to lock.
        wait: whether to wait for another run that holds it, rather than fail.
        shared: whether others that share it, too, may work in there meanwhile.

    Raises:
        LockedError: another run holds it; the message gives its process id.
        EnvironmentProblem: the folder cannot be written to.
    """
    path = folder / LOCK_NAME
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write to {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 32).decode().strip()
            other = f"another gridkit run (process {owner or 'unknown'}) works in {folder}"
            if not wait:
                raise LockedError(f"{other}; wait for it, or use another folder") from None
            print(f"{other}; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(handle, kind)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise EnvironmentProblem(f"cannot lock {folder}: {error.strerror}") from error
            print(
                f"gridkit: the file system of {folder} has no locks: make sure that no other "
                "gridkit works in there meanwhile",
                file=sys.stderr,
                flush=True,
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
