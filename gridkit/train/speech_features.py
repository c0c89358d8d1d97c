"""What a recogniser hears in speech: the target of a perceptual loss.

Two sounds that differ in phase, or by a little noise, are alike to a recogniser; speech that
mumbles is not. Its weights stay as they are.
"""

import numpy as np
import torch

from gridkit.dsp.mel import FFT_SIZE, FLOOR, WINDOW_SAMPLES, mel_filters
from gridkit.models import recogniser
from gridkit.models.recogniser import POWER_FLOOR, Recogniser
from gridkit.models.recogniser import mel_filters as recogniser_filters

WINDOW_RATIO = (recogniser.WINDOW_SAMPLES / WINDOW_SAMPLES) ** 2
"""From the power of a tone under a log-mel spectrogram's window to that under a recogniser's."""


class SpeechFeatures:
    """Features of a recogniser, of sound or of a log-mel spectrogram.

    Args:
        model: a recogniser, frozen.
    """

    def __init__(self, model: Recogniser):
        self._model = model
        device = model.log_mel.filters.device
        # each band's magnitude spread over its bins, of which a recogniser has every second
        bins = torch.from_numpy(_pseudo_inverse()).float()[:, :: FFT_SIZE // recogniser.FFT_SIZE]
        self._bins = bins.to(device)
        self._filters = recogniser_filters(model.settings.bands).to(device)

    def of_sound(self, samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the features of sound (B, N), layer by layer."""
        return self._heard(self._model.log_mel(samples))

    def of_mel(self, log_mel: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the same of a log-mel spectrogram (B, T, 80) of gridkit.models.mel."""
        magnitudes = ((log_mel.exp() - FLOOR).clamp(min=0) @ self._bins).clamp(min=0)
        power = WINDOW_RATIO * magnitudes.square() @ self._filters
        level = torch.log(power + POWER_FLOOR)
        return self._heard((level - level.mean(1, keepdim=True)) / 2)

    def _heard(self, bands: torch.Tensor) -> tuple[torch.Tensor, ...]:
        front = self._model.front(bands)
        return front, self._model.encode(front).hidden


def _pseudo_inverse() -> np.ndarray:
    return np.linalg.pinv(mel_filters()).T
