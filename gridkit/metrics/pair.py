"""A reference and a prediction, with what several metrics need of them computed once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gridkit.dsp.bands import BandPowers, band_powers
from gridkit.metrics import pesq, stoi


@dataclass(frozen=True, eq=False)
class Sound:
    """One signal; other forms of it are made when first asked for."""

    samples: np.ndarray
    """float64 (48000,), 16 kHz, full scale 1."""

    @classmethod
    def from_int16(cls, samples: np.ndarray) -> "Sound":
        """Take int16 samples (N,), as they are stored."""
        return cls(samples / 32768.0)

    @cached_property
    def at_8khz(self) -> np.ndarray:
        """float64 (24000,), by soxr VHQ."""
        return pesq.to_8khz(self.samples)

    @cached_property
    def at_10khz(self) -> np.ndarray:
        """float64 (30000,), by pystoi's resampler."""
        return stoi.to_10khz(self.samples)

    @cached_property
    def speech(self) -> stoi.SpeechFrames:
        """As STOI sees a reference."""
        return stoi.SpeechFrames(self.at_10khz)

    @cached_property
    def bands(self) -> BandPowers:
        """Mel band powers at a hop of 80 samples."""
        return band_powers(self.samples)

    @property
    def silent(self) -> bool:
        """Whether every sample is 0."""
        return not self.samples.any()


@dataclass(frozen=True, eq=False)
class Pair:
    """What a metric scores."""

    reference: Sound
    prediction: Sound

    @cached_property
    def stoi_segments(self) -> stoi.Segments | None:
        """The prediction's segments, which STOI and extended STOI are computed from."""
        return self.reference.speech.segments_of(self.prediction.at_10khz)

    @cached_property
    def pesq_nb(self) -> float:
        """Narrow-band MOS-LQO, which the raw MOS is computed from."""
        return pesq.pesq_nb(self.reference.at_8khz, self.prediction.at_8khz)
