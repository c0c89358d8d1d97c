"""Spectrograms: a tone is at its pitch."""

import io

import numpy as np
from PIL import Image

from gridkit.evaluation.report.spectrogram import spectrogram_png


def test_spectrogram_has_a_tone_at_its_pitch():
    time_s = np.arange(48_000) / 16_000
    png = spectrogram_png((9_000 * np.sin(2 * np.pi * 2_000 * time_s)).astype(np.int16))
    picture = Image.open(io.BytesIO(png))
    assert picture.size == (298, 128)
    brightest = np.asarray(picture.convert("L")).mean(axis=1).argmax()
    assert abs((127 - brightest + 0.5) / 128 * 8_000 - 2_000) < 63
    silence = np.asarray(Image.open(io.BytesIO(spectrogram_png(np.zeros(48_000, np.int16)))))
    assert silence.max() == 0
