"""The generator of `gridkit.models.v2s_gan` learns, first alone, then against its critic.

Frames are read over the whole clip, and a second of it is made sound. What the generator is told
of that sound, by spectra, by a recogniser and by the critic, reaches it as one gradient at the
samples: no loss has to be taken through the generator for itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from gridkit.dsp.mel import HOP_SAMPLES
from gridkit.models.v2s_gan import Critic, V2SGan
from gridkit.recipe import Recipe
from gridkit.train.clips import TrainingClips
from gridkit.train.intelligibility import estoi_loss
from gridkit.train.losses import (
    carrying,
    envelope_loss,
    gradient_penalty,
    stft_loss,
    total_variation,
)
from gridkit.train.optimised import Optimised
from gridkit.train.precision import bf16_products
from gridkit.train.settings import AugmentationSettings
from gridkit.train.speech_features import SpeechFeatures
from gridkit.train.v2s import LARGEST_LOSS, Losses, logged, total
from gridkit.train.v2s_acoustic import AcousticLearner, AcousticTraining

PIECE_FRAMES = 100
"""Of the features that are made sound: a second."""
CONTEXT_FRAMES = 4
"""Before and after these: what the decoder's kernels reach."""
LARGEST_CRITIC_LOSS = 1e6


@dataclass(frozen=True)
class V2SGanTraining(AcousticTraining):
    """What the [training] table of a GAN may say."""

    stft_weight: float = 1.0
    sound_mel_weight: float = 2.0
    """Of the log-mel spectrogram of the sound; `mel_weight` is of the one that helps."""
    variation_weight: float = 1e-3
    adversarial_weight: float = 0.1
    """Of the critic's score; 0 for no critic. A share of the other losses' gradient would not do:
    theirs is large where nothing is said, and the critic's would be so everywhere."""
    penalty_weight: float = 10.0
    critic_from: int = 3000
    """The step from which there is a critic."""
    critic_first_steps: int = 200
    """For so many steps the critic alone learns more: it takes 5 steps per step."""
    critic_steps: int = 1
    """The critic's steps per step of the generator after that."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from super().mistakes()
        if self.critic_steps < 1:
            yield "critic_steps is at least 1; for no critic, adversarial_weight = 0"


class V2SGanLearner(AcousticLearner):
    """See `gridkit.train.learner.Learner`."""

    settings_class = V2SGanTraining

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: V2SGanTraining,
        augmentation: AugmentationSettings,
        device: str,
    ):
        super().__init__(recipe, clips, settings, augmentation, device)
        assert isinstance(self.model, V2SGan)
        self._settings, self._gan = settings, self.model
        rates = {f"acoustic.{name}": share for name, share in self.lipreader_rates.items()}
        self._generator = Optimised(self._gan, settings, LARGEST_LOSS, rates)
        self._critic = Optimised(Critic().to(device), settings, LARGEST_CRITIC_LOSS)

    @property
    def parts(self) -> Mapping[str, Optimised]:
        """The generator."""
        return {"": self._generator}

    @property
    def helpers(self) -> Mapping[str, Optimised]:
        """The critic."""
        return {"critic": self._critic}

    def step(self, number: int) -> Mapping[str, float]:
        """Learn from one batch, the critic first."""
        settings, batch = self._settings, self.batch(number)
        assert batch.sound is not None
        true_mel = self.log_mel(batch.sound)
        with bf16_products(self._device, settings.mixed_precision):
            with self.mixed_precision():
                spoken = self._gan.acoustic(batch.inputs)
                frames = _piece(spoken.features.shape[1])
                said = self._decoded(spoken.features, frames)
            true = batch.sound[:, HOP_SAMPLES * frames.start : HOP_SAMPLES * frames.stop]
            critic = self._learn_critic(said.detach(), true, number)
            heard = said.detach().requires_grad_()
            sound_losses = self._sound_losses(heard, true, number)
            (slope,) = torch.autograd.grad(total(sound_losses), heard)
            losses = self.acoustic_losses(spoken, true_mel, batch)
            value = total(sound_losses).detach() + carrying(said, slope)
            self._generator.descend(value + total(losses), number)
        return logged(losses) | logged(sound_losses) | critic

    def _decoded(self, features: torch.Tensor, frames: slice) -> torch.Tensor:
        """Return the sound of some of the frames of features."""
        first = max(0, frames.start - CONTEXT_FRAMES)
        sound = self._gan.decoder(features[:, first : frames.stop + CONTEXT_FRAMES])
        start = HOP_SAMPLES * (frames.start - first)
        return sound[:, start : start + HOP_SAMPLES * (frames.stop - frames.start)]

    def _sound_losses(self, said: torch.Tensor, true: torch.Tensor, number: int) -> Losses:
        settings = self._settings
        said_mel, true_mel = self.log_mel(said), self.log_mel(true)
        losses: Losses = {
            "stft": (settings.stft_weight, stft_loss(said, true)),
            "sound_mel": (settings.sound_mel_weight, functional.l1_loss(said_mel, true_mel)),
            "sound_envelope": (settings.envelope_weight, envelope_loss(said_mel, true_mel)),
            "variation": (settings.variation_weight, total_variation(said)),
        }
        if settings.estoi_weight > 0:
            losses["sound_estoi"] = settings.estoi_weight, estoi_loss(said, true)
        losses |= self.heard(
            "features", settings.features_weight, SpeechFeatures.of_sound, said, true, number
        )
        if self._has_critic(number):
            losses["adversarial"] = settings.adversarial_weight, -self._critic.module(said).mean()
        return losses

    def _has_critic(self, number: int) -> bool:
        settings = self._settings
        return settings.adversarial_weight > 0 and number >= settings.critic_from

    def _learn_critic(
        self, said: torch.Tensor, true: torch.Tensor, number: int
    ) -> dict[str, float]:
        """Let the critic learn to tell a second of the generator's sound from the truth."""
        if not self._has_critic(number):
            return {}
        settings, critic = self._settings, self._critic.module
        is_first = number < settings.critic_from + settings.critic_first_steps
        for _ in range(5 if is_first else settings.critic_steps):
            distance = critic(true).mean() - critic(said).mean()
            penalty = gradient_penalty(critic, said, true)
            self._critic.descend(settings.penalty_weight * penalty - distance, number)
        return {"distance": float(distance.detach()), "penalty": float(penalty.detach())}


def _piece(frames: int) -> slice:
    """Return a second of so many frames of features, or all of them where they are fewer."""
    length = min(PIECE_FRAMES, frames)
    first = int(torch.randint(frames - length + 1, ()))
    return slice(first, first + length)
