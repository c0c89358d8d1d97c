"""Read zip and tar archives without unpacking them, and without trusting them.

Before a member is handed out the whole list is checked: no name may leave the folder it is
unpacked to, nothing may be encrypted, a link or a device, no name may come twice, and no size
may be that of a zip bomb. While a member is read its bytes are counted against its declared size
and its CRC. Folders, `__MACOSX`, AppleDouble (`._NAME`) and hidden files are ignored.

Sources: APPNOTE.TXT 6.3.10 (zip: flag bits in 4.4.4); POSIX.1-2017 pax (tar ends with a block
of zeros in 512-byte blocks).
"""

import copy
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self, cast

from gridkit.errors import ArchiveError

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
MAX_MEMBER_BYTES = 64 * 2**20
"""More than any GRID clip has: high quality ones have 2.4 MB."""
MAX_MEMBERS = 200_000
"""All of GRID is 34,000 clips."""
MAX_EXPANSION = 100
"""Unpacked size over archive size; video hardly shrinks, alignments to a third."""
MIN_EXPANSION_BYTES = 16 * 2**20
"""A small archive may unpack to this much, whatever its ratio."""

_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)


@dataclass(frozen=True)
class Member:
    """A file inside an archive."""

    name: str
    """Path inside the archive, with "/"."""
    size_bytes: int
    crc32: int | None
    """CRC-32 of the content; None in a tar, which has none."""


@dataclass(frozen=True)
class _Entry:
    """What an archive says of one of its members, before any check."""

    name: str
    size_bytes: int
    crc32: int | None
    is_folder: bool
    refusal: str | None
    """Why it may not be read at all: encrypted, a link, a device."""
    info: zipfile.ZipInfo | tarfile.TarInfo


