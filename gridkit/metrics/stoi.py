"""Short-time objective intelligibility, `stoi` and `estoi`, to the last bit as pystoi gives them.

pystoi analyses both signals for each figure. Here what both figures need is analysed once per
signal, and what they need of the reference once for all predictions; pystoi's own parts do it
where they can, and the tests compare with its function.

pystoi works at 10 kHz and resamples by itself. Its extended form adds noise at the level of
rounding errors, which decides the figure where a prediction is silent: seeded for each figure.

Source: Taal et al. 2011, IEEE TASLP 19(7); Jensen and Taal 2016, IEEE/ACM TASLP 24(11).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pystoi.utils
from pystoi.stoi import BETA, DYN_RANGE, N_FRAME, NFFT, OBM
from pystoi.stoi import N as SEGMENT_FRAMES
from pystoi.utils import EPS

from gridkit.corpus.records import SAMPLE_RATE_HZ

RATE_HZ = 10_000
HOP = N_FRAME // 2
TOO_SHORT = 1e-5
"""What pystoi gives where under 30 frames of the reference are loud enough."""


def to_10khz(samples: np.ndarray) -> np.ndarray:
    """Return a 16 kHz signal at 10 kHz, resampled as pystoi does it."""
    return pystoi.utils.resample_oct(samples, RATE_HZ, SAMPLE_RATE_HZ)


@dataclass(frozen=True, eq=False)
class Segments:
    """Third-octave envelopes of a signal in overlapping segments."""

    values: np.ndarray
    """float64 (segments, 15 bands, 30 frames)."""

    @cached_property
    def norms(self) -> np.ndarray:
        """The norm of each band of a segment, (segments, 15, 1)."""
        return np.linalg.norm(self.values, axis=2, keepdims=True)

    def normalised(self, chance: np.random.RandomState) -> np.ndarray:
        """Return the segments with rows, then columns, of mean 0 and norm 1, a little noise added.

        Args:
            chance: makes the noise.
        """
        rows = self.values + EPS * chance.standard_normal(self.values.shape)
        rows -= np.mean(rows, axis=2, keepdims=True)
        rows *= 1.0 / np.sqrt(np.sum(np.square(rows), axis=2, keepdims=True))
        rows += EPS * chance.standard_normal(rows.shape)
        rows -= np.mean(rows, axis=1, keepdims=True)
        return rows * (1.0 / np.sqrt(np.sum(np.square(rows), axis=1, keepdims=True)))


class SpeechFrames:
    """A reference as STOI sees it: its frames that are loud enough.

    Args:
        reference: float64 (N,), 10 kHz.
    """

    def __init__(self, reference: np.ndarray):
        frames = _frames(reference)
        energies_db = 20 * np.log10(np.linalg.norm(frames, axis=1) + EPS)
        self._loud = (np.max(energies_db) - DYN_RANGE - energies_db) < 0
        self.segments = self._segments(frames)

    def segments_of(self, prediction: np.ndarray) -> Segments | None:
        """Return the segments of a prediction, float64 (N,), 10 kHz, where the reference is loud.

        None where that is too short.
        """
        return self._segments(_frames(prediction))

    def _segments(self, frames: np.ndarray) -> Segments | None:
        loud = frames[self._loud]
        joined = np.zeros((len(loud) + 1, HOP))
        joined[:-1] += loud[:, :HOP]
        joined[1:] += loud[:, HOP:]
        spectrum = np.fft.rfft(_frames(joined.reshape(-1)), n=NFFT, axis=1).transpose()
        if spectrum.shape[1] < SEGMENT_FRAMES:
            return None
        envelopes = np.sqrt(np.matmul(OBM, np.square(np.abs(spectrum))))
        windows = np.lib.stride_tricks.sliding_window_view(envelopes, SEGMENT_FRAMES, axis=1)
        return Segments(np.ascontiguousarray(windows.transpose(1, 0, 2)))

    @cached_property
    def _centred(self) -> np.ndarray:
        assert self.segments is not None
        centred = self.segments.values - np.mean(self.segments.values, axis=2, keepdims=True)
        return centred / (np.linalg.norm(centred, axis=2, keepdims=True) + EPS)

    @cached_property
    def _normalised(self) -> tuple[np.ndarray, dict[str, Any]]:
        """The normalised segments, and the state that their noise left."""
        assert self.segments is not None
        chance = np.random.RandomState(0)
        return self.segments.normalised(chance), chance.get_state(legacy=False)

    def stoi(self, prediction: Segments | None) -> float:
        """Return STOI of a prediction's segments."""
        if self.segments is None or prediction is None:
            return TOO_SHORT
        reference = self.segments
        scaled = prediction.values * (reference.norms / (prediction.norms + EPS))
        clipped = np.minimum(scaled, reference.values * (1 + 10 ** (-BETA / 20)))
        clipped = clipped - np.mean(clipped, axis=2, keepdims=True)
        clipped /= np.linalg.norm(clipped, axis=2, keepdims=True) + EPS
        segments, bands, _ = clipped.shape
        return float(np.sum(clipped * self._centred) / (segments * bands))

    def estoi(self, prediction: Segments | None) -> float:
        """Return extended STOI of a prediction's segments."""
        if self.segments is None or prediction is None:
            return TOO_SHORT
        reference, state = self._normalised
        chance = np.random.RandomState()
        chance.set_state(state)
        return float(
            np.sum(reference * prediction.normalised(chance) / SEGMENT_FRAMES) / len(reference)
        )


def stoi(reference: np.ndarray, prediction: np.ndarray, *, extended: bool = False) -> float:
    """Return STOI, or extended STOI, of two signals at 10 kHz, float64 (N,)."""
    speech = SpeechFrames(reference)
    segments = speech.segments_of(prediction)
    return speech.estoi(segments) if extended else speech.stoi(segments)


def _frames(signal: np.ndarray) -> np.ndarray:
    """Return windowed frames, (frames, 256); as in pystoi, the last whole one is left out."""
    count = len(range(0, len(signal) - N_FRAME, HOP))
    windows = np.lib.stride_tricks.sliding_window_view(signal, N_FRAME)[::HOP]
    return np.hanning(N_FRAME + 2)[1:-1] * windows[:count]
