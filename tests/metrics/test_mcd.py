"""`mcd_db` against the definition written out again with plain loops, and what must not move it."""

import numpy as np
import pytest
from scipy.signal import lfilter

from gridkit.dsp.bands import band_powers
from gridkit.metrics.mcd import mcd_db


def distance(reference: np.ndarray, prediction: np.ndarray) -> float:
    return mcd_db(band_powers(reference).every(2), band_powers(prediction).every(2))


def written_out(x: np.ndarray, y: np.ndarray) -> float:
    """The definition, one frame, one band, one coefficient at a time."""
    window = [0.5 - 0.5 * np.cos(2 * np.pi * n / 400) for n in range(400)]
    corners = [
        700 * (10 ** (m / 2595) - 1) for m in np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42)
    ]

    def analyse(signal):
        powers = [np.abs(np.fft.rfft(signal[at : at + 400] * window, 512)) ** 2
                  for at in range(0, 48_000 - 399, 160)]  # fmt: skip
        bands = np.zeros((len(powers), 40))
        for band in range(40):
            low, peak, high = corners[band : band + 3]
            for k in range(257):
                hz = k * 16_000 / 512
                up, down = (hz - low) / (peak - low), (high - hz) / (high - peak)
                weight = max(0.0, min(up, down))
                if weight:
                    bands[:, band] += weight * np.array([power[k] for power in powers])
        return bands, np.array([power.sum() for power in powers])

    (p, totals), (q, _) = analyse(x), analyse(y)
    assert len(p) == 298
    kept = [t for t in range(298) if totals[t] >= 1e-4 * totals.max()]
    q = q * p[kept].sum() / q[kept].sum()
    floor, distances = 1e-8 * p.max(), []
    for t in kept:
        square = 0.0
        for order in range(1, 13):
            c = [sum(2 * np.log(power[t, b] + floor) * np.cos(np.pi * order * (2 * b + 1) / 80)
                     for b in range(40)) / 80 for power in (p, q)]  # fmt: skip
            square += (c[0] - c[1]) ** 2
        distances.append(10 / np.log(10) * np.sqrt(2 * square))
    return float(np.mean(distances))


def test_it_is_the_definition_written_out(voice, other_voice):
    x, y = voice / 32768, other_voice / 32768
    assert distance(x, y) == pytest.approx(written_out(x, y), abs=1e-9)


def test_level_does_not_count(voice, other_voice):
    x, y = voice / 32768, other_voice / 32768
    assert distance(x, 0.1 * y) == pytest.approx(distance(x, y), abs=1e-9)
    assert distance(x, 0.5 * x) == pytest.approx(0, abs=1e-9)


def test_it_is_the_rms_difference_of_the_smoothed_log_spectra(voice):
    """A filter moves every frame's cepstrum by its own: the distance is that of the filter."""
    x = np.random.default_rng(0).standard_normal(48_000) * 0.1
    y = lfilter([1, -0.5], [1], x)
    triangles_hz = 700 * (
        10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42)[1:-1] / 2595) - 1
    )
    gain_db = 20 * np.log10(np.abs(1 - 0.5 * np.exp(-2j * np.pi * triangles_hz / 16_000)))
    smooth = [gain_db @ np.cos(np.pi * k * (2 * np.arange(40) + 1) / 80) / 40 for k in range(1, 13)]
    assert distance(x, y) == pytest.approx(np.sqrt(2 * np.square(smooth).sum()), rel=0.05)


def test_what_is_said_while_the_reference_is_silent_does_not_count(voice):
    x = voice / 32768
    x[:4_800] = 0
    y = x.copy()
    y[:4_000] = np.random.default_rng(0).standard_normal(4_000) * 0.1
    assert distance(x, y) == pytest.approx(0, abs=1e-9)
