"""Move the mouth of the portrait: where each pixel comes from, and what shows between the lips.

The mouth is described by four curves across it: outer and inner edge of the upper lip, inner and
outer edge of the lower lip. In the portrait they were set by hand; a `MouthShape` gives their new
places. A pixel between two curves comes from the same share of the way between the two curves of
the portrait, in the same column; jaw and cheeks follow and fade out. Between the inner edges the
inside of the mouth is painted: the portrait's own teeth, which stay with the skull, the lower
teeth, the tongue, the dark.

Coordinates are pixels of the astronaut picture, x to the right, y down. `across` is the place
along the mouth, -1 and 1 at the corners.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from gridkit.synthesize.articulation import MouthShape

CENTRE_X = 223.5
HALF_WIDTH = 22.0
REGION = (170.0, 126.0, 278.0, 208.0)
"""What may move: left, top, right, bottom."""
INSIDE = (200.0, 134.0, 247.0, 170.0)
"""Where the lips may part."""

_CORNER_Y, _CHIN_Y, _TOP_Y, _BOTTOM_Y = 139.4, 178.0, 129.0, 206.0
_PINNED_X = (201.5, 206, 210, 215, 220, 223.5, 228, 233, 238, 243, 245.5)
_PINNED_Y = {
    "upper_outer": (139.0, 138.7, 138.6, 138.9, 139.4, 139.9, 139.0, 138.6, 138.3, 138.9, 139.3),
    "upper_inner": (139.2, 139.6, 140.4, 141.4, 142.6, 143.0, 142.8, 142.0, 140.6, 139.6, 139.4),
    "lower_inner": (139.6, 143.8, 146.9, 149.2, 150.0, 150.1, 149.4, 147.6, 145.0, 141.9, 139.7),
    "lower_outer": (139.8, 146.2, 149.8, 153.4, 155.6, 156.0, 155.4, 153.2, 149.0, 144.0, 139.9),
}
_TABLE_ACROSS = np.linspace(-1, 1, 101)
_TABLE = {
    name: PchipInterpolator((np.array(_PINNED_X) - CENTRE_X) / HALF_WIDTH, ys)(_TABLE_ACROSS)
    for name, ys in _PINNED_Y.items()
}

_LINE_Y = 145.0
_TALKING_CORNER_Y = 144.2
_UPPER_THICK_PX, _LOWER_THICK_PX = 4.4, 6.4
_UPPER_SHARE = 0.2
_CORNER_SHARE = 0.28
_JAW_SHARE = 0.62

_DARK = np.array((38, 14, 15), np.float32)
_TONGUE = np.array((158, 78, 80), np.float32)
_LOWER_TEETH = np.array((188, 176, 164), np.float32)


class Warp(NamedTuple):
    """Where the pixels of a region come from, and its lips."""

    x: np.ndarray
    y: np.ndarray
    across: np.ndarray
    inner_top: np.ndarray
    inner_bottom: np.ndarray


def warp(x: np.ndarray, y: np.ndarray, shape: MouthShape) -> Warp:
    """Return the portrait's coordinates for pixels of a face with this mouth.

    Args:
        x: coordinates on the face, any shape.
        y: likewise.
        shape: the mouth.
    """
    source_x = _narrow(x, y, shape)
    across = (source_x - CENTRE_X) / HALF_WIDTH
    targets = _target_curves(across, shape)
    drop = _JAW_SHARE * shape.open_px * _fade(np.abs(source_x - CENTRE_X), 16, 52)
    top, chin, bottom = (np.full_like(across, level) for level in (_TOP_Y, _CHIN_Y, _BOTTOM_Y))
    knots = pairwise([top, *targets, chin + drop, bottom])
    sources = pairwise([top, *_source_curves(across), chin, bottom])
    source_y = _TOP_Y + np.minimum(y - _TOP_Y, 0) + np.maximum(y - _BOTTOM_Y, 0)
    for (above, below), (source_above, source_below) in zip(knots, sources, strict=True):
        share = np.clip((y - above) / np.maximum(below - above, 1e-3), 0, 1)
        source_y = source_y + share * (source_below - source_above)
    return Warp(source_x, source_y, across, targets[1], targets[2])


def _fade(value: np.ndarray, full: float, none: float) -> np.ndarray:
    """Return 1 up to `full`, 0 from `none`, smooth between."""
    share = np.clip((value - none) / (full - none), 0, 1)
    return share * share * (3 - 2 * share)


def _narrow(x: np.ndarray, y: np.ndarray, shape: MouthShape) -> np.ndarray:
    """Stretch the portrait's wide mouth sideways into place; the cheeks give way."""
    offset = x - CENTRE_X
    beyond = np.abs(offset) - shape.half_width_px
    gain = HALF_WIDTH - shape.half_width_px
    inside = offset * (gain / shape.half_width_px)
    shift = np.where(beyond < 0, inside, np.sign(offset) * gain * _fade(beyond, 0, 38))
    rows = _fade(y, 138, 128) * _fade(y, 153 + shape.open_px, 176 + shape.open_px)
    return x + rows * shift


