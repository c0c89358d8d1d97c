"""Log-mel and back: what comes back has the same log-mel, at the same time."""

import numpy as np

from gridkit.dsp.griffin_lim import sound_of
from gridkit.dsp.mel import log_mel
from gridkit.metrics.sound import score_sound


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
