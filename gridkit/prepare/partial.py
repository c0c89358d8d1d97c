"""A download on disk: what has arrived so far, and what was checked when it was whole.

`NAME.part` holds the bytes that have arrived; `NAME.part.json` says of which version of which
URL, so that parts of two versions are never joined. A whole file is renamed to `NAME`;
`.NAME.checked.json` remembers its md5 with its size and time of change, so that it need not be
hashed again on every run.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch, and what its publisher says of it."""

    name: str
    url: str
    size_bytes: int | None = None
    md5: str | None = None


class Partial:
    """The bytes of one file that have arrived, with their running md5."""

    def __init__(self, folder: Path, file: RemoteFile):
        self.path = folder / f"{file.name}.part"
        self._record_path = folder / f"{file.name}.part.json"
        self._file = file
        self.have_bytes = 0
        self.received_bytes = 0
        """Fetched in this run."""
        self.farthest_bytes = 0
        """The most that was ever here; starting over does not lower it."""
        self.total_bytes = file.size_bytes
        self.validator: str | None = None
        """Identifies the version: an ETag, or the date of its last change."""
        self._md5 = hashlib.md5(usedforsecurity=False)
        record = _read_json(self._record_path)
        if self.path.is_file() and _is_of(record, file):
            self.validator = record["validator"]
            self.total_bytes = record["total_bytes"]
            self._md5 = hash_file(self.path)
            self.have_bytes = self.farthest_bytes = self.path.stat().st_size
        if self.total_bytes is not None and self.have_bytes > self.total_bytes:
            self.drop()

    @property
    def resumable(self) -> bool:
        """Whether the rest can be asked for: a mix of two versions would be noticed."""
        return self.have_bytes > 0 and bool(self.validator or self._file.md5)

    @property
    def whole(self) -> bool:
        """Whether all bytes are here."""
        return self.have_bytes > 0 and self.have_bytes == self.total_bytes

    @property
    def md5(self) -> str:
        """The md5 of what has arrived, in hex."""
        return self._md5.hexdigest()

    def begin(self, validator: str | None, total_bytes: int | None) -> None:
        """Start from the first byte of one version, known by its ETag or date."""
        self.path.write_bytes(b"")
        self._forget()
        self.validator, self.total_bytes = validator, total_bytes
        record = {"url": self._file.url, "size_bytes": self._file.size_bytes}
        record |= {"md5": self._file.md5, "validator": validator, "total_bytes": total_bytes}
        _write_json(self._record_path, record)

    def append(self, out: IO[bytes], chunk: bytes) -> None:
        """Add bytes, on disk at once so that a killed process loses none."""
        out.write(chunk)
        out.flush()
        self._md5.update(chunk)
        self.have_bytes += len(chunk)
        self.received_bytes += len(chunk)
        self.farthest_bytes = max(self.farthest_bytes, self.have_bytes)

    def drop(self) -> None:
        """Throw away what has arrived."""
        self.path.unlink(missing_ok=True)
        self._record_path.unlink(missing_ok=True)
        self._forget()

    def publish(self) -> Path:
        """Give the whole file its name, safely on disk, and remember that it was checked."""
        whole = self.path.with_suffix("")
        with self.path.open("rb+") as handle:
            os.fsync(handle.fileno())
        self.path.replace(whole)
        remember_check(whole, self._file.url, self.md5)
        self._record_path.unlink(missing_ok=True)
        return whole

    def _forget(self) -> None:
        self.have_bytes = 0
        self.total_bytes = self._file.size_bytes
        self.validator = None
        self._md5 = hashlib.md5(usedforsecurity=False)


def partial_bytes(folder: Path, file: RemoteFile) -> int:
    """Return how much of a file is on disk, whole or in part, without reading it."""
    for path in (folder / file.name, folder / f"{file.name}.part"):
        if path.is_file() and (path.name != file.name or path.stat().st_size == file.size_bytes):
            return path.stat().st_size
    return 0


def is_checked(path: Path, url: str) -> bool:
    """Whether a file was checked when it was whole, and has not been touched since."""
    record = _read_json(_check_path(path))
    if not path.is_file() or "md5" not in record:
        return False
    status = path.stat()
    now = {"url": url, "size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    return record.items() >= now.items()


def recorded_md5(path: Path, url: str) -> str | None:
    """Return the md5 that a file had when it was checked, even if it changed since."""
    record = _read_json(_check_path(path))
    return str(record["md5"]) if record.get("url") == url and "md5" in record else None


def remember_check(path: Path, url: str, md5: str) -> None:
    """Remember the md5 of a whole file together with its size and time of change."""
    status = path.stat()
    record = {"url": url, "md5": md5, "size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    _write_json(_check_path(path), record)


def hash_file(path: Path) -> "hashlib._Hash":
    """Return the running md5 of a file's content."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False))


def _is_of(record: dict[str, Any], file: RemoteFile) -> bool:
    expected = {"url": file.url, "size_bytes": file.size_bytes, "md5": file.md5}
    return record.keys() >= {"validator", "total_bytes"} and record.items() >= expected.items()


def _check_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        # A missing or half-written record only costs another fetch.
        return {}
    return record if isinstance(record, dict) else {}


def _write_json(path: Path, record: dict[str, Any]) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(json.dumps(record))
    unfinished.replace(path)