def _source_curves(across: np.ndarray) -> list[np.ndarray]:
    return [np.interp(across, _TABLE_ACROSS, ys, _CORNER_Y, _CORNER_Y) for ys in _TABLE.values()]


def _target_curves(across: np.ndarray, shape: MouthShape) -> list[np.ndarray]:
    """Return the four curves of the lips, top to bottom; beyond the corners they are one."""
    arch = np.clip(1 - across * across, 0, 1)
    beyond = np.clip(np.abs(across) - 1, 0, None)
    talking_corner = _TALKING_CORNER_Y + _CORNER_SHARE * shape.open_px
    corner = _CORNER_Y + (talking_corner - _CORNER_Y) * _fade(beyond, 0, 1.3)
    line = corner + (_LINE_Y - talking_corner) * arch
    gap = shape.open_px * arch**0.7
    inner_top = line - _UPPER_SHARE * gap - shape.raise_px * arch
    inner_bottom = line + (1 - _UPPER_SHARE) * gap - 1.6 * shape.tuck * arch
    root = np.sqrt(arch)
    bow = 1 - 0.16 * np.exp(-((across / 0.16) ** 2))
    upper = _UPPER_THICK_PX * shape.fullness * root * bow
    lower = _LOWER_THICK_PX * shape.fullness * root * (1 - 0.4 * shape.tuck)
    return [inner_top - upper, inner_top, inner_bottom, inner_bottom + lower]


def lips(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return 1 on the lips of the portrait, 0 elsewhere, soft at the outer edges."""
    across = (x - CENTRE_X) / HALF_WIDTH
    upper_outer, upper_inner, lower_inner, lower_outer = _source_curves(across)
    upper = np.clip(np.minimum(y - upper_outer + 0.4, upper_inner - y + 0.8), 0, 1)
    lower = np.clip(np.minimum(y - lower_inner + 0.8, (lower_outer - y) / 2 + 0.3), 0, 1)
    return np.maximum(upper, lower) * (np.abs(across) < 1)


def teeth_source(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the upper teeth of these pixels are in the portrait, and their opacity.

    Teeth stay where the skull is, so the coordinates are those of the face, kept inside the
    portrait's smile.
    """
    across = (x - CENTRE_X) / HALF_WIDTH
    _, top, bottom, _ = _source_curves(across)
    edge = bottom - 1.6
    opacity = np.clip(edge - y + 0.5, 0, 1) * np.clip((0.72 - np.abs(across)) * 8, 0, 1)
    return x, np.clip(y, np.minimum(top + 1.2, edge), edge), opacity


def paint_inside(
    face: np.ndarray,
    teeth: np.ndarray,
    teeth_opacity: np.ndarray,
    y: np.ndarray,
    warped: Warp,
    shape: MouthShape,
) -> np.ndarray:
    """Return the face with the inside of the mouth painted over it, RGB uint8 (h, w, 3).

    Args:
        face: RGB uint8 (h, w, 3), with its lips already in place.
        teeth: RGB uint8 (h, w, 3), the portrait at `teeth_source`.
        teeth_opacity: float (h, w), from `teeth_source`.
        y: coordinates on the face, (h, w).
        warped: what `warp` gave, (h, w) each.
        shape: the mouth.
    """
    depth, height = y - warped.inner_top, warped.inner_bottom - y
    inside = np.clip(np.minimum(depth, height) * 1.4 + 0.55, 0, 1)
    inside *= np.abs(warped.across) < 1
    gap = np.maximum(depth + height, 0)
    shade = np.clip(0.55 + 0.12 * depth, 0.4, 0.95)[..., np.newaxis]
    colour = np.broadcast_to(_DARK, face.shape)

    rise = gap * (0.22 + 0.6 * shape.tongue) * np.clip(1 - (warped.across / 0.8) ** 2, 0, 1)
    tongue = np.clip(rise - height + 0.5, 0, 1) * np.clip(gap - 1.5, 0, 1)
    tongue_shade = np.clip(0.95 - 0.05 * (rise - height), 0.5, 1)[..., np.newaxis]
    colour = _over(colour, _TONGUE * tongue_shade, tongue)
    # protruded lips cover the teeth, unless they are bared for a hiss
    bared = max(shape.clench, min(1.0, max(0.0, 1 - 4 * (shape.fullness - 1))))
    colour = _over(colour, teeth * shade, teeth_opacity * bared)
    below = np.clip(depth - np.maximum(gap * 0.5, gap - 2.6), 0, 1) * np.clip(
        (0.7 - np.abs(warped.across)) * 8, 0, 1
    )
    colour = _over(colour, _LOWER_TEETH, shape.clench * below * (gap > 1.5))
    tip = np.clip((shape.tongue - 0.75) * 4, 0, 1)
    colour = _over(colour, _TONGUE * tongue_shade, tongue * tip)
    return np.clip(_over(face, colour, inside), 0, 255).astype(np.uint8)


def _over(below: np.ndarray, above: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    opacity = opacity[..., np.newaxis]
    return below + opacity * (above - below)
