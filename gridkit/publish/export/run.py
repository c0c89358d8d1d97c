"""An export: a folder that is there whole, under its name, or not at all.

It is written next to its place, under a hidden name, and renamed. A run that fails or is
interrupted removes what it wrote; what a killed run leaves, the next run overwrites. The same
corpus and options give the same bytes. Nothing waits for the disk, which would take ten times as
long: after a power cut, export again.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridkit.compute.lock import LOCK_NAME, folder_lock
from gridkit.corpus.records import Clip
from gridkit.errors import NO_SPACE, DiskFullError, EnvironmentProblem, UsageError
from gridkit.publish.export.filelist import filelist_example, filelist_writer
from gridkit.publish.export.lhotse import lhotse_example, lhotse_writer
from gridkit.publish.export.selection import Selection
from gridkit.publish.export.webdataset import webdataset_example, webdataset_writer
from gridkit.store.card import CARD_NAME, title_of
from gridkit.store.files import read_file, temporary_of

CORPUS_CARD_NAME = "CORPUS.md"


@dataclass(frozen=True)
class Format:
    """A way to write clips."""

    writer: Callable[[Path, Path, Selection], AbstractContextManager[Callable[[str, Clip], None]]]
    """Of the folder to write to, the folder it will be, and what is exported."""
    example: Callable[[Path, Selection], str]
    """How the folder is loaded, in one line."""


FORMATS = {
    "webdataset": Format(webdataset_writer, webdataset_example),
    "lhotse": Format(lhotse_writer, lhotse_example),
    "filelist": Format(filelist_writer, filelist_example),
}


def export(
    selection: Selection,
    out: Path,
    format: str,
    on_clip: Callable[[], object] = lambda: None,
) -> None:
    """Write clips for another trainer.

    Args:
        selection: which.
        out: a folder that is not there yet, or is empty.
        format: one of `FORMATS`.
        on_clip: called after each clip.

    Raises:
        UsageError: the folder holds something.
        CorpusError: a file of the corpus is missing or damaged.
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
        LockedError: another run exports into this folder.
    """
    home = out.resolve()
    _check_free(out, home)
    with _appearing(home) as folder:
        with FORMATS[format].writer(folder, home, selection) as add:
            for part, clip in selection.clips():
                add(part, clip)
                on_clip()
        card = read_file(selection.corpus.folder / CARD_NAME)
        (folder / CORPUS_CARD_NAME).write_bytes(card)
        (folder / CARD_NAME).write_text(_readme(selection, format), encoding="utf-8")


def _check_free(out: Path, home: Path) -> None:
    if home.exists() and not (home.is_dir() and next(home.iterdir(), None) is None):
        raise UsageError(
            f"{out} exists and is not an empty folder; remove it, or name another --out"
        )


@contextmanager
def _appearing(home: Path) -> Iterator[Path]:
    """Give a folder to fill that gets its name at the end; nothing of it stays otherwise."""
    folder = temporary_of(home)
    try:
        with folder_lock(folder):
            try:
                _empty(folder)
                yield folder
                (folder / LOCK_NAME).unlink()
                folder.replace(home)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except BrokenPipeError:  # raised by `on_clip`
        raise
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFullError(
                f"no space left for {home}; nothing of it stays: free some and run again"
            ) from error
        raise EnvironmentProblem(f"cannot write {home}: {error.strerror or error}") from error


def _empty(folder: Path) -> None:
    """Remove what a killed run left, except the lock."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK_NAME:
            path.unlink()


def _readme(selection: Selection, format: str) -> str:
    file = selection.corpus.file
    parts = ", ".join(f"{clips} {part}" for part, clips in selection.counts.items())
    of_split = f" of split `{selection.split}`" if selection.split else ""
    title = "Synthetic clips in GRID format" if file.synthetic else title_of(file)
    return (
        f"# {title}, for {format}\n\n"
        f"{parts}{of_split}, with crop `{selection.profile}`, exported by gridkit from a prepared "
        f"corpus (gridkit {file.gridkit_version}). {CORPUS_CARD_NAME} is the card of that corpus: "
        "licence, citation and attribution, which travel with the data, how the crops were made, "
        "and known defects.\n\n"
        "Load it (DIR is this folder):\n\n"
        f"    {FORMATS[format].example(Path('DIR'), selection)}\n"
    )
