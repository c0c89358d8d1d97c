"""`landmarks-model.json`: which detector and points made the landmarks, and their licence."""

import json
from collections.abc import Mapping
from pathlib import Path

from gridkit.errors import CorpusError
from gridkit.store.files import read_file, write_file

LANDMARKS_NAME = "landmarks-model.json"
LANDMARKS_KEYS = ("detector", "points", "sha256", "licence")
"""What the description has at least."""


def write_landmarks_file(folder: Path, description: Mapping[str, str]) -> None:
    """Write the description of the landmark model.

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    text = json.dumps(dict(description), indent=1, sort_keys=True, ensure_ascii=False)
    write_file(folder / LANDMARKS_NAME, f"{text}\n".encode())


def read_landmarks_file(folder: Path) -> dict[str, str]:
    """Read the description of the landmark model.

    Raises:
        CorpusError: the file is missing, damaged, or says too little.
    """
    path = folder / LANDMARKS_NAME
    try:
        description = json.loads(read_file(path))
        return {**description, **{key: str(description[key]) for key in LANDMARKS_KEYS}}
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"{path}: damaged ({type(error).__name__}: {error})") from error
