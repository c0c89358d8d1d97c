"""Find what a source folder holds: clips and alignments, loose or in archives, at any depth.

Nothing is unpacked: members are read from their archives when they are needed. A clip's key is
its path below the source, with "/"; members of an archive are `archive!member`.

Who speaks in a clip is decided in `speakers.py`, which alignment is whose in `alignments.py`.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from gridkit.errors import InputError
from gridkit.prepare.archive import ARCHIVE_SUFFIXES, SourceArchive

VIDEO_SUFFIXES = frozenset(
    {".mpg", ".mpeg", ".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov", ".ts"}
)

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
        return PurePosixPath(self.member or self.file.name).stem.lower()

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
    ignored = 0
    for file in _files(folder):
        if PurePosixPath(file.key).suffix.lower() in VIDEO_SUFFIXES:
            clips.append(file)
        elif file.key.lower().endswith(ALIGNMENT_SUFFIX):
            alignments.append(file)
        else:
            ignored += 1
    if not clips:
        raise InputError(
            f"source {folder}: no clip in it ({ignored} other files); expected GRID's archives "
            "(s1.zip, ...) or videos named by their code, as s1/bbaf2n.mpg"
        )
    return Source(
        tuple(sorted(clips, key=lambda clip: clip.key)),
        _by_code(alignments),
        _by_code(_alignment_files(extra_alignments)),
        ignored,
    )


def _by_code(files: Iterable[SourceFile]) -> Mapping[str, tuple[SourceFile, ...]]:
    by_code: dict[str, tuple[SourceFile, ...]] = defaultdict(tuple)
    for file in files:
        by_code[file.code] += (file,)
    return dict(by_code)


def _files(folder: Path) -> Iterator[SourceFile]:
    for path in _walk(folder):
        key = path.relative_to(folder).as_posix()
        if path.name.lower().endswith(ARCHIVE_SUFFIXES):
            yield from _members(path, key)
        else:
            yield _loose(path, key)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, sorted; linked folders too, each once."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            path = Path(place, name)
            if not _is_hidden(name) and path.is_file():
                yield path


def _alignment_files(path: Path | None) -> Iterable[SourceFile]:
    if path is None:
        return ()
    if path.is_dir():
        found = [file for file in _files(path) if file.key.lower().endswith(ALIGNMENT_SUFFIX)]
    elif path.is_file():
        members = _members(path, path.name)
        found = [file for file in members if file.key.lower().endswith(ALIGNMENT_SUFFIX)]
    else:
        raise InputError(f"alignments {path}: no such file or folder")
    if not found:
        raise InputError(f"alignments {path}: no .align file in it")
    return found


def _loose(path: Path, key: str) -> SourceFile:
    status = path.stat()
    return SourceFile(key, path, None, status.st_size, str(status.st_mtime_ns))


def _members(path: Path, key: str) -> Iterator[SourceFile]:
    stamp = str(path.stat().st_mtime_ns)
    for member in _opened(path).members():
        yield SourceFile(
            f"{key}!{member.name}",
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
