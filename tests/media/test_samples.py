"""Samples are rounded and clipped, cut and padded."""

import numpy as np

from gridkit.media.samples import fit_length, to_int16


def test_int16_rounds_and_clips() -> None:
    values = np.array([0.0, 1.0, -1.0, 2.0, -2.0, 0.5 / 32768 + 1e-9, 100.4 / 32768])
    assert to_int16(values).tolist() == [0, 32767, -32768, 32767, -32768, 1, 100]


def test_length_is_cut_or_padded_at_the_end() -> None:
    samples = np.arange(1, 6)
    assert fit_length(samples, 3).tolist() == [1, 2, 3]
    assert fit_length(samples, 7).tolist() == [1, 2, 3, 4, 5, 0, 0]
