"""What tells of clips beside a model that is kept where somebody works: found, to be hidden.

Found are GRID's own files by their names (a sentence's code, with any suffix), its archives by what
is in them, prepared corpora and results by the files that make them such, and what is a corpus's
file under another name (a hard link). A copy with another name and content of another form is not
found.
"""

import os
import re
import tarfile
import zipfile
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from gridkit.corpus.archives import SHEFFIELD_ARCHIVES, ZENODO_ARCHIVES
from gridkit.corpus.grammar import CODE_LENGTH, is_code

HOLDING_FILES = frozenset(
    ("corpus.json", "manifest.parquet", "question.json", "clips.jsonl", "predictions.parquet")
)
"""Files of a prepared corpus and of a result: their folder tells of clips."""
MEMBERS = 50
"""Files of a tar archive that are looked at: of those before them all is decompressed."""

_SOURCE_SUFFIXES = (".mpg", ".align", ".parquet")
_TAR = re.compile(r"\.(tar(\.\w+)?|tgz|tbz2?|txz)$")
_CLOSED = (".7z", ".rar")
"""Archives that are not looked into."""
_PUBLISHED = frozenset(archive.name.lower() for archive in (*ZENODO_ARCHIVES, *SHEFFIELD_ARCHIVES))
_NAMED = re.compile(rf"(?:.*[^a-z0-9])?([a-z0-9]{{{CODE_LENGTH}}})")

Inode = tuple[int, int]


def telling_of_clips(path: Path, secret: Collection[Inode] = ()) -> list[Path]:
    """Return what tells of clips in a file or folder: sources, prepared corpora, results.

    Args:
        path: the file, or the folder with all below; it is not itself found for what it holds.
        secret: files that are hidden wherever else they have a name.
    """
    numbers = {number for _, number in secret}
    if path.is_file():
        return [path] if _tells(str(path)) or _is_secret(path, secret) else []
    found: list[Path] = []
    for folder in _folders(path, found):
        for entry in folder:
            is_secret = entry.inode() in numbers and _is_secret(entry.path, secret)
            if is_secret or _tells(entry.path):
                found.append(Path(entry.path))
    return found


def inodes_of(folders: Iterable[Path]) -> frozenset[Inode]:
    """Return device and number of the files in folders, by which a hard link is known."""
    found = set()
    for folder in folders:
        for place, _, files in os.walk(folder):
            for name in files:
                status = os.lstat(Path(place, name))
                if status.st_nlink > 1:
                    found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _folders(path: Path, found: list[Path]) -> Iterator[list[os.DirEntry[str]]]:
    """Yield the files of each folder; a corpus or result below is noted instead."""
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listed:
                entries = list(listed)
        except OSError:
            continue
        names = {entry.name for entry in entries}
        if folder != path and not HOLDING_FILES.isdisjoint(names):
            found.append(folder)
            continue
        below = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        waiting += [Path(entry.path) for entry in below]
        yield [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]


def _tells(file: str) -> bool:
    name = os.path.basename(file).lower()  # noqa: PTH119 (of 50,000 files, where an environment lies)
    if name in HOLDING_FILES or name.endswith(_SOURCE_SUFFIXES) or _is_of_clip(name):
        return True
    return name in _PUBLISHED or name.endswith(_CLOSED) or _holds_clips(file, name)


def _is_of_clip(name: str) -> bool:
    """Return whether a file is named by a sentence's code, alone or after a speaker.

    >>> [_is_of_clip(name) for name in ("bbaf2n.wav", "s1_bbaf2n.mkv", "weights.bin")]
    [True, True, False]
    """
    match = _NAMED.fullmatch(name.partition(".")[0])
    return match is not None and is_code(match[1])


def _holds_clips(file: str, name: str) -> bool:
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(file) as archive:
                return any(_is_of_clip(Path(inside).name.lower()) for inside in archive.namelist())
        if _TAR.search(name):
            with tarfile.open(file) as archive:
                first = islice(archive, MEMBERS)
                return any(_is_of_clip(Path(inside.name).name.lower()) for inside in first)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, tarfile.TarError):
        return True  # it cannot be looked into
    return False


def _is_secret(file: str | Path, secret: Collection[Inode]) -> bool:
    try:
        status = os.lstat(file)
    except OSError:
        return False
    return (status.st_dev, status.st_ino) in secret
