"""The entries of zip and tar archives as the archives declare them, before any check.

Sources: APPNOTE.TXT 6.3.10 (zip: flag bits in 4.4.4); POSIX.1-2017 pax (tar ends with a block
of zeros in 512-byte blocks).
"""

import bz2
import copy
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

MAX_MEMBERS = 200_000
"""All of GRID is 34,000 clips."""

MS_DOS = 0
"""The system that an archive names as the one it was made on (4.4.2)."""

_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000


@dataclass(frozen=True)
class Entry:
    """What an archive says of one of its members, before any check."""

    name: str
    size_bytes: int
    crc32: int | None
    is_folder: bool
    refusal: str | None
    """Why it may not be read at all: encrypted, a link, a device."""
    info: zipfile.ZipInfo | tarfile.TarInfo


class Reader(Protocol):
    """Lists and reads the entries of one archive; raises what its library raises."""

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in the order of the archive."""

    def read(self, entry: Entry) -> bytes:
        """Return the content of an entry, or one byte more where it is longer than declared."""

    def close(self) -> None:
        """Close the file."""


class ZipReader:
    """A zip."""

    def __init__(self, path: Path):
        self._zip = zipfile.ZipFile(path)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry, in the order of the content."""
        for info in sorted(self._zip.infolist(), key=lambda info: info.header_offset):
            kind = stat.S_IFMT(info.external_attr >> 16)
            refusal = None
            if info.flag_bits & _ENCRYPTED_FLAGS:
                refusal = "is encrypted"
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                refusal = "is a link or a device, not a file"
            # `filename` ends at the first NUL; only `orig_filename` is what the archive says.
            name = info.orig_filename
            if info.create_system == MS_DOS:  # which some programs there write between folders
                name = name.replace("\\", "/")
            is_folder = info.is_dir() or name.endswith("/")
            yield Entry(name, info.file_size, info.CRC, is_folder, refusal, info)

    def read(self, entry: Entry) -> bytes:
        """Return the content of an entry, or one byte more where it is longer than declared."""
        # zipfile cuts off what a member has beyond its declared size. It is asked for one
        # byte more here, so that a member with a wrong size is noticed.
        info = copy.copy(cast(zipfile.ZipInfo, entry.info))
        info.file_size += 1
        with self._zip.open(info) as handle:
            return handle.read(info.file_size)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


class TarReader:
    """A tar, also one packed by gzip, xz or bzip2."""

    def __init__(self, path: Path, max_read_bytes: int, max_total_bytes: int):
        self._max_total_bytes = max_total_bytes
        self._raw = path.open("rb")
        self._file = _BoundedFile(_unpacked(self._raw), max_read_bytes)
        try:
            self._tar = tarfile.open(fileobj=cast(IO[bytes], self._file), mode="r:")  # noqa: SIM115
        except BaseException:
            self._raw.close()
            raise

    def entries(self) -> Iterator[Entry]:
        """Yield every entry; a tar that breaks off raises at its end."""
        for info in self._tar:
            refusal = None if info.isreg() or info.isdir() else "is a link or a device, not a file"
            if info.issparse():
                refusal = "is a sparse file"
            yield Entry(info.name, info.size, None, info.isdir(), refusal, info)
        self._check_end()

    def read(self, entry: Entry) -> bytes:
        """Return the content of an entry."""
        handle = self._tar.extractfile(cast(tarfile.TarInfo, entry.info))
        if handle is None:
            raise tarfile.ReadError("not a regular file")
        return handle.read()

    def close(self) -> None:
        """Close the file."""
        self._tar.close()
        self._raw.close()

    def _check_end(self) -> None:
        # tarfile takes a damaged header for the end and would lose the rest silently.
        self._file.seek(self._tar.offset)
        if self._file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("it breaks off, or is damaged between members")
        # To the last byte: only there gzip and its like compare their checksums.
        while self._file.read(2**16):
            if self._file.tell() > self._max_total_bytes + 2**10 * MAX_MEMBERS:
                raise tarfile.ReadError("too many bytes after the last member")


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    """Return the content of a file that is packed, by its first bytes, or the file itself."""
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return cast(IO[bytes], lzma.LZMAFile(raw))
    if magic.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(raw))
    return raw


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
