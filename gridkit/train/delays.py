"""The time by which sound and picture of a clip are apart, taken out while a model learns.

In GRID it is another time in each clip, up to half a video frame either way, and no model can see
it (arXiv:2303.00502 reports it). A model that learns from the sound as it is
hears the same movement at many times, and learns the mean of them. Here it learns each clip at the
delay at which its own spectrogram fits best.
"""

from collections.abc import Callable

import torch
from torch.nn import functional

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.train.losses import envelope_sums

DELAYS_EACH_WAY = 3


def in_step(
    sound: torch.Tensor,
    said: torch.Tensor,
    log_mel: Callable[[torch.Tensor], torch.Tensor],
    largest_ms: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sound at the delay, one of seven, at which its envelopes are most like predicted ones.

    Args:
        sound: (B, N), 16 kHz.
        said: log-mel spectrograms that were predicted, (B, N / 160, 80).
        log_mel: from sound to such spectrograms.
        largest_ms: of the delays.

    Returns:
        The sound (B, N), silent where a clip's own does not reach; by how much each clip's is
        later than it was, ms (B,).
    """
    steps = range(-DELAYS_EACH_WAY, DELAYS_EACH_WAY + 1)
    samples = [round(largest_ms * SAMPLE_RATE_HZ / 1000 * k / DELAYS_EACH_WAY) for k in steps]
    choices = torch.stack([functional.pad(sound, (delay, -delay)) for delay in samples])
    with torch.no_grad():
        sums = [envelope_sums(said, log_mel(choice)) for choice in choices]
        best = torch.stack([total / count.clamp(min=1.0) for total, count in sums]).argmax(0)
    delays_ms = torch.tensor(samples, device=sound.device) * 1000 / SAMPLE_RATE_HZ
    return choices[best, torch.arange(len(sound), device=sound.device)], delays_ms[best]
