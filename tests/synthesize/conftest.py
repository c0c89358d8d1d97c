"""A small synthetic source, made once for all tests of this folder."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from gridkit.synthesize.corpus import synthesize

SEED = 3


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers, two clips each."""
    folder = tmp_path_factory.mktemp("synthetic") / "source"
    synthesize(folder, speakers=4, clips=2, seed=SEED)
    return folder


@pytest.fixture(scope="session")
def find_landmarks() -> Callable[[np.ndarray], np.ndarray]:
    """A function from an RGB picture to dlib's 68 points; exactly one face must be found."""
    package = importlib.util.find_spec("face_recognition_models")
    assert package is not None
    assert package.origin is not None
    model = Path(package.origin).parent / "models/shape_predictor_68_face_landmarks.dat"
    detect, predict = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))

    def find(picture: np.ndarray) -> np.ndarray:
        gray = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        boxes = detect(gray, 0)
        assert len(boxes) == 1, f"{len(boxes)} faces"
        return np.array([(p.x, p.y) for p in predict(gray, boxes[0]).parts()], float)

    return find
