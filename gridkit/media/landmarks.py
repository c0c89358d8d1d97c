"""The 68 points of a face: their parts, smoothing over time, and laying one face on another.

Points are (x, y) pixels in dlib's order (iBUG 300-W), (..., 68, 2); "left" and "right" are those
of the picture. A similarity is a rotation with scale and a shift, never a mirror image: it is kept
as a 2 x 3 matrix that takes source pixels to target pixels, as OpenCV does.

Source of the closed form: Umeyama 1991, "Least-squares estimation of transformation parameters
between two point patterns"; in the plane it is one complex division.
"""

from functools import cache
from importlib import resources

import numpy as np

from gridkit.corpus.records import POINTS

PARTS: dict[str, slice] = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
"""Which of the 68 points make up which part of the face."""

LEFT_EYE = slice(36, 42)
RIGHT_EYE = slice(42, 48)


def part_indices(parts: tuple[str, ...]) -> np.ndarray:
    """Return the indices of the points of some parts.

    >>> part_indices(("eyes",)).tolist()
    [36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47]
    """
    return np.concatenate([np.arange(POINTS)[PARTS[part]] for part in parts])


def smooth_landmarks(landmarks: np.ndarray, frames: int) -> np.ndarray:
    """Return the moving average of points over time, centred on each frame.

    An even number of frames has no middle: the window is then one frame longer, and its two outer
    frames count half. Near the ends of a clip the mean is over the frames that are there.

    Args:
        landmarks: pixels, (T, ..., 2).
        frames: length of the window; 1 leaves the points as they are.

    Returns:
        Pixels, float64, same shape.

    >>> smooth_landmarks(np.array([[[0, 0]], [[4, 8]], [[0, 0]]]), 2)[1].tolist()
    [[2.0, 4.0]]
    """
    count = len(landmarks)
    # differences of running sums, exact for whole pixels: the same on every machine
    running = np.zeros((count + 1, *landmarks.shape[1:]))
    np.cumsum(landmarks, axis=0, out=running[1:])
    # an odd window twice, or the two odd ones around an even window
    total, frames_in = np.zeros(landmarks.shape), np.zeros(count)
    for reach in (frames // 2, (frames - 1) // 2):
        first = np.maximum(np.arange(count) - reach, 0)
        beyond = np.minimum(np.arange(count) + reach + 1, count)
        total += running[beyond] - running[first]
        frames_in += beyond - first
    smooth: np.ndarray = total / frames_in.reshape(-1, *[1] * (landmarks.ndim - 1))
    return smooth


def fit_similarities(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the similarity that lays each set of points best on a target (least squares).

    Args:
        source: (T, N, 2), N at least 2, not all the same.
        target: (N, 2).

    Returns:
        Matrices, float64 (T, 2, 3), from source to target.

    >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    >>> (fit_similarities(2 * square[None] + 3, square).round(3) + 0).tolist()
    [[[0.5, 0.0, -1.5], [0.0, 0.5, -1.5]]]
    """
    z = source[..., 0] + 1j * source[..., 1]
    w = target[:, 0] + 1j * target[:, 1]
    z_mean = z.mean(axis=1)
    z = z - z_mean[:, None]
    turn = (z.conj() * (w - w.mean())).sum(axis=1) / (z * z.conj()).sum(axis=1).real
    shift = w.mean() - turn * z_mean
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.array(rows).transpose(2, 0, 1)


def map_points(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return points (T, N, 2) taken through similarities (T, 2, 3)."""
    return points @ matrices[..., :2].swapaxes(-1, -2) + matrices[..., None, :, 2]


@cache
def mean_landmarks() -> np.ndarray:
    """Return the mean face of the corpus, float64 (68, 2), read-only.

    Symmetric and upright; the middle between the centres of the eyes is (0, 0), their distance
    is 1, y grows downwards.
    """
    text = resources.files("gridkit.media").joinpath("data", "mean_landmarks.txt").read_text()
    points = np.array([line.split() for line in text.splitlines() if line[:1] != "#"], np.float64)
    points.flags.writeable = False
    return points
