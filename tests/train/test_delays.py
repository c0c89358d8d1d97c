"""A clip whose sound is late is heard in step with what was predicted of it."""

import numpy as np
import torch
from support.signals import make_voice

from gridkit.models.mel import LogMelSpectrogram
from gridkit.train.delays import in_step

LOG_MEL = LogMelSpectrogram()


def late(sound: torch.Tensor, samples: int) -> torch.Tensor:
    moved = torch.zeros_like(sound)
    if samples >= 0:
        moved[samples:] = sound[: len(sound) - samples]
    else:
        moved[:samples] = sound[-samples:]
    return moved


def voices() -> torch.Tensor:
    samples = np.stack([make_voice(seed=seed) for seed in range(4)])
    return torch.from_numpy(samples / 32768).float()


def test_each_clip_is_heard_at_its_own_delay():
    predicted = LOG_MEL(voices())
    delays = (-288, 0, 96, 192)
    sound = torch.stack([late(clip, n) for clip, n in zip(voices(), delays, strict=True)])
    moved, delays_ms = in_step(sound, predicted, LOG_MEL, 18.0)
    assert delays_ms.tolist() == [18.0, 0.0, -6.0, -12.0]
    for clip, true, delay in zip(moved, voices(), delays, strict=True):
        kept = slice(max(0, -delay), len(true) - max(0, delay))
        assert torch.equal(clip[kept], true[kept])


def test_sound_that_is_later_than_the_largest_delay_is_moved_by_that():
    true = voices()[:1]
    moved, delays_ms = in_step(late(true[0], 480)[None], LOG_MEL(true), LOG_MEL, 18.0)
    assert delays_ms.tolist() == [-18.0]
    assert torch.equal(moved[0, :-288], late(true[0], 480)[288:])
    assert not moved[0, -288:].any()


def test_silence_is_left_where_it_is_finite():
    silence = torch.zeros(2, 48_000)
    moved, _ = in_step(silence, LOG_MEL(voices()[:2]), LOG_MEL, 18.0)
    assert torch.equal(moved, silence)


def test_no_gradient_goes_through_the_choice():
    said = LOG_MEL(voices()).requires_grad_()
    assert not in_step(voices(), said, LOG_MEL, 18.0)[0].requires_grad
