"""The generator gives exactly 640 samples per frame without joins; the critic hears clips alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.v2s import GAN, WIDER, overfit_sound

from gridkit.models.v2s_gan import (
    LAST_KERNEL,
    STRIDES,
    Critic,
    Mixing,
    Upsampling,
    V2SGan,
    WaveDecoder,
)


@pytest.mark.parametrize("frames", [1, 3, 75])
def test_each_frame_is_640_samples(frames):
    model = V2SGan(GAN).eval()
    sound = model(torch.zeros(2, frames, 12, 24, 1, dtype=torch.uint8))
    assert sound.shape == (2, 640 * frames)
    assert sound.abs().max() <= 1


@pytest.mark.parametrize("stride", STRIDES)
def test_each_layer_is_a_transposed_convolution(stride):
    layer, features = Upsampling(3, 2, stride), torch.randn(2, 7, 3)
    whole = torch.nn.functional.conv_transpose1d(
        features.transpose(1, 2), layer.weight, layer.bias, stride
    )
    start = (stride + 1) // 2
    expected = whole[..., start : start + 7 * stride].transpose(1, 2)
    torch.testing.assert_close(layer(features), expected)


def test_the_last_layer_is_a_convolution():
    layer, features = Mixing(3), torch.randn(2, 40, 3)
    expected = torch.nn.functional.conv1d(
        features.transpose(1, 2), layer.weight, layer.bias, padding=LAST_KERNEL // 2
    )
    torch.testing.assert_close(layer(features), expected[:, 0])


def test_a_sample_is_reached_by_the_features_around_it_alone():
    decoder = WaveDecoder(8, (8, 8, 8, 8)).eval()
    features = torch.randn(1, 40, 8, requires_grad=True)
    decoder(features)[0, 20 * 160 + 80].backward()
    reached = torch.nonzero(features.grad[0].abs().sum(1)).flatten()
    assert {19, 20, 21} >= set(reached.tolist()) >= {20}


def test_the_mirror_image_of_a_mirror_image_is_the_same_speech():
    model = V2SGan(GAN).eval()
    frames = torch.randint(0, 256, (1, 5, 12, 24, 1), dtype=torch.uint8)
    with torch.no_grad():
        both = [model(clip, mirror=True) for clip in (frames, frames.flip(3))]
        assert not torch.allclose(model(frames), both[0])
    torch.testing.assert_close(*both)


def test_the_critic_scores_each_clip_by_itself():
    critic, sound = Critic(), torch.randn(3, 16_000)
    together = critic(sound)
    assert together.shape == (3,)
    apart = torch.cat([critic(clip[None]) for clip in sound])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)


def test_wave_channels_are_one_per_layer():
    mistakes = list(replace(GAN, wave_channels=(8, 8)).mistakes())
    assert mistakes == ["wave_channels has 4 entries of at least 1"]


@pytest.mark.slow
def test_it_learns_two_clips_by_heart():
    model = V2SGan(replace(GAN, **WIDER, wave_channels=(48, 32, 32, 16)))
    assert np.mean(overfit_sound(model)) > 0.8
