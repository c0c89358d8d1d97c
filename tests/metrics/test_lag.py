"""`lag_ms` finds delays that were put in, by the definition's rules for edges and ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkit.dsp.bands import band_powers
from gridkit.metrics.lag import _best, _log_bands, _moved_bands, _r_at, coarse_lag_ms, lag_ms, move

GENERATOR = np.random.default_rng(0)
SYLLABLES = np.repeat(GENERATOR.uniform(0.01, 1, 60), 800) * GENERATOR.standard_normal(48_000)


def lag(reference: np.ndarray, prediction: np.ndarray) -> int:
    return lag_ms(band_powers(reference), band_powers(prediction), prediction)


@settings(max_examples=12, deadline=None)
@given(st.integers(-200, 200))
def test_a_moved_signal_is_found_where_it_was_moved_to(shift_ms):
    assert lag(SYLLABLES, move(SYLLABLES, shift_ms)) == shift_ms


def test_late_is_positive(voice):
    assert lag(voice / 32768, move(voice / 32768, 60)) == 60
    assert lag(move(voice / 32768, 60), voice / 32768) == -60


def test_level_does_not_count(voice, other_voice):
    x, y = voice / 32768, other_voice / 32768
    assert lag(x, 0.01 * y) == lag(x, y)


def test_the_coarse_search_is_pearsons_r_band_by_band(voice, other_voice):
    x, y = band_powers(voice / 32768), band_powers(other_voice / 32768)
    p, q = (np.log(z.bands + 1e-4 * z.bands.max()) for z in (x, y))
    likeness = {}
    for hops in range(-40, 41):
        pairs = [(t, t + hops) for t in range(len(p)) if 0 <= t + hops < len(q)]
        a, b = p[[t for t, _ in pairs]], q[[t for _, t in pairs]]
        rs = [np.corrcoef(a[:, band], b[:, band])[0, 1] for band in range(40)]
        likeness[5 * hops] = np.mean(rs)
    assert coarse_lag_ms(x, y) == max(likeness, key=likeness.get)


def test_running_sums_give_pearsons_r_at_every_shift(voice, other_voice):
    x, y = (_log_bands(band_powers(sound / 32768).bands) for sound in (voice, other_voice))
    hops = np.arange(-40, 41)
    found = _r_at(hops, x - x.mean(axis=0), y - y.mean(axis=0))
    for hop, r in zip(hops, found, strict=True):
        a, b = x[max(-hop, 0) : len(x) - max(hop, 0)], y[max(hop, 0) : len(y) - max(-hop, 0)]
        assert np.allclose(r, [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(40)], atol=1e-9)


def test_running_sums_are_not_asked_about_a_band_that_varies_at_one_end_alone(voice):
    x = _log_bands(band_powers(voice / 32768).bands)
    y = np.zeros_like(x)
    y[:5] = 1.0
    assert _r_at(np.arange(-40, 41), x - x.mean(axis=0), y - y.mean(axis=0)) is None


def test_a_sound_at_one_end_alone_has_its_lag():
    x, y = np.zeros(48_000), np.zeros(48_000)
    x[400:1_200] = SYLLABLES[:800]
    y[1_040:1_840] = SYLLABLES[:800]
    assert lag(x, y) == 40


@pytest.mark.parametrize("shift_ms", [-204, -61, -5, 0, 3, 140, 199])
def test_five_analyses_serve_all_shifts(voice, shift_ms):
    samples = voice / 32768
    moved = band_powers(move(samples, -shift_ms)).bands
    assert np.allclose(_moved_bands(samples, 205)(shift_ms), moved, rtol=1e-12, atol=0)


def test_ties_go_to_no_shift():
    constant = np.ones(48_000)
    assert lag(constant, constant) == 0


def test_ties_go_to_the_smaller_shift_then_to_the_negative_one():
    """A sound that repeats every 100 ms is as like itself 50 ms early as 50 ms late."""
    period = np.repeat([1.0, 0.05], 800) * np.random.default_rng(1).standard_normal(1_600)
    x = np.tile(period, 30)
    assert lag(x, np.roll(x, 800)) == -50


def test_move_puts_zeros_at_the_free_end():
    x = np.arange(1.0, 65.0)
    assert (move(x, 1) == np.concatenate([np.zeros(16), x[:-16]])).all()
    assert (move(x, -1) == np.concatenate([x[16:], np.zeros(16)])).all()
    assert (move(x, 0) == x).all()


def test_a_prediction_without_any_power_has_no_lag(voice):
    click = np.zeros(48_000)
    click[0] = 0.001  # where the first window is 0
    assert lag(voice / 32768, click) == 0


def test_a_difference_below_1e_9_is_a_tie():
    likeness = {-5: 0.5, 0: 0.5 - 5e-10, 5: 0.4}
    assert _best(likeness, likeness.__getitem__) == 0
    assert _best(likeness, lambda shift: likeness[shift] - 1e-8 * (shift == 0)) == -5
