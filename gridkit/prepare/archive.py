"""Read zip and tar archives without unpacking them, and without trusting them.

Before a member is handed out the whole list is checked: no name may leave the folder it is
unpacked to, nothing may be encrypted, a link or a device, no name may come twice, and no size
may be that of a zip bomb. While a member is read its bytes are counted against its declared size
and its CRC. Folders, `__MACOSX`, AppleDouble (`._NAME`) and hidden files are ignored.
"""

import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from gridkit.errors import ArchiveError
from gridkit.prepare.archive_formats import MAX_MEMBERS, Entry, Reader, TarReader, ZipReader

ARCHIVE_SUFFIXES = (
    *(".zip", ".tar", ".tar.gz", ".tgz"),
    *(".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz"),
)
MAX_MEMBER_BYTES = 64 * 2**20
"""More than any GRID clip has: high quality ones have 2.4 MB."""
MAX_EXPANSION = 100
"""Unpacked size over archive size; video hardly shrinks, alignments to a third."""
MIN_EXPANSION_BYTES = 16 * 2**20
"""A small archive may unpack to this much, at any ratio."""

_DRIVE = re.compile(r"[A-Za-z]:")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*")
"""A name that is safe where no part of it is special: nearly all are, of tens of thousands."""
_SPECIAL = {"", ".", ".."}
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


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name.

    >>> is_archive(Path("s1.zip")), is_archive(Path("s1.zip.part"))
    (True, False)
    """
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


class SourceArchive:
    """A zip or tar (plain, gz, xz, bz2) opened for reading; a context manager.

    Not for several threads.
    """

    def __init__(self, path: Path, *, max_member_bytes: int = MAX_MEMBER_BYTES):
        """Open an archive.

        Raises:
            ArchiveError: it cannot be opened, or is not an archive.
        """
        self.path = path
        self._max_member_bytes = max_member_bytes
        self._entries: dict[str, Entry] | None = None
        try:
            self._max_total_bytes = max(MIN_EXPANSION_BYTES, MAX_EXPANSION * path.stat().st_size)
            self._reader: Reader = (
                ZipReader(path)
                if path.name.lower().endswith(".zip")
                else TarReader(path, max_member_bytes, self._max_total_bytes)
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
        """Return the content of one member; going back in a packed tar reads it from the start.

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
                "declares; nothing of it is read; get it again"
            )
        return content

    def _checked(self) -> dict[str, Entry]:
        if self._entries is None:
            try:
                self._entries = self._check_entries()
            except _DAMAGE as error:
                raise self._damaged(error) from error
        return self._entries

    def _check_entries(self) -> dict[str, Entry]:
        checked: dict[str, Entry] = {}
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
            folder = name.rpartition("/")[0]
            while folder and folder not in folders:  # those above it are there with it
                folders.add(folder)
                folder = folder.rpartition("/")[0]
        both = sorted(folders & checked.keys())
        if both:
            raise self._refused(both[0], "is a file and a folder at once")
        return checked

    def _safe_name(self, entry: Entry) -> str:
        name = entry.name
        parts = name.split("/")
        if entry.refusal is None and _PLAIN_NAME.fullmatch(name) and not _SPECIAL & set(parts):
            return name
        # Shown with its control characters escaped, so that it cannot play with the terminal.
        shown = ascii(name)[1:-1]
        if "\\" in name:
            why = (
                "has a backslash in its name: there are systems where it would be unpacked outside"
            )
            raise self._refused(shown, f"{why} its folder")
        if name.startswith("/") or ".." in parts or _DRIVE.match(name):
            raise self._refused(shown, "would be unpacked outside its folder")
        if any(ord(character) < 32 for character in name):
            raise self._refused(shown, "has a control character in its name")
        if entry.refusal is not None:
            raise self._refused(shown, entry.refusal)
        return "/".join(part for part in parts if part not in ("", "."))

    def _check_size(self, entry: Entry, count: int, total_bytes: int) -> None:
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
        # manifests keep this message of a member (`detail`): other words would be other bytes
        advice = "get the archive again" if name else "download the archive again"
        return ArchiveError(f"{self.path}: {where} ({why}); {advice}")


def _is_ignored(name: str) -> bool:
    if "/." not in name and not name.startswith(".") and "__MACOSX" not in name:
        return False  # as nearly all are, of tens of thousands
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
