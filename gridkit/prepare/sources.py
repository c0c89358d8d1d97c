"""Find what a source folder holds: clips and alignments, loose or in archives, at any depth.

Nothing is unpacked: members are read from their archives when they are needed. A clip's key is
its path below the source, with "/"; members of an archive are `archive!member`.

Who speaks in a clip is decided in `speakers.py`, which alignment is whose in `alignments.py`.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from gridkit.errors import InputError
from gridkit.prepare.archive import ARCHIVE_SUFFIXES, SourceArchive, is_archive

VIDEO_SUFFIXES = frozenset(
    """
    .mpg .mpeg .mpe .m1v .m2v .mpv .vob .ts .mts .m2ts .m2t .mp4 .m4v .mkv .webm .avi .divx .mov .qt
    .wmv .asf .flv .f4v .3gp .3g2 .ogv .mxf .dv .rm .rmvb .y4m
    """.split()
)
"""FFmpeg knows them all."""
CLOSED_SUFFIXES = {
    "an archive that gridkit cannot open: unpack it": (
        *(".rar", ".7z", ".zipx", ".ace", ".arj", ".lzh", ".cab", ".iso", ".dmg", ".sit"),
        *(".tar.zst", ".tzst", ".zst", ".tar.lz4", ".tar.lz", ".tlz", ".tar.z", ".cpio"),
    ),
    "an unfinished download: complete it": (".part", ".partial", ".crdownload", ".aria2"),
}
"""What may hold clips and cannot be opened, by what to say of it."""
_VOLUME = re.compile(r"(?:\.(?:zip|7z|rar|tar|tar\.gz)\.\d{2,}|\.[rz]\d\d)$")

ALIGNMENT_SUFFIX = ".align"
MAX_ALIGNMENT_BYTES = 64 * 1024
SOURCE_FOLDER = "source"
"""Where inside the corpus downloads and synthetic clips go; nothing there is published."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the source, loose or inside an archive."""

    key: str
    """Path below the source, with "/"; `archive!member` inside an archive."""
    file: Path
    """The file itself, or the archive."""
    member: str | None
    size_bytes: int
    stamp: str
    """Changes when the content does: CRC-32 of a member, else time of modification."""

    @property
    def code(self) -> str:
        """The name without folders and extension, lower case."""
        name = self.member.rpartition("/")[2] if self.member else self.file.name
        stem, dot, _ = name.rpartition(".")
        return (stem if dot and stem else name).lower()

    def read(self) -> bytes:
        """Return the content.

        Raises:
            ArchiveError: the archive is damaged at this member.
            OSError: the file cannot be read.
        """
        if self.member is None:
            return self.file.read_bytes()
        return _opened(self.file).read(self.member)


@dataclass(frozen=True)
class Unseen:
    """A place of the source that may hold clips and cannot be looked into."""

    key: str
    """As of a file; a folder ends in "/"."""
    why: str

    @property
    def is_folder(self) -> bool:
        """Whether a whole folder is missing."""
        return self.key.endswith("/")


@dataclass(frozen=True)
class Source:
    """Everything that a source folder holds."""

    clips: tuple[SourceFile, ...]
    """Files with the extension of a video, sorted by key."""
    alignments: Mapping[str, tuple[SourceFile, ...]]
    """Code to the alignment files of that code in the source."""
    named_alignments: Mapping[str, tuple[SourceFile, ...]]
    """The same, of the archive or folder that a person named: they come first."""
    ignored: int
    """Files that are neither clip, alignment nor archive."""
    unseen: tuple["Unseen", ...] = ()
    """What may hold clips and was not looked into."""


def scan(folder: Path, extra_alignments: Path | None = None) -> Source:
    """List clips and alignments below a folder and inside its archives.

    Args:
        folder: the source; hidden files, `__MACOSX` and AppleDouble files are ignored.
        extra_alignments: archive or folder outside the source that holds more alignments.

    Raises:
        InputError: the folder does not exist, or has no clip.
        ArchiveError: an archive is damaged, encrypted or unsafe.
    """
    if not folder.is_dir():
        kind = "a file, not a folder" if folder.exists() else "no such folder"
        raise InputError(f"source {folder}: {kind}; name a folder with GRID archives or clips")
    clips: list[SourceFile] = []
    alignments: list[SourceFile] = []
    unseen: list[Unseen] = []
    ignored = 0
    for file in _files(folder):
        if isinstance(file, Unseen):
            unseen.append(file)
        elif PurePosixPath(file.key).suffix.lower() in VIDEO_SUFFIXES:
            clips.append(file)
        elif file.key.lower().endswith(ALIGNMENT_SUFFIX):
            alignments.append(file)
        else:
            ignored += 1
    if not clips:
        raise InputError(
            f"source {folder}: no clip in it ({ignored} other files{_and_unseen(unseen)}); "
            "expected GRID's archives (s1.zip, ...) or videos named by their code, as s1/bbaf2n.mpg"
        )
    return Source(
        tuple(sorted(clips, key=lambda clip: clip.key)),
        _by_code(alignments),
        _by_code(_alignment_files(extra_alignments)),
        ignored,
        tuple(unseen),
    )


