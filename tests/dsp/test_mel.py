"""Log-mel spectrograms: their shape, and where a tone is."""

import numpy as np
import pytest

from gridkit.dsp.mel import log_mel


def test_a_clip_has_301_frames_of_80_bands(voice):
    assert log_mel(voice / 32768).shape == (301, 80)


def test_a_tone_is_in_the_band_of_its_frequency():
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 16_000)
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (40, 7600))
    expected = (2595 * np.log10(1 + 1000 / 700) - low) / (high - low) * 81 - 1
    assert log_mel(tone)[150].argmax() == pytest.approx(expected, abs=0.5)
