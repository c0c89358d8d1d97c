"""What the mouth does while phonemes are spoken: a shape for every video frame.

A shape is a row of numbers, `MouthShape`, in pixels of the portrait (`portrait.py`), where a
relaxed mouth is about 33 wide. Each phoneme has a target; a diphthong has two. Targets blend into
one another as lips do (coarticulation), but lips that must meet for p, b and m do meet.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

from gridkit.synthesize.voice import Span

FRAME_RATE_HZ = 25


class MouthShape(NamedTuple):
    """A posture of lips, jaw, teeth and tongue."""

    open_px: float
    """Gap between the lips at the middle."""
    half_width_px: float
    """Half the distance between the corners."""
    fullness: float = 1.0
    """Thickness of the lips; 1 is relaxed, more is protruded, less is pressed."""
    raise_px: float = 0.0
    """How far the upper lip is lifted off the teeth."""
    tuck: float = 0.0
    """1: the lower lip touches the upper teeth, as for f."""
    clench: float = 0.0
    """1: lower teeth meet the upper ones, as for s."""
    tongue: float = 0.2
    """0 is flat, 1 touches the upper teeth."""


REST = MouthShape(0, 16.6)

_PRESSED = MouthShape(0, 15.8, fullness=0.75)
_LIP_TEETH = MouthShape(3.0, 16.4, fullness=0.9, raise_px=1.4, tuck=1)
_TONGUE_TEETH = MouthShape(5.0, 16.4, tongue=1)
_ALVEOLAR = MouthShape(4.0, 17.0, clench=0.5, tongue=0.7)
_LATERAL = MouthShape(6.5, 16.6, tongue=0.95)
_HISS = MouthShape(3.4, 18.6, raise_px=1.0, clench=1)
_HUSH = MouthShape(4.8, 12.8, fullness=1.25, raise_px=1.2, clench=1)
_VELAR = MouthShape(5.5, 16.6, tongue=0.3)
_R = MouthShape(4.2, 13.4, fullness=1.15)
_W = MouthShape(3.0, 10.6, fullness=1.3)
_J = MouthShape(4.2, 18.2)
_EE = MouthShape(5.2, 19.8, raise_px=0.6)
_IH = MouthShape(6.8, 18.2)
_EH = MouthShape(9.5, 17.8)
_AE = MouthShape(12.5, 17.6)
_AH = MouthShape(13.5, 15.8)
_UH = MouthShape(9.0, 16.2)
_SCHWA = MouthShape(6.2, 16.0)
_ER = MouthShape(6.6, 14.4, fullness=1.1)
_AW = MouthShape(10.0, 12.6, fullness=1.1)
_OH = MouthShape(7.5, 12.0, fullness=1.15)
_OO = MouthShape(6.0, 11.2, fullness=1.3)

_TARGETS: dict[str, tuple[MouthShape, ...]] = {
    **dict.fromkeys("pbm", (_PRESSED,)),
    **dict.fromkeys("fv", (_LIP_TEETH,)),
    **dict.fromkeys("TD", (_TONGUE_TEETH,)),
    **dict.fromkeys("tdn;", (_ALVEOLAR,)),
    **dict.fromkeys("sz", (_HISS,)),
    **dict.fromkeys("SZ", (_HUSH,)),
    **dict.fromkeys(("tS", "dZ"), (_HUSH,)),
    **dict.fromkeys("kghN", (_VELAR,)),
    "l": (_LATERAL,),
    "r": (_R,),
    "w": (_W,),
    "j": (_J,),
    **dict.fromkeys(("i", "i:"), (_EE,)),
    "I": (_IH,),
    "e": (_EH,),
    "E": (_EH,),
    **dict.fromkeys(("a", "aa", "&"), (_AE,)),
    "a#": (_UH,),
    **dict.fromkeys(("A", "A:", "A@"), (_AH,)),
    "V": (_UH,),
    "@": (_SCHWA,),
    **dict.fromkeys(("3", "3:"), (_ER,)),
    **dict.fromkeys(("0", "O", "O:", "O@", "o@"), (_AW,)),
    "o": (_OH,),
    **dict.fromkeys(("u", "u:", "U"), (_OO,)),
    "eI": (_EH, _EE),
    "aI": (_AH, _EE),
    "OI": (_AW, _EE),
    "aU": (_AE, _OO),
    "oU": (_AW, _OO),
    "@U": (_ER, _OO),
    "i@": (_EE, _SCHWA),
    "e@": (_EH, _SCHWA),
    "U@": (_OO, _SCHWA),
}
CLOSING = frozenset("pbm")

_LEAD_S = 0.02
"""Lips and jaw move ahead of the sound."""
_STEP_S = 0.005
_BLEND_S = 0.026
_CLOSURE_BLEND_S = 0.012
_CLOSURE_MIN_S = 0.075


def targets_of(phoneme: str) -> tuple[MouthShape, ...]:
    """Return the shapes of a phoneme, in order; unknown variants (`t#`, `aI2`) as their stem.

    >>> targets_of("m")[0].open_px, len(targets_of("aI2")), targets_of("u:")[0].half_width_px
    (0, 2, 11.2)
    """
    for length in range(len(phoneme), 0, -1):
        if phoneme[:length] in _TARGETS:
            return _TARGETS[phoneme[:length]]
    return (_SCHWA,)


def articulate(
    phonemes: Sequence[Span], frames: int, *, onset_s: float = 0.0, effort: float = 1.0
) -> np.ndarray:
    """Return the mouth's shape in the middle of every frame.

    Args:
        phonemes: what is spoken, seconds from the first sample of the speech.
        frames: how many frames at 25 fps.
        onset_s: when the speech begins in the clip.
        effort: how widely this speaker opens the mouth; 1 is usual.

    Returns:
        Shapes, float32 (frames, 7), columns as `MouthShape`.
    """
    times_s = np.arange(0, frames / FRAME_RATE_HZ, _STEP_S) + _STEP_S / 2
    tracks = np.tile(np.array(REST, np.float32), (len(times_s), 1))
    closure = np.zeros(len(times_s), np.float32)
    for phoneme in phonemes:
        start_s = onset_s + phoneme.start_s - _LEAD_S
        end_s = onset_s + phoneme.end_s - _LEAD_S
        during = (times_s >= start_s) & (times_s < end_s)
        tracks[during] = _glide(targets_of(phoneme.name), int(during.sum()))
        if phoneme.name[0] in CLOSING:
            spare_s = max(0.0, _CLOSURE_MIN_S - phoneme.end_s + phoneme.start_s) / 2
            closure[(times_s >= start_s - spare_s) & (times_s < end_s + spare_s)] = 1
    tracks = gaussian_filter1d(tracks, _BLEND_S / _STEP_S, axis=0, mode="nearest")
    closure = gaussian_filter1d(closure, _CLOSURE_BLEND_S / _STEP_S)[:, np.newaxis]
    tracks[:, 0] *= effort
    shut = np.array(_PRESSED, np.float32)
    # the width of a closure is its neighbours' (coarticulation); the rest is its own
    shut_tracks = np.where(np.arange(len(REST)) == 1, tracks, shut)
    tracks += closure * (shut_tracks - tracks)
    middles = ((np.arange(frames) + 0.5) / FRAME_RATE_HZ / _STEP_S).astype(int)
    return tracks[middles].astype(np.float32)


def _glide(targets: tuple[MouthShape, ...], steps: int) -> np.ndarray:
    """Return `steps` shapes: one target held, or the way from the first to the second."""
    first, last = np.array(targets[0], np.float32), np.array(targets[-1], np.float32)
    way = np.clip(np.linspace(-0.6, 1.3, steps), 0, 1)[:, np.newaxis]
    return first + way * (last - first)
