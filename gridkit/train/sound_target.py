"""The sound that belongs to changed frames: what a video-to-speech model is to say.

Where frames are dropped, repeated or continue as those of another clip, the sound follows, in
pieces of one frame. At each cut the sound before it fades into the sound after it, half of the fade
on either side.
"""

import numpy as np

from gridkit.corpus.records import RATE_FPS, SAMPLE_RATE_HZ
from gridkit.dsp.fade import FADE_IN, FADE_SAMPLES

PIECE_SAMPLES = SAMPLE_RATE_HZ // RATE_FPS
"""Of one frame: 640."""


def sound_target(sounds: np.ndarray, clips: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the sound of frames that were put together from those of clips.

    Args:
        sounds: of each clip, float (clips, 640 T).
        clips: which clip each place shows, int (T,).
        frames: which of its frames, int (T,).

    Returns:
        Sound of the dtype of `sounds`, (640 T,): piece by piece that of the frames shown.

    >>> sounds = np.repeat([[1.0, 2.0, 3.0]], PIECE_SAMPLES, axis=1)
    >>> target = sound_target(sounds, np.array([0, 0, 0]), np.array([0, 2, 2]))
    >>> target[PIECE_SAMPLES // 2 :: PIECE_SAMPLES].tolist()
    [1.0, 3.0, 3.0]
    """
    padded = np.pad(sounds, ((0, 0), (FADE_SAMPLES // 2,) * 2), mode="edge")
    pieces = [
        padded[clip, frame * PIECE_SAMPLES : (frame + 1) * PIECE_SAMPLES + FADE_SAMPLES]
        for clip, frame in zip(clips, frames, strict=True)
    ]
    # each piece with what comes before and after it in its own clip, half a fade on either side
    middle = slice(FADE_SAMPLES // 2, FADE_SAMPLES // 2 + PIECE_SAMPLES)
    target = np.concatenate([piece[middle] for piece in pieces])
    cuts = 1 + np.flatnonzero((np.diff(clips) != 0) | (np.diff(frames) != 1))
    for cut in cuts:
        place = slice(
            cut * PIECE_SAMPLES - FADE_SAMPLES // 2, cut * PIECE_SAMPLES + FADE_SAMPLES // 2
        )
        before, after = pieces[cut - 1][-FADE_SAMPLES:], pieces[cut][:FADE_SAMPLES]
        target[place] = before + FADE_IN * (after - before)
    return target
