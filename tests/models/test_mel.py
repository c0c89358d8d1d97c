"""The log-mel spectrogram in torch is that of gridkit.dsp.mel, and gradients pass through it."""

import numpy as np
import torch

from gridkit.dsp.mel import log_mel
from gridkit.models.mel import LogMelSpectrogram


def test_it_is_the_spectrogram_of_the_metrics():
    samples = np.random.default_rng(0).normal(0, 0.1, 4800)
    expected = log_mel(samples)[:-1]  # all but the frame on the end
    mel = LogMelSpectrogram()(torch.from_numpy(samples)[None].float())[0]
    assert mel.shape == (30, 80)
    np.testing.assert_allclose(mel.numpy(), expected, atol=2e-4)


def test_gradients_are_finite_in_digital_silence():
    samples = torch.zeros(1, 1600, requires_grad=True)
    LogMelSpectrogram()(samples).sum().backward()
    assert samples.grad.isfinite().all()
