"""The log-mel spectrogram of `gridkit.dsp.mel` in torch, so that a loss can be taken through it."""

import torch
from torch import nn

from gridkit.dsp.mel import FFT_SIZE, FLOOR, HOP_SAMPLES, WINDOW_SAMPLES, mel_filters
from gridkit.models.spectrum import spectrum


class LogMelSpectrogram(nn.Module):
    """Sound to its log-mel spectrogram: 80 bands, a frame every 10 ms."""

    window: torch.Tensor
    filters: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        filters = torch.from_numpy(mel_filters()).float().T.contiguous()
        self.register_buffer("window", torch.hann_window(WINDOW_SAMPLES), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Map samples (B, N), N a multiple of 160, to (B, N / 160, 80).

        Frame k is centred on sample 160 k; that on the end of the sound is left out.
        """
        with torch.autocast(samples.device.type, enabled=False):
            bins = spectrum(samples.float(), self.window, FFT_SIZE, HOP_SAMPLES)
            frames = samples.shape[1] // HOP_SAMPLES
            bands = bins[..., :frames].abs().transpose(1, 2) @ self.filters
            return torch.log(bands + FLOOR)
