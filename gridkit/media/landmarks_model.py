"""Which file finds the 68 points, and on what terms.

The default is the file in the package `face_recognition_models`, found on disk and never imported:
its `__init__` needs `pkg_resources`, which is gone. Any dlib shape predictor with 68 points can
stand in its place. dlib is imported late: it takes long, and few commands need it.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.corpus.records import POINTS
from gridkit.errors import LandmarkModelError, MissingExtraError

DEFAULT_NAME = "shape_predictor_68_face_landmarks"
DEFAULT_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
DEFAULT_LICENCE = "trained on iBUG 300-W, for non-commercial use only"
UNKNOWN_LICENCE = "not known to gridkit: ask whoever made the file"
_ADVICE = "name a dlib shape predictor with 68 points (--landmarks-model FILE)"


@dataclass(frozen=True)
class LandmarkModel:
    """A dlib shape predictor with 68 points."""

    path: Path

    @property
    def name(self) -> str:
        """Return what the file is called."""
        return self.path.stem

    @cached_property
    def sha256(self) -> str:
        """Return the digest of the file: 100 MB are read when it is asked for, not before."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def licence(self) -> str:
        """Return on what terms the file may be used."""
        return DEFAULT_LICENCE if self.sha256 == DEFAULT_SHA256 else UNKNOWN_LICENCE


@cache
def default_landmark_model() -> LandmarkModel:
    """Return the model of the package `face_recognition_models`; it is loaded when it is used.

    Raises:
        MissingExtraError: the package is not installed.
        LandmarkModelError: it lacks the file.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "the landmark model is missing: pip install face_recognition_models==0.3.0, "
            "or name a file with --landmarks-model FILE"
        )
    path = (Path(spec.origin).parent / "models" / f"{DEFAULT_NAME}.dat").resolve()
    if not path.is_file():
        raise LandmarkModelError(f"{path}: no such file; {_ADVICE}")
    return LandmarkModel(path)


def load_landmark_model(path: Path | str) -> LandmarkModel:
    """Read a model and check that it finds 68 points; each file is read once per process.

    Raises:
        LandmarkModelError: the file is missing, not a dlib shape predictor, or has other points.
    """
    return _load(Path(path).resolve())


@cache
def _load(path: Path) -> LandmarkModel:
    predictor(path)
    return LandmarkModel(path)


@cache
def predictor(path: Path) -> Any:
    """Return dlib's shape predictor for a file, read and tried out once per process.

    Raises:
        LandmarkModelError: as `load_landmark_model`.
    """
    import dlib

    if not path.is_file():
        raise LandmarkModelError(f"{path}: no such file; {_ADVICE}")
    try:
        found = dlib.shape_predictor(str(path))
    except RuntimeError as error:
        raise LandmarkModelError(f"{path}: not a dlib shape predictor; {_ADVICE}") from error
    # the number of points is known only from an answer
    points = found(np.zeros((64, 64), np.uint8), dlib.rectangle(8, 8, 55, 55)).num_parts
    if points != POINTS:
        raise LandmarkModelError(f"{path}: finds {points} points, not {POINTS}; {_ADVICE}")
    return found
