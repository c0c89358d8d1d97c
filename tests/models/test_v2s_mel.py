"""The mel model gives exactly 640 samples per frame, and can learn two clips by heart."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.v2s import MEL, WIDER, overfit_sound

from gridkit.models.v2s_mel import V2SMel


@pytest.mark.parametrize("frames", [1, 3, 75])
def test_each_frame_is_640_samples(frames):
    model = V2SMel(MEL).eval()
    sound = model(torch.zeros(2, frames, 12, 24, 1, dtype=torch.uint8))
    assert sound.shape == (2, 640 * frames)
    assert sound.abs().max() <= 1


def test_the_mirror_image_is_averaged_as_a_spectrogram():
    model = V2SMel(MEL).eval()
    frames = torch.randint(0, 256, (1, 5, 12, 24, 1), dtype=torch.uint8)
    with torch.no_grad():
        mels = [model.acoustic(clip).log_mel for clip in (frames, frames.flip(3))]
        expected = model.vocoder((mels[0] + mels[1]) / 2).clamp(-1, 1)
        torch.testing.assert_close(model(frames, mirror=True), expected)


def test_a_vocoder_of_no_size_is_named():
    mistakes = list(replace(MEL, vocoder_blocks=0).mistakes())
    assert mistakes == ["vocoder_channels and vocoder_blocks are at least 1"]


@pytest.mark.slow
def test_it_learns_two_clips_by_heart():
    model = V2SMel(replace(MEL, **WIDER, vocoder_channels=64, vocoder_blocks=2))
    assert np.mean(overfit_sound(model)) > 0.8
