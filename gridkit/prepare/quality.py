"""The figures of a kept clip, the `qc` column, and the flags that follow from them."""

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import SAMPLE_RATE_HZ, Flag, Quality
from gridkit.media.decode import Media
from gridkit.media.face import Track

MIN_AUDIO_SAMPLES = 47_600
MIN_FIT = 0.6
MOUTH_CORNERS = (48, 54)


def measure(media: Media, samples: np.ndarray, track: Track, words: tuple[Word, ...]) -> Quality:
    """Return the figures of a clip that is kept."""
    corners = track.landmarks[~track.missing][:, MOUTH_CORNERS].astype(float)
    mouth_px = np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1))
    return Quality(
        missing_faces=int(track.missing.sum()),
        faces=track.faces,
        blank_frames=int(track.blank.sum()),
        bad_packets=media.bad_packets,
        mouth_px=round(float(mouth_px), 1),
        fit=round(track.fit, 3),
        snr_db=round(snr_db(samples, words), 1),
        audio_samples=len(samples),
        clipped_samples=int(((samples == -32768) | (samples == 32767)).sum()),
    )


def snr_db(samples: np.ndarray, words: tuple[Word, ...]) -> float:
    """Return the level inside words over the level outside, in dB.

    Each level is at least that of one step of 16 bits, so that digital silence stays finite.
    """
    spoken = np.zeros(len(samples), bool)
    for word in words:
        spoken[round(word.start_s * SAMPLE_RATE_HZ) : round(word.end_s * SAMPLE_RATE_HZ)] = True
    power = samples.astype(float) ** 2
    levels = [max(1.0, power[part].mean()) if part.any() else 1.0 for part in (spoken, ~spoken)]
    return float(10 * np.log10(levels[0] / levels[1]))


def flags_of(quality: Quality, repeated_frames: int) -> tuple[Flag, ...]:
    """Return what is odd about a clip, in the order of `Flag`."""
    odd = {
        Flag.BLANK_FRAMES: quality.blank_frames > 0,
        Flag.INTERPOLATED: quality.missing_faces > 0,
        Flag.MANY_FACES: quality.faces > 1,
        Flag.LOW_FIT: quality.fit < MIN_FIT,
        Flag.AUDIO_SHORT: quality.audio_samples < MIN_AUDIO_SAMPLES,
        Flag.CLIPPED: quality.clipped_samples > 0,
        Flag.BAD_PACKETS: quality.bad_packets > 0,
        Flag.REPEATED_FRAMES: repeated_frames > 0,
    }
    return tuple(flag for flag, is_odd in odd.items() if is_odd)
