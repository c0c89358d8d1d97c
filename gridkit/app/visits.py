"""The folders of visits: each has a name that nobody guesses, and goes when the visitor does.

A visitor's clip and what was made of it lie in one folder, among the temporary files of the
machine. It is deleted when the page is left or takes another clip, some time after the last request
has been answered otherwise, and with all others when the server ends. A server that was killed
leaves its folders; the next one deletes them: it can have the lock on them.
"""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gridkit.errors import UsageError

CLIP = "clip"
"""The visitor's file, in the folder of the visit."""
WORDS = "words.json"
MOUTH = "mouth.mp4"
ORIGINAL = "original"
PLAYABLE = "playable.mp4"
CAPTIONED = "captioned.mp4"

KEEP_S = 900
"""A visit that asks for nothing so long is over."""
MOST = 40
"""So many visits are kept; of more, those that asked for something longest ago go."""
PREFIX = "gridkit-app-"
_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.(mp4|wav|png|json|srt|vtt)")


class TooManyVisitsError(UsageError):
    """All visits that there may be are being answered."""


class Visits:
    """Folders by the name of the visit; a context manager that deletes them all."""

    def __init__(self) -> None:
        _delete_left_over()
        self._root, self._lock = _locked_folder()
        self._used_s: dict[str, float] = {}
        self._answered: Counter[str] = Counter()

    def __enter__(self) -> "Visits":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        os.close(self._lock)

    def begin(self) -> str:
        """Make a folder, and return the name of the visit.

        Raises:
            TooManyVisitsError: all others are being answered.
        """
        if len(self._used_s) >= MOST and not self._idle():
            raise TooManyVisitsError(f"{MOST} others give clips already; try again in a minute")
        visit = secrets.token_urlsafe(16)
        (self._root / visit).mkdir()
        self._used_s[visit] = time.monotonic()
        if len(self._used_s) > MOST:
            self.forget(min(self._idle(but=visit), key=lambda one: self._used_s[one]))
        return visit

    @contextmanager
    def answering(self, visit: str) -> Iterator[None]:
        """Keep a visit, however long the answer to a request takes."""
        self._answered[visit] += 1
        try:
            yield
        finally:
            self._answered[visit] -= 1
            self._answered += Counter()  # without those at 0
            self.folder(visit)

    def _idle(self, but: str = "") -> list[str]:
        return [one for one in self._used_s if one != but and not self._answered[one]]

    def folder(self, visit: str) -> Path | None:
        """Return the folder of a visit; None where it is over."""
        if visit not in self._used_s:
            return None
        self._used_s[visit] = time.monotonic()
        return self._root / visit

    def file(self, visit: str, name: str) -> Path | None:
        """Return a file that was made in a visit; None where there is none of that name."""
        folder = self.folder(visit)
        if folder is None or not _FILE.fullmatch(name) or not (folder / name).is_file():
            return None
        return folder / name

    def forget(self, visit: str) -> None:
        """Delete what there is of a visit."""
        if self._used_s.pop(visit, None) is not None:
            shutil.rmtree(self._root / visit, ignore_errors=True)

    def forget_old(self, keep_s: float = KEEP_S) -> None:
        """Delete visits that have asked for nothing for some time."""
        oldest_s = time.monotonic() - keep_s
        for visit in self._idle():
            if self._used_s[visit] <= oldest_s:
                self.forget(visit)


def _locked_folder() -> tuple[Path, int]:
    """Return a new folder, and the descriptor that holds its lock while this process lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            if _may_lock(lock) and folder.is_dir():
                return folder, lock
            os.close(lock)
        # a server that started at the same moment took it for left over


def _delete_left_over() -> None:
    """Delete the folders of servers that were killed, of the same user."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.getuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _may_lock(descriptor: int) -> bool:
    """Lock a folder; tell whether no other process has. Not all file systems know locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
