"""Scenes with a real face in known places, and the tracker that is tried on them."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from gridkit.media.face import FaceTracker

WIDTH_PX, HEIGHT_PX = 360, 288


@dataclass(frozen=True)
class Portrait:
    """A photograph of a face, and where its mouth is, by eye."""

    luma: np.ndarray
    """uint8 (H, W)"""
    middle: tuple[float, float]
    """Between eyes and mouth."""
    mouth: tuple[float, float]
    head: tuple[float, float]
    """Half axes of an ellipse that holds the head."""

    def matrix(
        self, x: float, y: float, scale: float = 1.2, degrees: float = 0, squash: float = 1
    ) -> np.ndarray:
        """Return the map, (2, 3), that puts the middle of the face at (x, y)."""
        c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
        turn = np.array([[c * squash, -s], [s * squash, c]])
        return np.column_stack([turn, np.array([x, y]) - turn @ self.middle])

    def paste(self, frame: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return a frame with the head on it, softly cut out."""
        mask = np.zeros(self.luma.shape, np.uint8)
        middle = (round(self.middle[0]), round(self.middle[1]))
        cv2.ellipse(mask, middle, tuple(map(round, self.head)), 0, 0, 360, 255, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 3)
        size = frame.shape[::-1]
        face, weight = (cv2.warpAffine(plane, matrix, size) for plane in (self.luma, mask))
        share = weight / 255.0
        return np.rint(frame * (1 - share) + face * share).astype(np.uint8)

    def mouth_at(self, matrix: np.ndarray) -> np.ndarray:
        """Return where the mouth lies in the frame, (2,)."""
        return matrix[:, :2] @ self.mouth + matrix[:, 2]


@pytest.fixture(scope="session")
def portrait() -> Portrait:
    data = pytest.importorskip("skimage.data", reason="needs a face: scikit-image is missing")
    luma = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)
    return Portrait(luma, middle=(223.0, 118.0), mouth=(223.0, 145.0), head=(64.0, 78.0))


@pytest.fixture(scope="session")
def wall() -> np.ndarray:
    """A background without a face: soft blotches, uint8 (288, 360)."""
    noise = np.random.default_rng(0).normal(0, 1, (HEIGHT_PX, WIDTH_PX))
    blotches = cv2.GaussianBlur(noise, (0, 0), 12)
    return np.clip(110 + 30 * blotches / blotches.std(), 16, 235).astype(np.uint8)


@pytest.fixture(scope="session")
def tracker() -> FaceTracker:
    return FaceTracker()
