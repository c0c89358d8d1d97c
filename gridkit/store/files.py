"""Files that appear under their name only when they are whole.

The content goes to a temporary name in the same folder, is brought to the disk, and is then
renamed; a run that is killed leaves at most the temporary, which the next run overwrites.
"""

import hashlib
import os
from contextlib import suppress
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
    temporary = temporary_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _explained(error, path, len(content)) from error


def read_file(path: Path) -> bytes:
    """Read a file of a corpus.

    Raises:
        CorpusError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex.

    Raises:
        CorpusError: the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Bring the rename itself to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explained(error: OSError, path: Path, size: int) -> GridkitError:
    if error.errno in NO_SPACE:
        return DiskFullError(
            f"no space left for {path} ({size / 1e6:.1f} MB); free some and run again: "
            "what is finished is kept"
        )
    return EnvironmentProblem(f"cannot write {path}: {error.strerror}")
