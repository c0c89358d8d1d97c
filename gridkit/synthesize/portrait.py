"""Make different people out of one picture: scikit-image's astronaut.

A speaker is an `Appearance`: how the face is stretched, the colours of skin, hair, suit and wall,
whether the picture is mirrored, where the head is in the frame. Coordinates are pixels of the
astronaut picture unless a name says `frame`.

Source of the picture: NASA, portrait of Eileen Collins, public domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from gridkit.errors import MissingExtraError
from gridkit.synthesize.mouth import lips

FACE_CENTRE = (224.0, 130.0)
TEXTURE_SCALE = 2
_LEFT, _TOP, _RIGHT, _BOTTOM = 40, 0, 420, 300
_PAD = 40

_SURELY_PERSON = (
    (165, 70), (180, 35), (215, 24), (260, 32), (288, 60), (290, 100), (265, 130), (256, 160),
    (240, 178), (285, 222), (300, 262), (360, 285), (330, 300), (60, 300), (70, 275), (110, 240),
    (130, 182), (150, 168), (188, 170), (185, 130), (165, 105),
)  # fmt: skip
_MAYBE_PERSON = (
    (150, 60), (160, 25), (195, 8), (235, 5), (275, 20), (300, 50), (306, 90), (295, 125),
    (278, 140), (270, 165), (262, 180), (300, 205), (310, 245), (400, 280), (400, 300), (40, 300),
    (40, 245), (60, 235), (100, 215), (108, 180), (130, 150), (182, 142), (170, 128), (150, 110),
)  # fmt: skip
_HAIR = (
    (140, 130), (140, 0), (310, 0), (310, 130), (276, 130), (268, 118), (266, 96), (252, 86),
    (236, 84), (222, 78), (204, 80), (192, 82), (186, 94), (180, 108), (180, 130),
)  # fmt: skip
_SMILE_FOLDS = (((206, 122), (200, 130), (196, 137)), ((238, 124), (246, 132), (251, 141)))


@dataclass(frozen=True)
class Appearance:
    """What one speaker looks like."""

    mirrored: bool
    frame_scale: float
    """Frame pixels per pixel of the portrait."""
    frame_centre: tuple[float, float]
    """Where the middle of the face is in the frame, x and y."""
    breadth: float
    """Share by which the whole head is broader (negative: narrower)."""
    jaw: float
    """Share by which the jaw is broader."""
    forehead: float
    nose: float
    eyes_apart_px: float
    nose_down_px: float
    chin_down_px: float
    brows_up_px: float
    skin: tuple[float, float, float]
    """Gain of red, green, blue over the whole person."""
    gamma: float
    hair: tuple[float, float, float]
    """Gain of red, green, blue of the hair."""
    lips: tuple[float, float, float]
    """Share of red, green, blue that the lips swallow."""
    suit_turn_deg: float
    """How far the hue of the suit is turned."""
    wall: tuple[float, float, float]
    """Colour behind, RGB 0 to 255."""


_WALLS = (
    (28, 122, 184), (62, 140, 150), (96, 104, 150), (150, 146, 132), (40, 96, 132), (110, 140, 110),
    (140, 116, 110), (70, 84, 104),
)  # fmt: skip
_HAIRS = (
    (1.0, 1.0, 1.0), (0.42, 0.36, 0.36), (1.05, 0.72, 0.5), (0.7, 0.72, 0.85), (0.62, 0.5, 0.42),
    (1.2, 1.12, 0.85),
)  # fmt: skip
_SKINS = (
    ((1.0, 1.0, 1.0), 1.0), ((0.9, 0.84, 0.8), 1.2), ((1.04, 1.0, 0.98), 0.9),
    ((0.84, 0.74, 0.66), 1.4), ((0.98, 0.92, 0.84), 1.1),
)  # fmt: skip
_LIPS = ((0.06, 0.24, 0.2), (0.1, 0.3, 0.26), (0.04, 0.16, 0.16), (0.16, 0.34, 0.3))
_SUITS_DEG = (0.0, 200.0, 110.0, 330.0, 60.0, 250.0, 160.0)
_SHAPES = (
    (-0.03, 0.00, 0.00, 0.00),
    (0.05, 0.10, -0.03, 0.14),
    (-0.06, -0.07, 0.06, -0.08),
    (0.02, 0.07, 0.05, 0.20),
    (0.07, -0.04, 0.02, 0.05),
    (-0.02, 0.11, -0.05, -0.05),
)


def appearance_of(number: int, seed: int) -> Appearance:
    """Return the appearance of synthetic speaker `number` (1 is x1).

    What strikes most (colours, head shape) is taken in turn, so that neighbours never look alike;
    the rest is drawn.
    """
    draw = np.random.default_rng([seed, number, 1])
    index = number - 1
    breadth, jaw, forehead, nose = _SHAPES[index % len(_SHAPES)]
    skin, gamma = _SKINS[index % len(_SKINS)]
    small = draw.uniform(-1, 1, size=12)
    return Appearance(
        mirrored=index % 2 == 1,
        frame_scale=1.26 + 0.05 * small[0],
        frame_centre=(178 + 8 * small[1], 164 + 5 * small[2]),
        breadth=breadth + 0.01 * small[3],
        jaw=jaw + 0.02 * small[4],
        forehead=forehead + 0.02 * small[5],
        nose=nose + 0.04 * small[6],
        eyes_apart_px=1.2 * small[7],
        nose_down_px=2.2 * small[8],
        chin_down_px=2.8 * small[9],
        brows_up_px=1.5 * small[10],
        skin=skin,
        gamma=gamma * (1 + 0.04 * small[11]),
        hair=_HAIRS[index % len(_HAIRS)],
        lips=_LIPS[index % len(_LIPS)],
        suit_turn_deg=_SUITS_DEG[index % len(_SUITS_DEG)],
        wall=_WALLS[index % len(_WALLS)],
    )


def reshape(x: np.ndarray, y: np.ndarray, appearance: Appearance) -> tuple[np.ndarray, np.ndarray]:
    """Return where in the portrait the pixels of this speaker's face are.

    Smooth bumps, small enough that the map never folds; near the mouth it is almost a scaling, so
    that the mouth moves alike on every face.
    """
    side = x - FACE_CENTRE[0]
    near = np.exp(-((side / 60) ** 2))
    broader = appearance.breadth + appearance.jaw * np.exp(-(((y - 158) / 22) ** 2))
    broader = broader + appearance.forehead * np.exp(-(((y - 50) / 35) ** 2))
    broader = broader + appearance.nose * np.exp(-(((y - 124) / 9) ** 2) - (side / 13) ** 2)
    apart = (
        np.exp(-(((y - 101) / 12) ** 2) - (side / 30) ** 2) * appearance.eyes_apart_px * side / 20
    )
    down = appearance.nose_down_px * np.exp(-(((y - 126) / 22) ** 2))
    down = down + appearance.chin_down_px * np.exp(-(((y - 176) / 18) ** 2))
    down = down - appearance.brows_up_px * np.exp(-(((y - 88) / 7) ** 2))
    return x - broader * side - apart, y - down * near


@cache
def _astronaut() -> np.ndarray:
    """Return the part that is used, RGB uint8."""
    try:
        from skimage import data
    except ImportError:
        raise MissingExtraError(
            'faces need scikit-image; install it with: pip install "gridkit[synth]"'
        ) from None
    return np.ascontiguousarray(data.astronaut()[_TOP:_BOTTOM, _LEFT:_RIGHT])


def _polygon(points: Sequence[tuple[int, int]]) -> np.ndarray:
    return np.array(points, np.int32) - (_LEFT, _TOP)


@cache
def _person_opacity() -> np.ndarray:
    """Return 1 on the person and 0 on what is behind, float32, soft at the edge."""
    picture = _astronaut()
    labels = np.full(picture.shape[:2], cv2.GC_BGD, np.uint8)
    cv2.fillPoly(labels, [_polygon(_MAYBE_PERSON)], cv2.GC_PR_FGD)
    cv2.fillPoly(labels, [_polygon(_SURELY_PERSON)], cv2.GC_FGD)
    cv2.setRNGSeed(0)
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 3,
                cv2.GC_INIT_WITH_MASK)  # fmt: skip
    soft = cv2.GaussianBlur((labels & 1).astype(np.float32), (0, 0), 1.1)
    # a little inwards, so that no light fringe of the old background stays
    return np.clip(soft * 1.7 - 0.6, 0, 1)


def _hair_opacity() -> np.ndarray:
    mask = np.zeros(_astronaut().shape[:2], np.float32)
    cv2.fillPoly(mask, [_polygon(_HAIR)], 1.0)
    return cv2.GaussianBlur(mask, (0, 0), 4.0)


def _lips_opacity() -> np.ndarray:
    x, y = np.meshgrid(np.arange(_LEFT, _RIGHT), np.arange(_TOP, _BOTTOM))
    return lips(x, y).astype(np.float32)


def _unsmiling(picture: np.ndarray) -> np.ndarray:
    """Soften the folds from nose to mouth, which only a smile has so deep."""
    mask = np.zeros(picture.shape[:2], np.float32)
    for fold in _SMILE_FOLDS:
        cv2.polylines(mask, [_polygon(fold)], False, 1.0, 7)
    mask = cv2.GaussianBlur(mask, (0, 0), 2.0)[..., np.newaxis] * 0.8
    softened: np.ndarray = picture + mask * (cv2.GaussianBlur(picture, (0, 0), 5.0) - 1.0 * picture)
    return softened


def texture_of(appearance: Appearance) -> np.ndarray:
    """Return the speaker's colours on the portrait, RGB uint8, `TEXTURE_SCALE` times as fine.

    It is larger than what is used by a margin of wall; `texture_place` says where things are.
    """
    picture = _unsmiling(_astronaut()).astype(np.float32)
    hue, light, saturation = cv2.split(cv2.cvtColor(picture / 255, cv2.COLOR_RGB2HLS))
    rows = np.arange(_TOP, _BOTTOM, dtype=np.float32)[:, np.newaxis]
    suit = np.clip((rows - 178) / 16, 0, 1) * np.ones_like(hue)
    turned = cv2.merge([(hue + appearance.suit_turn_deg) % 360, light * 0.7, saturation * 0.45])
    picture += suit[..., np.newaxis] * (cv2.cvtColor(turned, cv2.COLOR_HLS2RGB) * 255 - picture)
    person = 255 * (picture / 255) ** appearance.gamma * np.array(appearance.skin, np.float32)
    person *= 1 - _lips_opacity()[..., np.newaxis] * np.array(appearance.lips, np.float32)
    hair = _hair_opacity()[..., np.newaxis]
    person *= 1 + hair * (np.array(appearance.hair, np.float32) - 1)

    opacity = cv2.copyMakeBorder(_person_opacity(), _PAD, 0, _PAD, _PAD, cv2.BORDER_CONSTANT)
    person = cv2.copyMakeBorder(person, _PAD, 0, _PAD, _PAD, cv2.BORDER_REPLICATE)
    size = (opacity.shape[1] * TEXTURE_SCALE, opacity.shape[0] * TEXTURE_SCALE)
    opacity = cv2.resize(opacity, size, interpolation=cv2.INTER_LINEAR)[..., np.newaxis]
    person = cv2.resize(person, size, interpolation=cv2.INTER_CUBIC)
    painted = _wall(size, appearance.wall) * (1 - opacity) + person * opacity
    return np.clip(painted, 0, 255).astype(np.uint8)


def _wall(size: tuple[int, int], colour: tuple[float, float, float]) -> np.ndarray:
    """Return a plain wall that is lit from above, darker to the corners, float32 RGB."""
    width, height = size
    x = np.linspace(-1, 1, width, dtype=np.float32)[np.newaxis, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, np.newaxis]
    light = 1.08 - 0.22 * (x * x) - 0.1 * (y + 0.4) ** 2 - 0.05 * x
    return light[..., np.newaxis] * np.array(colour, np.float32)


def texture_place(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where in the texture a place of the astronaut picture is."""
    half = (TEXTURE_SCALE - 1) / 2
    return (
        (x - _LEFT + _PAD) * TEXTURE_SCALE + half,
        (y - _TOP + _PAD) * TEXTURE_SCALE + half,
    )