def _and_unseen(unseen: Sequence[Unseen]) -> str:
    return f"; {unseen[0].key} is {unseen[0].why}" if unseen else ""


def _by_code(files: Iterable[SourceFile]) -> Mapping[str, tuple[SourceFile, ...]]:
    by_code: dict[str, tuple[SourceFile, ...]] = {}
    for file in files:
        code = file.code
        by_code[code] = (*by_code.get(code, ()), file)
    return by_code


def _files(folder: Path) -> Iterator[SourceFile | Unseen]:
    failed: list[OSError] = []
    for path in walk(folder, failed.append):
        key = printable_key(path.relative_to(folder).as_posix())
        if not path.is_file():
            yield Unseen(key, "not a file" if path.exists() else "a link to nothing")
        elif is_archive(path):
            yield from _members(path, key)
        else:
            yield _closed(key) or _loose(path, key)
    for error in failed:
        key = printable_key(Path(error.filename).relative_to(folder).as_posix())
        yield Unseen(f"{key}/", f"a folder that cannot be listed ({error.strerror})")


def printable_key(path: str) -> str:
    r"""Return a path as text that can be stored: bytes that are not UTF-8 are escaped.

    >>> printable_key("Vid\udce9os/s1")
    'Vid\\xe9os/s1'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _closed(key: str) -> Unseen | None:
    """Return that a file cannot be looked into, by its name; None where there is no need to."""
    name = key.lower()
    whys = (why for why, suffixes in CLOSED_SUFFIXES.items() if name.endswith(suffixes))
    why = next(whys, None)
    if why is None and _VOLUME.search(name):
        why = next(iter(CLOSED_SUFFIXES))
    return None if why is None else Unseen(key, why)


def walk(folder: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield what is in a folder, at any depth, but folders: sorted; linked folders too, each once.

    Args:
        folder: where to begin.
        on_error: called for a folder that cannot be listed.
    """
    seen = set()
    for place, folders, names in os.walk(folder, onerror=on_error, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            if not _is_hidden(name):
                yield Path(place, name)


def _alignment_files(path: Path | None) -> Iterable[SourceFile]:
    if path is None:
        return ()
    if not path.exists():
        raise InputError(f"alignments {path}: no such file or folder")
    files = list(_files(path) if path.is_dir() else _members(path, path.name))
    for unseen in (file for file in files if isinstance(file, Unseen)):
        raise InputError(f"alignments {path}: {unseen.key} is {unseen.why}, or name another place")
    found = [
        file
        for file in files
        if isinstance(file, SourceFile) and file.key.lower().endswith(ALIGNMENT_SUFFIX)
    ]
    if not found:
        raise InputError(f"alignments {path}: no .align file in it")
    return found


def _loose(path: Path, key: str) -> SourceFile:
    status = path.stat()
    return SourceFile(key, path, None, status.st_size, str(status.st_mtime_ns))


def _members(path: Path, key: str) -> Iterator[SourceFile | Unseen]:
    stamp = str(path.stat().st_mtime_ns)
    for member in _opened(path).members():
        member_key = printable_key(f"{key}!{member.name}")
        if member.name.lower().endswith(ARCHIVE_SUFFIXES):
            yield Unseen(member_key, "an archive inside another one: unpack the outer one")
            continue
        yield _closed(member_key) or SourceFile(
            member_key,
            path,
            member.name,
            member.size_bytes,
            stamp if member.crc32 is None else f"{member.crc32:08x}",
        )


@lru_cache(maxsize=4)
def _opened(path: Path) -> SourceArchive:
    """Keep archives open: a worker reads a thousand clips from one."""
    return SourceArchive(path)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
