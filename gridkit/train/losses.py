"""Losses: pure functions from what a model says, and what is true, to a scalar.

A learner weighs and adds them, and logs each under its name.
"""

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from gridkit.corpus.grammar import SLOTS
from gridkit.dsp.mel import third_octaves
from gridkit.train.intelligibility import normalised_segments


def ctc_loss(
    characters: torch.Tensor, labels: torch.Tensor, label_lengths: torch.Tensor
) -> torch.Tensor:
    """Return CTC's loss per character of text.

    Args:
        characters: unnormalised log-probabilities, float (B, T, 28).
        labels: the classes of all texts, one text after the other, int (sum of lengths,).
        label_lengths: int (B,).
    """
    clips, frames = characters.shape[:2]
    return functional.ctc_loss(
        characters.log_softmax(-1).transpose(0, 1),
        labels,
        torch.full((clips,), frames, device=labels.device),
        label_lengths,
    )


def word_loss(
    words: torch.Tensor, spoken: torch.Tensor, slot_weights: Sequence[float]
) -> torch.Tensor:
    """Return the cross-entropy of the word that is said in each frame.

    Args:
        words: unnormalised log-probabilities, float (B, T, 52); silence comes first.
        spoken: classes, int64 (B, T).
        slot_weights: of frames in which a word of each of the six slots is said.
    """
    slots = zip(SLOTS, slot_weights, strict=True)
    weights = [1.0, *(weight for slot, weight in slots for _ in slot)]
    return functional.cross_entropy(
        words.flatten(0, 1),
        spoken.flatten(),
        torch.tensor(weights, device=words.device),
    )


def power_loss(said: torch.Tensor, true: torch.Tensor, power: float) -> torch.Tensor:
    """Return the mean square difference of magnitudes raised to a power below 1, as loudness is.

    Args:
        said: natural logarithms of magnitudes, any shape.
        true: the same.
        power: such as 0.3.
    """
    return functional.mse_loss((power * said).exp(), (power * true).exp())


def correlation_loss(said: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return 1 minus the correlation of each clip's numbers, as the mean over clips.

    Blind to offset and size. A clip whose numbers are all alike correlates with nothing.

    Args:
        said: (B, T, F).
        true: the same.

    Source: `corr2` of Akbari et al. 2017, "Lip2AudSpec", arXiv:1710.09798.
    """
    a, b = (tensor.flatten(1) - tensor.mean((1, 2))[:, None] for tensor in (said, true))
    return 1 - functional.cosine_similarity(a, b).mean()


def features_loss(said: Sequence[torch.Tensor], true: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return how far features of a network are from those of the truth, layer by layer.

    Each layer counts by its mean absolute difference, over the mean size of the true features.
    """
    layers = zip(said, true, strict=True)
    return torch.stack(
        [functional.l1_loss(a, b) / b.abs().mean().clamp(min=1e-3) for a, b in layers]
    ).mean()


SEGMENT_FRAMES = 38
"""Of 10 ms: the 384 ms over which extended STOI compares."""
SEGMENT_STEP = 4
LOUD_DB = 40.0
"""Frames that are further below the loudest do not count, as in STOI."""
QUIET = 1e-2
"""Envelopes that vary by less are flat: the noise of GRID's recordings."""


def envelope_loss(said: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return 1 minus the correlation of envelopes in segments, nearly as extended STOI has it.

    Its bands are a third of an octave wide, here made of mel bands; those of a segment are
    normalised over time, then each frame over bands.

    Args:
        said: log-mel spectrograms, float (B, T, 80) of gridkit.models.mel; T is at least 38.
        true: the same.

    Source: Jensen and Taal 2016, IEEE/ACM TASLP 24(11).
    """
    bands = torch.from_numpy(third_octaves()).to(said)
    a, b = (
        normalised_segments(
            ((2 * mel).exp() @ bands + 1e-10).sqrt(), SEGMENT_FRAMES, SEGMENT_STEP, QUIET
        )
        for mel in (said, true)
    )
    level_db = 10 * torch.log10((2 * true).exp().sum(-1))
    loud = (level_db > level_db.amax(1, keepdim=True) - LOUD_DB).float()
    counts = loud.unfold(1, SEGMENT_FRAMES, SEGMENT_STEP)
    columns = (a * b).sum(-2)
    return 1 - (counts * columns).sum() / counts.sum().clamp(min=1.0)


STFT_SIZES = (256, 512, 1024)
STFT_FLOOR = 1e-3
"""Added to magnitudes before the logarithm: about -60 dB of a loud voice's."""


def stft_loss(said: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return the difference of spectra of three resolutions, of sound (B, N).

    For each the mean absolute difference of log magnitudes, and the spectral convergence.

    Source: Yamamoto et al. 2020, "Parallel WaveGAN", arXiv:1910.11480.
    """
    losses = []
    for size in STFT_SIZES:
        window = torch.hann_window(size, device=said.device)
        a, b = (
            torch.stft(sound, size, size // 4, window=window, return_complex=True).abs()
            for sound in (said, true)
        )
        logs = functional.l1_loss((a + STFT_FLOOR).log(), (b + STFT_FLOOR).log())
        convergence = torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b).clamp(min=1.0)
        losses.append(logs + convergence)
    return torch.stack(losses).mean()


def carrying(tensor: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    """Return a loss of 0 whose gradient at a tensor is `slope`, which was found apart."""
    product = (tensor * slope).sum()
    return product - product.detach()


def total_variation(sound: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of neighbouring samples of sound (B, N)."""
    return sound.diff(dim=-1).abs().mean()


BUZZ_SAMPLES = 5
"""Over which roughness is smoothed, before it is compared."""


def buzz_loss(sound: torch.Tensor, frame_samples: int) -> torch.Tensor:
    """Return how unevenly sound is rough over the samples of a frame; 0 where no sample is special.

    A model that makes sound frame by frame may put its pulses at the same place in each frame,
    which is heard as a buzz of the frames' pace. Roughness is the absolute second difference.

    Args:
        sound: (B, N), from the start of a frame on.
        frame_samples: of a frame.
    """
    rough = sound.diff(n=2, dim=-1).abs()
    whole = rough.shape[-1] // frame_samples * frame_samples
    by_place = rough[:, :whole].reshape(-1, frame_samples).mean(0)
    half = BUZZ_SAMPLES // 2
    around = torch.cat([by_place[-half:], by_place, by_place[:half]])
    smooth = around.unfold(0, BUZZ_SAMPLES, 1).mean(-1)
    return (smooth / smooth.mean().clamp(min=1e-6) - 1).square().mean()


def gradient_penalty(
    critic: Callable[[torch.Tensor], torch.Tensor], said: torch.Tensor, true: torch.Tensor
) -> torch.Tensor:
    """Return how far the slope of a critic is from 1 between predictions and the truth.

    Args:
        critic: maps sound (B, N) to scores (B,), each clip by itself.
        said: sound (B, N).
        true: sound (B, N).

    Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", arXiv:1704.00028.
    """
    share = torch.rand(len(said), 1, device=said.device)
    between = torch.lerp(said, true, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # the slope of a root at 0 is infinite
    norm = (slope.square().sum(1) + 1e-12).sqrt()
    return (norm - 1).square().mean()
