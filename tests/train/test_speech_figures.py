"""Figures on val are those of pystoi and of the recogniser's own words."""

import builtins
import math

import numpy as np
import pystoi
import pytest
from support.signals import add_noise, make_voice

from gridkit.train.speech_figures import SpeechJudge


def test_means_are_those_of_pystoi():
    voices = [make_voice(), make_voice(seed=1)]
    noisy = [add_noise(voice, 5.0) / 32768 for voice in voices]
    judge = SpeechJudge(voices, ["bin blue", "lay red"], None)
    figures = judge.figures([sound.astype(np.float32) for sound in noisy])
    for name, extended in (("stoi", False), ("estoi", True)):
        expected = [
            pystoi.stoi(voice / 32768, sound, 16_000, extended=extended)
            for voice, sound in zip(voices, noisy, strict=True)
        ]
        assert figures[name] == pytest.approx(np.mean(expected), abs=1e-3)


def test_where_pystoi_is_missing_there_is_no_number(monkeypatch):
    imported = builtins.__import__

    def without_pystoi(name, *more, **rest):
        if name == "gridkit.metrics.pair":
            raise ImportError(name)
        return imported(name, *more, **rest)

    monkeypatch.setattr(builtins, "__import__", without_pystoi)
    voice = make_voice()
    figures = SpeechJudge([voice], ["bin"], None).figures([voice / 32768])
    assert all(math.isnan(figures[name]) for name in ("estoi", "stoi"))
