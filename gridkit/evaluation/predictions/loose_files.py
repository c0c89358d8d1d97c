"""Predictions that someone made elsewhere, one file per clip: `DIR/s1/bbaf2n.wav`.

A file is named by the clip's id: sound as `.wav` or `.flac`, of any rate, text as `.txt`. The
same is asked of it as of a system: one channel, finite, within 0.1 s of a clip's 3 s.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile

from gridkit.errors import ResultError
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.systems.answers import Checked, check_sound, check_text, failed

SUFFIXES = (".wav", ".flac", ".txt")


class LooseFiles(Mapping[str, Prediction]):
    """Predictions by id, each read from its file when it is asked for."""

    def __init__(self, files: Mapping[str, Path]):
        self._files = dict(files)

    def __getitem__(self, clip: str) -> Prediction:
        checked = _read(self._files[clip])
        return Prediction(clip, checked.samples, checked.text, checked.failure, checked.detail)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def find_loose_files(folder: Path) -> LooseFiles:
    """Return the predictions that a folder holds as files; empty where there are none.

    Raises:
        ResultError: a clip has two files.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.glob("*/*")):
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        clip = path.relative_to(folder).with_suffix("").as_posix()
        if clip in files:
            raise ResultError(f"{clip} has two predictions, {files[clip]} and {path}; keep one")
        files[clip] = path
    return LooseFiles(files)


def _read(path: Path) -> Checked:
    if path.suffix == ".txt":
        try:
            return check_text(path.read_text(encoding="utf-8").strip())
        except UnicodeDecodeError:
            return failed("type", f"{path.name} is not UTF-8 text")
    try:
        samples, rate_hz = soundfile.read(path, dtype="float64")
    except soundfile.LibsndfileError as error:
        return failed("type", f"{path.name} is not a sound file: {error}")
    return check_sound(np.asarray(samples), rate_hz)
