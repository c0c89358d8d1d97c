"""The spectrum of sound, frame by frame, as every spectrogram of the models has it."""

import torch


def spectrum(
    samples: torch.Tensor, window: torch.Tensor, fft_size: int, hop_samples: int
) -> torch.Tensor:
    """Return the spectrum of each frame; frame k is centred on sample k x hop, 0 beyond the ends.

    Args:
        samples: float (B, N).
        window: of a frame, float (W,), W at most `fft_size`.
        fft_size: even.
        hop_samples: from frame to frame.

    Returns:
        Complex (B, fft_size / 2 + 1, N // hop + 1).
    """
    return torch.stft(
        samples,
        fft_size,
        hop_samples,
        len(window),
        window,
        return_complex=True,
        pad_mode="constant",
    )
