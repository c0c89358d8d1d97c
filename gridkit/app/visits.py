"""The folders of visits: each has a name that nobody guesses, and goes when the visitor does.

A visitor's clip and what was made of it lie in one folder, among the temporary files of the
machine. It is deleted when the page is left or takes another clip, some time after the last request
otherwise, and with all others when the server ends.
"""

import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

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
_FILE = re.compile(r"[a-z0-9][a-z0-9-]*\.(mp4|wav|png|json|srt|vtt)")


class Visits:
    """Folders by the name of the visit; a context manager that deletes them all."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="gridkit-app-"))
        self._used_s: dict[str, float] = {}

    def __enter__(self) -> "Visits":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._root, ignore_errors=True)

    def begin(self) -> str:
        """Make a folder, and return the name of the visit."""
        visit = secrets.token_urlsafe(16)
        (self._root / visit).mkdir()
        self._used_s[visit] = time.monotonic()
        for oldest in sorted(self._used_s, key=lambda one: self._used_s[one])[:-MOST]:
            self.forget(oldest)
        return visit

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
        for visit in [visit for visit, used_s in self._used_s.items() if used_s <= oldest_s]:
            self.forget(visit)
