"""Where Python imports from: not from the folder that a command happens to be run in.

That may be the folder of a model, whose files have names of their own choice: `random.py` there is
not Python's, and would run in a process that reads the corpus.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_CURRENT_FOLDER = {"PYTHONSAFEPATH": "1"}
"""Variables with which a process does not look there; `python -c` otherwise does, first of all."""


def python_path() -> list[str]:
    """Return the folders that PYTHONPATH names, but the current one (an empty part, or a dot)."""
    return [part for part in _parts() if not _is_here(part)]


def forget_current_folder() -> None:
    """Import nothing more from the current folder, where only PYTHONPATH led there."""
    parts = _parts()
    if any(map(_is_here, parts)) and str(Path.cwd()) not in parts:
        sys.path[:] = [part for part in sys.path if part not in ("", str(Path.cwd()))]


@contextmanager
def children_import_elsewhere() -> Iterator[None]:
    """Have processes that are started in the block not look into the current folder.

    They take over `sys.path`, in which a notebook or an interactive Python has it.
    """
    place = sys.path.index("") if "" in sys.path else None
    if place is not None:
        del sys.path[place]
    try:
        yield
    finally:
        if place is not None:
            sys.path.insert(place, "")


def _parts() -> list[str]:
    value = os.environ.get("PYTHONPATH", "")
    return value.split(os.pathsep) if value else []  # Python takes an empty one for none


def _is_here(part: str) -> bool:
    return os.path.normpath(part or ".") == "."
