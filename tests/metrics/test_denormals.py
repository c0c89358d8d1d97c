"""Denormal numbers are zeros within the block, and themselves again after it."""

import numpy as np
import pytest
from pesq import pesq

from gridkit.metrics.denormals import _maths_library, denormals_flushed
from gridkit.metrics.pesq import pesq_nb, pesq_wb, to_8khz

HALF, TINY = np.float32([0.5]), np.finfo(np.float32).tiny


def half_of_the_smallest_normal_number():
    return (np.float32([TINY]) * HALF)[0]


@pytest.mark.skipif(_maths_library() is None, reason="not glibc on x86-64")
def test_denormal_numbers_are_zeros_within_the_block_alone():
    assert half_of_the_smallest_normal_number() > 0
    with denormals_flushed():
        assert half_of_the_smallest_normal_number() == 0
    assert half_of_the_smallest_normal_number() > 0
    with pytest.raises(ValueError, match="left"), denormals_flushed():
        raise ValueError("left")
    assert half_of_the_smallest_normal_number() > 0


def test_elsewhere_nothing_is_changed(monkeypatch):
    monkeypatch.setattr("gridkit.metrics.denormals._maths_library", lambda: None)
    with denormals_flushed():
        assert half_of_the_smallest_normal_number() > 0


@pytest.mark.parametrize("level", [1.0, 1e-2])
def test_pesq_is_the_same_to_the_last_bit(voice, with_noise, late, level):
    reference = voice / 32768
    for prediction in (voice, with_noise(voice, 10), late(voice, 960), voice[::-1]):
        degraded = level * prediction / 32768
        assert pesq_wb(reference, degraded) == pesq(16_000, reference, degraded, "wb")
        narrow = to_8khz(reference), to_8khz(degraded)
        assert pesq_nb(*narrow) == pesq(8_000, *narrow, "nb")
