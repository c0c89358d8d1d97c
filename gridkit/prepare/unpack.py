"""Unpack GRID archives safely: whole files only, nothing outside the folder, reruns are cheap.

A member belongs to a speaker where a part of its path is exactly the speaker's name (`s1` is not
`s10`). An alignment belongs to who says its sentence instead, because Zenodo files alignments under
wrong speakers; a member without any speaker in its path belongs to the archive's (`s1.align.tar`).

Nothing needs unpacking for `gridkit prepare`, which reads archives as they are.
"""

import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gridkit.compute.lock import folder_lock
from gridkit.corpus.archives import archive_speaker
from gridkit.corpus.codes import SPEAKER_NAME, speaker_of, speaker_order
from gridkit.errors import NO_SPACE, ArchiveError, DiskFullError, EnvironmentProblem, InputError
from gridkit.prepare.archive import ARCHIVE_SUFFIXES, Member, SourceArchive, is_archive
from gridkit.prepare.sources import walk


@dataclass(frozen=True)
class UnpackCounts:
    """What became of the members: `written + kept + other_speakers` is all of them."""

    archives: int
    members: int
    written: int
    kept: int
    """Were there already, with the right size and content."""
    other_speakers: int
    """Of speakers who were not asked for."""
    written_bytes: int


@dataclass(frozen=True)
class _Task:
    archive: SourceArchive
    member: Member

    @property
    def shown(self) -> str:
        return f"{self.archive.path}: member {self.member.name}"


def unpack(
    source: Path | Sequence[Path],
    destination: Path,
    *,
    speakers: Iterable[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> UnpackCounts:
    """Unpack archives into a folder, under the paths that their members have.

    Args:
        source: an archive, a folder with archives at any depth, or several of either.
        destination: the folder; made where it is missing.
        speakers: such as `["s1", "s2"]`; None for everything.
        progress: called with members done and members to do.

    Raises:
        InputError: no archive in the source, or nothing of a speaker who was asked for.
        ArchiveError: an archive that is damaged or not safe. Where its list of members shows it,
            nothing is written; files written before are whole.
        DiskFullError: too little space.
        EnvironmentProblem: the folder cannot be written to.
    """
    paths = find_archives([source] if isinstance(source, Path) else source)
    with ExitStack() as opened:
        opened.enter_context(folder_lock(destination))
        archives = [opened.enter_context(SourceArchive(path)) for path in paths]
        everything = [
            _Task(archive, member) for archive in archives for member in archive.members()
        ]
        tasks = _select(everything, None if speakers is None else set(speakers))
        _check_paths(tasks)
        _check_space(tasks, destination)
        written = written_bytes = 0
        for done, task in enumerate(tasks, start=1):
            if _unpack_one(task, destination):
                written += 1
                written_bytes += task.member.size_bytes
            if progress is not None:
                progress(done, len(tasks))
    return UnpackCounts(
        archives=len(archives),
        members=len(everything),
        written=written,
        kept=len(tasks) - written,
        other_speakers=len(everything) - len(tasks),
        written_bytes=written_bytes,
    )


def find_archives(sources: Iterable[Path]) -> tuple[Path, ...]:
    """Return the archives that are named, and those in the folders that are named.

    Raises:
        InputError: a path that does not exist or is not an archive, or a folder without one, or
            with a part that cannot be listed.
    """
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            inside = sorted(
                path for path in walk(source, _cannot_list) if is_archive(path) and path.is_file()
            )
            if not inside:
                raise InputError(f"{source}: no archive ({' '.join(ARCHIVE_SUFFIXES)}) in it")
            found.extend(inside)
        elif not source.is_file():
            raise InputError(f"{source}: no such file or folder")
        elif not is_archive(source):
            raise InputError(f"{source}: not an archive ({' '.join(ARCHIVE_SUFFIXES)})")
        else:
            found.append(source)
    return tuple(found)


def _cannot_list(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); allow it to be read")


def member_speaker(archive_name: str, member_name: str) -> str | None:
    """Return the speaker of a member; None where nothing shows it.

    >>> member_speaker("s10.zip", "s10/bbaf2n.mpg")
    's10'
    >>> member_speaker("alignments.zip", "alignments/s6/bbaf2n.align")
    's1'
    """
    path = PurePosixPath(member_name)
    owner = speaker_of(path.stem) if path.suffix == ".align" else None
    in_path = [part for part in path.parts[:-1] if SPEAKER_NAME.fullmatch(part)]
    return owner or (in_path[-1] if in_path else archive_speaker(archive_name))


def _select(tasks: Sequence[_Task], speakers: set[str] | None) -> list[_Task]:
    if speakers is None:
        return list(tasks)
    owners = [member_speaker(task.archive.path.name, task.member.name) for task in tasks]
    present = {owner for owner in owners if owner is not None}
    missing = speakers - present
    if missing or not speakers:
        raise InputError(
            f"nothing of {', '.join(sorted(missing, key=speaker_order)) or 'nobody'} in the "
            f"archives; they hold {', '.join(sorted(present, key=speaker_order)) or 'no speaker'}"
        )
    return [task for task, owner in zip(tasks, owners, strict=True) if owner in speakers]


def _check_paths(tasks: Sequence[_Task]) -> None:
    """Refuse two members that would be written to one path with different content."""
    first: dict[str, _Task] = {}
    for task in tasks:
        other = first.setdefault(task.member.name, task)
        if other is task or _same_content(task, other):
            continue
        raise ArchiveError(
            f"{task.shown} is also in {other.archive.path} with other content; "
            "unpack the two into different folders"
        )


def _same_content(task: _Task, other: _Task) -> bool:
    if task.member.size_bytes != other.member.size_bytes:
        return False
    if task.member.crc32 is not None and other.member.crc32 is not None:
        return task.member.crc32 == other.member.crc32
    return task.archive.read(task.member.name) == other.archive.read(other.member.name)


def _check_space(tasks: Sequence[_Task], destination: Path) -> None:
    needed_bytes = sum(
        task.member.size_bytes
        for task in tasks
        if not _has_size(destination / task.member.name, task.member.size_bytes)
    )
    free_bytes = shutil.disk_usage(destination).free
    if needed_bytes > free_bytes:
        raise DiskFullError(
            f"{needed_bytes / 1e9:.2f} GB are to be unpacked into {destination}, but only "
            f"{free_bytes / 1e9:.2f} GB are free; free some space or name fewer speakers. "
            "gridkit prepare reads archives without unpacking them"
        )


def _unpack_one(task: _Task, destination: Path) -> bool:
    """Write one member, whole or not at all; return False where it is there already."""
    path = destination / task.member.name
    there = _has_size(path, task.member.size_bytes)
    if there and task.member.crc32 is not None and _crc32(path) == task.member.crc32:
        return False
    content = task.archive.read(task.member.name)
    if there and task.member.crc32 is None and path.read_bytes() == content:
        return False
    # No fsync per file: after a power cut the next run compares content and repairs it.
    unfinished = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        if error.errno in NO_SPACE:
            raise DiskFullError(
                f"no space left while writing {path}; free some and run it again to resume"
            ) from error
        raise EnvironmentProblem(f"cannot write {path}: {error.strerror or error}") from error
    return True


def _has_size(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == size_bytes


def _crc32(path: Path) -> int:
    return zlib.crc32(path.read_bytes())
