"""Cut a part of the face out of each frame: level, at one size, in one place.

The planes of the video are warped, each by itself: no picture is converted to RGB on the way.
Points are first averaged over time (`smooth_landmarks`), then one similarity per frame lays the
profile's reference points on the mean face. Beyond the picture's edge, its last pixels repeat.

Pixel centres are at whole numbers. A chroma sample is in the middle of its four luma samples,
as in MPEG-1 and JPEG: chroma x is luma 2x + 1/2.

Crops are full range, and `to_rgb` is BT.601 at full range, as JFIF.
"""

import cv2
import numpy as np

from gridkit.media.landmarks import (
    PARTS,
    fit_similarities,
    mean_landmarks,
    part_indices,
    smooth_landmarks,
)
from gridkit.media.profiles import DEFAULT_PROFILE, PROFILES, CropProfile, load_profile
from gridkit.media.video import Planes, Video

__all__ = [
    "DEFAULT_PROFILE",
    "PROFILES",
    "CropProfile",
    "crop_matrices",
    "cut_crop",
    "load_profile",
    "to_rgb",
]

MIN_SCALE = 0.7
"""Below, bilinear sampling would skip pixels: the source is first made smaller by half."""

_LEVELS = np.arange(256.0)
LUMA_TO_FULL_RANGE = np.clip(np.rint((_LEVELS - 16) * 255 / 219), 0, 255).astype(np.uint8)
CHROMA_TO_FULL_RANGE = np.clip(np.rint((_LEVELS - 128) * 255 / 224 + 128), 0, 255).astype(np.uint8)


def cut_crop(video: Video, landmarks: np.ndarray, profile: CropProfile) -> Planes:
    """Cut one profile's crop out of a clip.

    Args:
        video: T frames.
        landmarks: source pixels, (T, 68, 2), every frame filled, not smoothed.
        profile: what to cut.

    Returns:
        Full-range planes of the profile's size; without chroma for a gray profile.
    """
    matrices = crop_matrices(landmarks, profile)
    width, height = profile.width_px, profile.height_px
    luma = _warp(video.luma, matrices, width, height)
    if not video.full_range:
        luma = _look_up(LUMA_TO_FULL_RANGE, luma)
    if profile.colour == "gray":
        return Planes(luma=luma, chroma=None)
    to_chroma = _for_chroma(matrices)
    chroma = np.stack(
        [_warp(video.chroma[:, i], to_chroma, width // 2, height // 2) for i in (0, 1)], axis=1
    )
    if not video.full_range:
        chroma = _look_up(CHROMA_TO_FULL_RANGE, chroma)
    return Planes(luma=luma, chroma=chroma)


def crop_matrices(landmarks: np.ndarray, profile: CropProfile) -> np.ndarray:
    """Return the similarities, float64 (T, 2, 3), from source pixels to a profile's pixels."""
    points = smooth_landmarks(landmarks, profile.smooth_frames)
    reference = part_indices(profile.reference)
    middle = np.array([profile.width_px - 1, profile.height_px - 1]) / 2
    target = mean_landmarks()[reference] * profile.eye_distance_px
    matrices = fit_similarities(points[:, reference], target)
    if isinstance(profile.centre, str):
        part = points[:, PARTS[profile.centre]].mean(axis=1)
        matrices[..., 2] = middle - (matrices[..., :2] @ part[..., None])[..., 0]
    else:
        matrices[..., 2] += middle - np.array(profile.centre) * profile.eye_distance_px
    return matrices


def to_rgb(planes: Planes) -> np.ndarray:
    """Convert a crop to RGB, uint8 (T, h, w, 3); a gray crop gets three equal channels.

    Chroma is enlarged bilinearly, then, by OpenCV's fixed-point arithmetic (BT.601, full range):

        R = Y + 1.403 (Cr - 128)
        G = Y - 0.344 (Cb - 128) - 0.714 (Cr - 128)
        B = Y + 1.773 (Cb - 128)
    """
    frames, height, width = planes.luma.shape
    if planes.chroma is None:
        return np.repeat(planes.luma[..., None], 3, axis=-1)
    size = (width, height)
    rgb = np.empty((frames, height, width, 3), np.uint8)
    for picture, luma, (blue, red) in zip(rgb, planes.luma, planes.chroma, strict=True):
        ycrcb = cv2.merge([luma, cv2.resize(red, size), cv2.resize(blue, size)])
        cv2.cvtColor(ycrcb, cv2.COLOR_YCrCb2RGB, dst=picture)
    return rgb


def _warp(plane: np.ndarray, matrices: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """Return uint8 (T, height_px, width_px): each frame of a plane through its similarity."""
    scale = float(np.median(np.hypot(matrices[:, 0, 0], matrices[:, 1, 0])))
    while scale < MIN_SCALE:
        plane, matrices, scale = _halved(plane), _for_halved(matrices), 2 * scale
    out = np.empty((len(plane), height_px, width_px), np.uint8)
    for target, source, matrix in zip(out, plane, matrices, strict=True):
        cv2.warpAffine(
            source, matrix, (width_px, height_px), dst=target, borderMode=cv2.BORDER_REPLICATE
        )
    return out


def _halved(plane: np.ndarray) -> np.ndarray:
    """Return a plane (T, H, W) at half its size: the mean of two by two pixels."""
    height, width = plane.shape[1] // 2, plane.shape[2] // 2
    even = plane[:, : 2 * height, : 2 * width]
    size = (width, height)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in even])


def _for_halved(matrices: np.ndarray) -> np.ndarray:
    """Return similarities for a source at half its size, where pixel x was 2x + 1/2."""
    halved = matrices.copy()
    halved[..., 2] += matrices[..., :2].sum(axis=-1) / 2
    halved[..., :2] *= 2
    return halved


def _for_chroma(matrices: np.ndarray) -> np.ndarray:
    """Return similarities for planes of which both source and target have half the size."""
    chroma = matrices.copy()
    chroma[..., 2] = (matrices[..., 2] + matrices[..., :2].sum(axis=-1) / 2 - 0.5) / 2
    return chroma


def _look_up(table: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    looked_up: np.ndarray = cv2.LUT(pixels.reshape(-1, pixels.shape[-1]), table)
    return looked_up.reshape(pixels.shape)
