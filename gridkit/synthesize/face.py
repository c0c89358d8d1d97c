"""Film a speaker: 360 x 288 pictures at 25 fps of a talking face.

Every picture is sampled once from the speaker's texture: frame pixel -> (head motion) -> the
speaker's face -> (`portrait.reshape`) -> the portrait -> (`mouth.warp`, around the mouth only)
-> texture. The first steps are smooth and are worked out on a coarse grid.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from gridkit.synthesize import mouth
from gridkit.synthesize.articulation import FRAME_RATE_HZ, MouthShape
from gridkit.synthesize.portrait import FACE_CENTRE, Appearance, reshape, texture_of, texture_place

WIDTH_PX, HEIGHT_PX = 360, 288
_GRID_PX = 8
_NOISE_PICTURES = 4
_NOISE_LEVELS = 1.6


@dataclass(frozen=True)
class Motion:
    """Where the head is in each frame, arrays of length T."""

    x_px: np.ndarray
    y_px: np.ndarray
    turn_deg: np.ndarray
    zoom: np.ndarray
    blink: np.ndarray
    """0 open, 1 shut."""


def draw_motion(frames: int, draw: np.random.Generator) -> Motion:
    """Return a calm head: a posture of its own for the clip, slow sway, a blink or two."""

    def sway(size: float, posture: float = 0.0) -> np.ndarray:
        time_s = np.arange(frames) / FRAME_RATE_HZ
        rates_hz, phases = draw.uniform(0.15, 0.9, 3), draw.uniform(0, 2 * np.pi, 3)
        waves = np.sin(2 * np.pi * rates_hz * time_s[:, np.newaxis] + phases) * (1, 0.6, 0.4)
        track: np.ndarray = size * waves.sum(axis=1) + posture * draw.uniform(-1, 1)
        return track

    blink = np.zeros(frames)
    for middle in draw.uniform(0, frames, draw.integers(0, 3)):
        blink = np.maximum(blink, np.clip(1.6 - np.abs(np.arange(frames) - middle) / 1.8, 0, 1))
    return Motion(sway(1.3, 5), sway(0.9, 3), sway(0.7, 1.2), 1 + sway(0.004, 0.015), blink)


class Camera:
    """Films one speaker; what does not change between clips is kept."""

    def __init__(self, appearance: Appearance):
        self._appearance = appearance
        self._texture = texture_of(appearance)

    def film(self, shapes: np.ndarray, motion: Motion, draw: np.random.Generator) -> np.ndarray:
        """Return the pictures, RGB uint8 (T, 288, 360, 3).

        Args:
            shapes: the mouth in each frame, (T, 7), columns as `MouthShape`.
            motion: the head in each frame.
            draw: what the sensor's noise is drawn from.
        """
        noise = draw.normal(0, _NOISE_LEVELS, (_NOISE_PICTURES, HEIGHT_PX, WIDTH_PX, 1))
        noise = np.round(noise).astype(np.int8)
        shifts = draw.integers(0, (_NOISE_PICTURES, HEIGHT_PX, WIDTH_PX), (len(shapes), 3))
        pictures = np.empty((len(shapes), HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        for index, shape in enumerate(shapes):
            picture = self._picture(MouthShape(*map(float, shape)), motion, index)
            grain = np.roll(noise[shifts[index, 0]], shifts[index, 1:], axis=(0, 1))
            pictures[index] = np.clip(picture.astype(np.int16) + grain, 0, 255)
        return pictures

    def _picture(self, shape: MouthShape, motion: Motion, index: int) -> np.ndarray:
        x, y = self._on_portrait(motion, index)
        part = _box(x, y, mouth.REGION)
        face_x, face_y = x[part].copy(), y[part].copy()
        warped = mouth.warp(face_x, face_y, shape)
        x[part], y[part] = warped.x, warped.y
        eyes = _box(x, y, _EYES)
        y[eyes] = _blink(x[eyes], y[eyes], float(motion.blink[index]))
        picture = self._sample(x, y)
        within = _box(face_x, face_y, mouth.INSIDE)
        face_x, face_y = face_x[within], face_y[within]
        teeth_x, teeth_y, teeth_opacity = mouth.teeth_source(face_x, face_y)
        mouth_view = picture[part][within]
        mouth_view[:] = mouth.paint_inside(
            mouth_view,
            self._sample(teeth_x, teeth_y),
            teeth_opacity,
            face_y,
            mouth.Warp(*(values[within] for values in warped)),
            shape,
        )
        return picture

    def _sample(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the texture at places of the portrait, RGB uint8."""
        texture_x, texture_y = texture_place(x, y)
        return cv2.remap(
            self._texture,
            texture_x.astype(np.float32),
            texture_y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def _on_portrait(self, motion: Motion, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the portrait's coordinates of every frame pixel, the mouth still at rest."""
        appearance = self._appearance
        margin = _GRID_PX  # a cell around, since resizing repeats the border
        columns = np.arange(-margin, WIDTH_PX + margin, _GRID_PX) + (_GRID_PX - 1) / 2
        rows = np.arange(-margin, HEIGHT_PX + margin, _GRID_PX) + (_GRID_PX - 1) / 2
        frame_x, frame_y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
        x, y = frame_x - appearance.frame_centre[0], frame_y - appearance.frame_centre[1]
        # the head moves more than the body
        share = 0.15 + 0.85 / (1 + np.exp((y - 75) / 14))
        angle = np.radians(motion.turn_deg[index]) * share
        zoom = appearance.frame_scale * (1 + (motion.zoom[index] - 1) * share)
        x, y = x - motion.x_px[index] * share, y - motion.y_px[index] * share
        x, y = (
            (np.cos(angle) * x + np.sin(angle) * y) / zoom,
            (np.cos(angle) * y - np.sin(angle) * x) / zoom,
        )
        if appearance.mirrored:
            x = -x
        x, y = reshape(x + FACE_CENTRE[0], y + FACE_CENTRE[1], appearance)
        return _enlarge(x), _enlarge(y)


def _enlarge(grid: np.ndarray) -> np.ndarray:
    height, width = grid.shape
    fine = cv2.resize(
        grid.astype(np.float32), (width * _GRID_PX, height * _GRID_PX),
        interpolation=cv2.INTER_LINEAR,
    )  # fmt: skip
    return fine[_GRID_PX:-_GRID_PX, _GRID_PX:-_GRID_PX]


def _box(
    x: np.ndarray, y: np.ndarray, region: tuple[float, float, float, float]
) -> tuple[slice, slice]:
    """Return the rows and columns of the frame that hold a region of the portrait."""
    left, top, right, bottom = region
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


_EYES = (186.0, 88.0, 266.0, 112.0)
_LIDS = ((205.5, 97.0, 107.0), (247.5, 98.0, 107.8))
"""Of each eye: middle x, edge of the upper lid, edge of the lower lid."""


def _blink(x: np.ndarray, y: np.ndarray, shut: float) -> np.ndarray:
    """Return where rows come from when the upper lids are lowered."""
    for middle, upper, lower in _LIDS:
        arch = np.clip(1 - ((x - middle) / 13) ** 2, 0, 1)
        lid = upper + shut * (lower - upper - 0.3) * arch
        top = upper - 5
        stretched = np.where(
            y < lid,
            top + (y - top) * (upper - top) / (lid - top),
            upper + (y - lid) * (lower - upper) / (lower - lid),
        )
        y = np.where((y > top) & (y < lower) & (arch > 0), stretched, y)
    return y