class _Reader(Protocol):
    def entries(self) -> Iterator[_Entry]: ...
    def read(self, entry: _Entry) -> bytes: ...
    def close(self) -> None: ...


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name.

    >>> is_archive(Path("s1.zip")), is_archive(Path("s1.zip.part"))
    (True, False)
    """
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


class SourceArchive:
    """A zip, tar or tar.gz opened for reading; a context manager. Not for several threads."""

    def __init__(self, path: Path, *, max_member_bytes: int = MAX_MEMBER_BYTES):
        """Open an archive.

        Raises:
            ArchiveError: it cannot be opened, or is not an archive.
        """
        self.path = path
        self._max_member_bytes = max_member_bytes
        self._entries: dict[str, _Entry] | None = None
        try:
            self._max_total_bytes = max(MIN_EXPANSION_BYTES, MAX_EXPANSION * path.stat().st_size)
            self._reader: _Reader = (
                _ZipReader(path)
                if path.name.lower().endswith(".zip")
                else _TarReader(path, max_member_bytes, self._max_total_bytes)
            )
        except _DAMAGE as error:
            raise self._damaged(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def members(self) -> tuple[Member, ...]:
        """Return the files in it, in the order of the archive.

        Raises:
            ArchiveError: the archive is damaged or not safe; the message names the member.
        """
        return tuple(
            Member(name, entry.size_bytes, entry.crc32) for name, entry in self._checked().items()
        )

    def read(self, name: str) -> bytes:
        """Return the content of one member; in a tar.gz, going back means reading from the start.

        Raises:
            ArchiveError: there is no such member, or it is damaged or longer than it declares.
        """
        entry = self._checked().get(name)
        if entry is None:
            raise ArchiveError(f"{self.path}: no member {name}")
        try:
            content = self._reader.read(entry)
        except _DAMAGE as error:
            raise self._damaged(error, name) from error
        if len(content) != entry.size_bytes:
            than = "more" if len(content) > entry.size_bytes else "less"
            # this text too is kept in manifests
            raise ArchiveError(
                f"{self.path}: member {name} holds {than} than the {entry.size_bytes} bytes it "
                "declares; nothing of it is read, get it anew"
            )
        return content

    def _checked(self) -> dict[str, _Entry]:
        if self._entries is None:
            try:
                self._entries = self._check_entries()
            except _DAMAGE as error:
                raise self._damaged(error) from error
        return self._entries

    def _check_entries(self) -> dict[str, _Entry]:
        checked: dict[str, _Entry] = {}
        folders: set[str] = set()
        total_bytes = 0
        for count, entry in enumerate(self._reader.entries(), start=1):
            name = self._safe_name(entry)
            total_bytes += max(0, entry.size_bytes)
            self._check_size(entry, count, total_bytes)
            if entry.is_folder or _is_ignored(name):
                continue
            if name in checked:
                raise self._refused(name, "is in it twice")
            checked[name] = entry
            parts = name.split("/")
            folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        both = sorted(folders & checked.keys())
        if both:
            raise self._refused(both[0], "is a file and a folder at once")
        return checked

    def _safe_name(self, entry: _Entry) -> str:
        name = entry.name
        # Shown with its control characters escaped, so that it cannot play with the terminal.
        shown = ascii(name)[1:-1]
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\\" in name or _DRIVE.match(name):
            raise self._refused(shown, "would be unpacked outside its folder")
        if any(ord(character) < 32 for character in name):
            raise self._refused(shown, "has a control character in its name")
        if entry.refusal is not None:
            raise self._refused(shown, entry.refusal)
        return "/".join(part for part in parts if part not in ("", "."))

    def _check_size(self, entry: _Entry, count: int, total_bytes: int) -> None:
        if not 0 <= entry.size_bytes <= self._max_member_bytes:
            limit = f"a member may have {self._max_member_bytes}"
            raise self._refused(entry.name, f"declares {entry.size_bytes} bytes, {limit}")
        if total_bytes > self._max_total_bytes:
            limit = f"more than the {self._max_total_bytes} that an archive of this size may have"
            raise self._refused(entry.name, f"brings the unpacked size to {total_bytes} B, {limit}")
        if count > MAX_MEMBERS:
            raise self._refused(entry.name, f"is one of more than {MAX_MEMBERS} members")

    def _refused(self, name: str, why: str) -> ArchiveError:
        return ArchiveError(
            f"{self.path}: member {name} {why}; nothing of the archive is read, download it again"
        )

    def _damaged(self, error: Exception, name: str | None = None) -> ArchiveError:
        where = f"member {name} is damaged" if name else "cannot be read as an archive"
        why = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            why = error.strerror
        # manifests keep what is said of a member (`detail`): other words would be other bytes
        advice = "get the archive anew" if name else "download the archive again"
        return ArchiveError(f"{self.path}: {where} ({why}); {advice}")


def _is_ignored(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


class _ZipReader:
    def __init__(self, path: Path):
        self._zip = zipfile.ZipFile(path)

    def entries(self) -> Iterator[_Entry]:
        for info in sorted(self._zip.infolist(), key=lambda info: info.header_offset):
            kind = stat.S_IFMT(info.external_attr >> 16)
            refusal = None
            if info.flag_bits & _ENCRYPTED_FLAGS:
                refusal = "is encrypted"
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                refusal = "is a link or a device, not a file"
            # `filename` ends at the first NUL; only `orig_filename` is what the archive says.
            name = info.orig_filename
            yield _Entry(name, info.file_size, info.CRC, info.is_dir(), refusal, info)

    def read(self, entry: _Entry) -> bytes:
        # zipfile cuts off what a member has beyond its declared size. It is asked for one
        # byte more here, so that a member with a wrong size is noticed.
        info = copy.copy(cast(zipfile.ZipInfo, entry.info))
        info.file_size += 1
        with self._zip.open(info) as handle:
            return handle.read(info.file_size)

    def close(self) -> None:
        self._zip.close()


class _TarReader:
    def __init__(self, path: Path, max_read_bytes: int, max_total_bytes: int):
        self._max_total_bytes = max_total_bytes
        self._raw = path.open("rb")
        packed = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=self._raw)) if packed else self._raw
        self._file = _BoundedFile(unpacked, max_read_bytes)
        try:
            self._tar = tarfile.open(fileobj=cast(IO[bytes], self._file), mode="r:")  # noqa: SIM115
        except BaseException:
            self._raw.close()
            raise

    def entries(self) -> Iterator[_Entry]:
        for info in self._tar:
            refusal = None if info.isreg() or info.isdir() else "is a link or a device, not a file"
            if info.issparse():
                refusal = "is a sparse file"
            yield _Entry(info.name, info.size, None, info.isdir(), refusal, info)
        self._check_end()

    def read(self, entry: _Entry) -> bytes:
        handle = self._tar.extractfile(cast(tarfile.TarInfo, entry.info))
        if handle is None:
            raise tarfile.ReadError("not a regular file")
        return handle.read()

    def close(self) -> None:
        self._tar.close()
        self._raw.close()

    def _check_end(self) -> None:
        # tarfile takes a damaged header for the end and would lose the rest silently.
        self._file.seek(self._tar.offset)
        if self._file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it breaks off, or is damaged between members")
        # To the last byte: only there gzip compares its checksum.
        while self._file.read(2**16):
            if self._file.tell() > self._max_total_bytes + 2**10 * MAX_MEMBERS:
                raise tarfile.ReadError("too many bytes after the last member")


class _BoundedFile:
    """A file that refuses giant reads: a tar header may declare any length for its names."""

    def __init__(self, file: IO[bytes], max_read_bytes: int):
        self._file = file
        self._max_read_bytes = max_read_bytes
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if size > self._max_read_bytes:
            raise tarfile.ReadError(f"a header declares {size} bytes")
        return self._file.read(size)
