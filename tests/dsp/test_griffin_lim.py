"""Log-mel and back: what comes back has the same log-mel, at the same time."""

import numpy as np
import pytest

from gridkit.dsp.griffin_lim import log_mel, sound_of
from gridkit.metrics.sound import score_sound


def test_a_clip_has_301_frames_of_80_bands(voice):
    assert log_mel(voice / 32768).shape == (301, 80)


def test_a_tone_is_in_the_band_of_its_frequency():
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 16_000)
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (40, 7600))
    expected = (2595 * np.log10(1 + 1000 / 700) - low) / (high - low) * 81 - 1
    assert log_mel(tone)[150].argmax() == pytest.approx(expected, abs=0.5)


def test_sound_comes_back_understood_and_on_time(voice):
    sound = sound_of(log_mel(voice / 32768))
    assert sound.shape == (48_000,)
    scores = score_sound(voice, np.clip(np.rint(32768 * sound), -32768, 32767).astype(np.int16))
    assert scores["estoi"] > 0.8
    assert scores["lag_ms"] == 0


def test_the_same_every_time(voice):
    mel = log_mel(voice / 32768)
    assert (sound_of(mel) == sound_of(mel)).all()


def test_silence_stays_silent():
    assert np.abs(sound_of(log_mel(np.zeros(48_000)))).max() < 1e-6
