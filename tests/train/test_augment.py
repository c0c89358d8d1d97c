"""Changed clips are still those clips."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkit.train.augment import (
    FrameChange,
    change_frames,
    change_sound,
    draw_frame_change,
    draw_times,
    sound_times,
)
from gridkit.train.settings import AugmentationSettings

NOTHING = AugmentationSettings(flip=0.0, frame_change=0.0, contrast=0.0)


@given(st.integers(0, 2**32), st.floats(0, 0.3))
@settings(max_examples=50, deadline=None)
def test_times_keep_length_and_order(seed, share):
    times = draw_times(np.random.default_rng(seed), 75, share)
    assert len(times) == 75
    steps = np.diff(times)
    assert (steps >= 0).all()
    assert times[0] <= 3 + 75 * share
    assert times.max() <= 74


def test_no_share_changes_no_time():
    assert (draw_times(np.random.default_rng(0), 75, 0.0) == np.arange(75)).all()


def test_nothing_to_change_gives_a_window_of_the_clip():
    rng = np.random.default_rng(0)
    frames = torch.from_numpy(rng.integers(0, 256, (75, 40, 80, 1), dtype=np.uint8))
    change = draw_frame_change(rng, NOTHING, (75, 40, 80), (36, 72))
    seen = change_frames(frames, change, (36, 72))
    assert seen.shape == (75, 36, 72, 1)
    expected = frames[:, change.top : change.top + 36, change.left : change.left + 72].float()
    torch.testing.assert_close(seen, expected)


def test_mirror_mask_and_contrast():
    frames = torch.arange(8, dtype=torch.uint8).reshape(2, 1, 4, 1) * 10
    change = FrameChange(np.array([0, 1]), 0, 0, True, 1.0, 0.0, slice(0, 0))
    assert change_frames(frames, change, (1, 4))[0, 0, :, 0].tolist() == [30, 20, 10, 0]
    masked = FrameChange(np.array([0, 1]), 0, 0, False, 1.0, 0.0, slice(1, 2))
    assert change_frames(frames, masked, (1, 4))[1, 0, :, 0].tolist() == [20, 30, 40, 50]
    flat = FrameChange(np.array([0, 1]), 0, 0, False, 0.0, 5.0, slice(0, 0))
    assert (change_frames(frames, flat, (1, 4)) == 35 + 5).all()


def test_the_same_generator_draws_the_same_change():
    changes = [
        draw_frame_change(
            np.random.default_rng((1, 2, 3)), AugmentationSettings(), (75, 40, 80), (36, 72)
        )
        for _ in range(2)
    ]
    assert (changes[0].times == changes[1].times).all()
    assert changes[0].contrast == changes[1].contrast


def test_speed_moves_pitch_and_words_together():
    rate_hz, samples = 16_000, 48_000
    time_s = np.arange(samples) / rate_hz
    # a burst of 400 Hz from 1.0 to 1.5 s
    tone = (np.sin(2 * np.pi * 400 * time_s) * ((time_s > 1.0) & (time_s < 1.5))).astype(np.float32)
    fast = AugmentationSettings(speed=0.1)
    changed, speed = change_sound(tone, np.random.default_rng(3), fast)
    assert abs(speed - 1) > 0.02
    loud = np.abs(changed) > 0.5
    assert np.flatnonzero(loud)[0] / rate_hz == pytest.approx(1.0 / speed, abs=0.01)
    peak_hz = np.abs(np.fft.rfft(changed)).argmax() * rate_hz / samples
    assert peak_hz == pytest.approx(400 * speed, abs=3)
    # labels of 50 frames a second follow: the frame where the burst begins shows second 1.0
    times = sound_times(150, speed)
    assert times[round(50 / speed)] == pytest.approx(50, abs=1)


def test_noise_and_level_are_as_asked():
    samples = (0.1 * np.random.default_rng(0).standard_normal(48_000)).astype(np.float32)
    levels, noisy = [], 0
    for seed in range(60):
        changed, _ = change_sound(
            samples, np.random.default_rng(seed), AugmentationSettings(level_db=10, noise_snr_db=20)
        )
        gain = np.dot(changed, samples) / np.dot(samples, samples)
        levels.append(20 * np.log10(gain))
        noise = changed - gain * samples
        snr_db = 10 * np.log10(np.sum((gain * samples) ** 2) / max(np.sum(noise**2), 1e-12))
        if snr_db < 60:
            noisy += 1
            assert 19.5 < snr_db < 40.5
    assert -10.1 < min(levels) < -7
    assert 7 < max(levels) < 10.1
    assert 18 < noisy < 42


def test_weakened_changes_rise_from_none_to_all():
    full = AugmentationSettings(contrast=0.4, mask_frames=8, splice=0.5, speed=0.1, level_db=10.0)
    assert full.weakened(1.0) == full
    none = full.weakened(0.0)
    assert (none.contrast, none.mask_frames, none.splice, none.frame_change) == (0, 0, 0, 0)
    assert none.flip == full.flip
    assert full.weakened(0.5).mask_frames == 4
    assert full.weakened(0.5).splice == 0.25
