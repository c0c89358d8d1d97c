"""Files that appear under their name only when they are whole.

The content goes to a temporary name in the same folder, is brought to the disk, and is then
renamed; a run that is killed leaves at most the temporary, which the next run overwrites.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gridkit.errors import NO_SPACE, CorpusError, DiskFullError, EnvironmentProblem, GridkitError


def temporary_of(path: Path) -> Path:
    """Return the name of a file while it is written; hidden, so that globs do not match it."""
    return path.with_name(f".{path.name}.part")


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there complete or not at all, even after a power cut.

    The folder is made where it is missing.

    Raises:
        DiskFullError: no space, or no quota, is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explained(error, path, len(content)) from error
    with unfinished_file(path) as temporary, temporary.open("wb") as file:
        file.write(content)


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """Give the temporary name under which a file is written; it gets its own name at the end.

    Where the block fails, nothing half-written stays, and an earlier file stays as it was.

    Raises:
        DiskFullError: no space, or no quota, is left.
        EnvironmentProblem: the folder cannot be written to.
    """
    temporary = temporary_of(path)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _explained(error, path, _size(temporary)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def move_file(whole: Path, path: Path) -> None:
    """Give a whole file that is on the disk another name, in a folder that is made if need be.

    Raises:
        DiskFullError: no space, or no quota, is left.
        EnvironmentProblem: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise _explained(error, path, _size(whole)) from error


def read_file(path: Path) -> bytes:
    """Read a file of a corpus.

    Raises:
        CorpusError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex.

    Raises:
        OSError: it is missing or cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex.

    Raises:
        CorpusError: the file is missing or cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from error


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _explained(error: OSError, path: Path, size: int) -> GridkitError:
    if error.errno in NO_SPACE:
        return DiskFullError(
            f"no space left for {path} ({size / 1e6:.1f} MB); free some and run again: "
            "what is finished is kept"
        )
    return EnvironmentProblem(f"cannot write {path}: {error.strerror}")
