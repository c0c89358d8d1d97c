"""The mel model of `gridkit.models.v2s_mel` learns: the spectrogram, and its vocoder.

Both learn in every step, each from its own losses. The vocoder makes the true sound from
spectrograms that are blurred over time and noisy, as predicted ones are, and from predicted ones.
How well the sound of predicted ones is understood, by extended STOI and by a recogniser, is a
loss of both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from gridkit.dsp.mel import HOP_SAMPLES
from gridkit.models.v2s_mel import V2SMel
from gridkit.recipe import Recipe
from gridkit.train.clips import TrainingClips
from gridkit.train.intelligibility import estoi_loss
from gridkit.train.losses import buzz_loss, carrying, stft_loss
from gridkit.train.optimised import Optimised
from gridkit.train.precision import bf16_products
from gridkit.train.settings import AugmentationSettings
from gridkit.train.speech_features import SpeechFeatures
from gridkit.train.v2s import LARGEST_LOSS, Losses, logged, total
from gridkit.train.v2s_acoustic import AcousticLearner, AcousticTraining

SHORTEST_PIECE = 40
"""Of a spectrogram, in frames: what extended STOI compares at a time is 384 ms long."""
WIDEST_BLUR_FRAMES = 4.0
"""Deviation of the Gaussian over time, in frames of the spectrogram."""
LOUDEST_NOISE = 0.3
"""Deviation of the noise on blurred spectrograms, natural logarithm."""


@dataclass(frozen=True)
class V2SMelTraining(AcousticTraining):
    """What the [training] table of a mel model may say."""

    predicted_from: int = 1000
    """The step from which half of what the vocoder learns from is predicted."""
    vocoder_frames: int = 64
    """Of the pieces of spectrograms that the vocoder learns from, 10 ms each; at most all."""
    sound_features_weight: float = 0.0
    """Of what the recogniser hears in the vocoder's sound of predicted spectrograms;
    `features_weight` is of what it hears in the spectrograms."""
    buzz_weight: float = 0.0
    """Of how much the vocoder's sound follows the pace of its frames."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from super().mistakes()
        if self.vocoder_frames < SHORTEST_PIECE:
            yield f"vocoder_frames is at least {SHORTEST_PIECE}"


class V2SMelLearner(AcousticLearner):
    """See `gridkit.train.learner.Learner`."""

    settings_class = V2SMelTraining

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: V2SMelTraining,
        augmentation: AugmentationSettings,
        device: str,
    ):
        super().__init__(recipe, clips, settings, augmentation, device)
        assert isinstance(self.model, V2SMel)
        self._settings = settings
        self._acoustic_model, self._vocoder_model = self.model.acoustic, self.model.vocoder
        rates = self.lipreader_rates
        self._acoustic = Optimised(self._acoustic_model, settings, LARGEST_LOSS, rates)
        self._vocoder = Optimised(self._vocoder_model, settings, LARGEST_LOSS)

    @property
    def parts(self) -> Mapping[str, Optimised]:
        """Both models."""
        return {"acoustic.": self._acoustic, "vocoder.": self._vocoder}

    def step(self, number: int) -> Mapping[str, float]:
        """Learn from one batch, the acoustic model first."""
        settings, batch = self._settings, self.batch(number)
        assert batch.sound is not None
        true_mel = self.log_mel(batch.sound)
        with bf16_products(self._device, settings.mixed_precision):
            with self.mixed_precision():
                spoken = self._acoustic_model(batch.inputs)
            losses = self.acoustic_losses(spoken, true_mel, batch)
            losses |= self.heard(
                "features",
                settings.features_weight,
                SpeechFeatures.of_mel,
                spoken.log_mel,
                true_mel,
                number,
            )
            predicted = None
            if number >= settings.predicted_from and len(true_mel) > 1:
                predicted = spoken.log_mel[1::2].detach()
            vocoder, slope = self._learn_vocoder(true_mel, predicted, batch.sound, number)
            value = total(losses)
            if slope is not None:
                value = value + carrying(spoken.log_mel[1::2], slope)
            self._acoustic.descend(value, number)
        return logged(losses) | logged(vocoder)

    def _learn_vocoder(
        self,
        true_mel: torch.Tensor,
        predicted: torch.Tensor | None,
        sound: torch.Tensor,
        number: int,
    ) -> tuple[Losses, torch.Tensor | None]:
        """Let the vocoder learn from a piece of each clip.

        Args:
            true_mel: (B, T, 80).
            predicted: of every second clip, or None to learn from true ones alone.
            sound: (B, 160 T).
            number: of the step.

        Returns:
            The losses; the gradient at `predicted` of those that say how well it is understood.
        """
        settings, frames = self._settings, true_mel.shape[1]
        length = min(settings.vocoder_frames, frames)
        first = int(torch.randint(max(1, frames - length), ()))
        part = slice(first, first + length)
        mel, slope = blurred(true_mel)[:, part], None
        if predicted is not None:
            predicted = predicted[:, part].requires_grad_()
            mel = torch.cat([mel[0::2], predicted])
            sound = torch.cat([sound[0::2], sound[1::2]])
        piece = sound[:, HOP_SAMPLES * part.start : HOP_SAMPLES * part.stop]
        with self.mixed_precision():
            said = self._vocoder_model(mel)
        losses: Losses = {
            "vocoder_mel": (1.0, functional.l1_loss(self.log_mel(said), self.log_mel(piece))),
            "vocoder_stft": (1.0, stft_loss(said, piece)),
        }
        if settings.buzz_weight > 0:
            losses["vocoder_buzz"] = settings.buzz_weight, buzz_loss(said, HOP_SAMPLES)
        if predicted is not None:
            count = len(predicted)
            understood = self._understood(said[-count:], piece[-count:], number)
            if understood:
                (slope,) = torch.autograd.grad(total(understood), predicted, retain_graph=True)
                slope = functional.pad(slope, (0, 0, part.start, frames - part.stop))
            losses |= understood
        self._vocoder.descend(total(losses), number)
        return losses, slope

    def _understood(self, said: torch.Tensor, true: torch.Tensor, number: int) -> Losses:
        """Return how well sound (B, N) is understood, where a step learns from that."""
        settings, losses = self._settings, Losses()
        if settings.estoi_weight > 0:
            losses["vocoder_estoi"] = settings.estoi_weight, estoi_loss(said, true)
        weight = settings.sound_features_weight
        return losses | self.heard(
            "vocoder_features", weight, SpeechFeatures.of_sound, said, true, number
        )


def blurred(log_mel: torch.Tensor) -> torch.Tensor:
    """Return spectrograms (B, T, bands) blurred over time, each by another width, with noise."""
    clips = len(log_mel)
    radius = int(2 * WIDEST_BLUR_FRAMES)
    offsets = torch.arange(-radius, radius + 1, device=log_mel.device)
    width = 0.1 + WIDEST_BLUR_FRAMES * torch.rand(clips, 1, device=log_mel.device)
    kernels = torch.softmax(-offsets.square() / (2 * width.square()), -1)
    padded = functional.pad(log_mel.transpose(1, 2), (radius, radius), mode="replicate")
    smooth = functional.conv1d(
        padded.transpose(0, 1), kernels[:, None].float(), groups=clips
    ).transpose(0, 1)
    noise = LOUDEST_NOISE * torch.rand(clips, 1, 1, device=log_mel.device)
    return smooth.transpose(1, 2) + noise * torch.randn_like(log_mel)
