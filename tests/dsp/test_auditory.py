"""Log-frequency bands: evenly spaced on that scale, each bin between the ends in at least one."""

import numpy as np

from gridkit.dsp.auditory import auditory_filters


def test_bands_are_evenly_spaced_in_log_frequency():
    filters = auditory_filters()
    assert filters.shape == (128, 321)
    # 25 Hz per bin; above 3 kHz a band is several bins wide, so its centre of gravity is its own
    centres_hz = 25 * (filters @ np.arange(321)) / filters.sum(1)
    steps = np.diff(np.log2(centres_hz[100:]))
    np.testing.assert_allclose(steps, np.log2(7600 / 80) / 127, rtol=0.1)
    assert 0.5 < filters.max(1).min() <= filters.max() <= 1


def test_no_bin_between_the_ends_is_lost():
    reach = auditory_filters().sum(0)
    assert (reach[4:305] > 0.5).all()  # 100 to 7,600 Hz
    assert reach[0] == 0
