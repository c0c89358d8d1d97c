"""Lip2AudSpec (`gridkit.models.lip2audspec`) learns: its autoencoder first, then to say the codes.

While the autoencoder learns, from the true sound, the reader learns words alone. Then the
autoencoder stays as it is, and the reader learns the codes of the true sound and, through the
decoder, the spectrogram.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from gridkit.models.auditory import AuditorySpectrogram
from gridkit.models.lip2audspec import Lip2AudSpec, Read
from gridkit.recipe import Recipe, restore
from gridkit.train.clips import TrainingClips
from gridkit.train.losses import correlation_loss
from gridkit.train.optimised import Optimised
from gridkit.train.precision import bf16_products
from gridkit.train.settings import AugmentationSettings
from gridkit.train.v2s import LARGEST_LOSS, Losses, V2SLearner, V2STraining, logged, total

PIECE_FRAMES = 600
"""Of the spectrogram, at a time: what the autoencoder learns from."""


@dataclass(frozen=True)
class Lip2AudSpecTraining(V2STraining):
    """What the [training] table of a Lip2AudSpec may say."""

    autoencoder_steps: int = 500
    """The first steps, in which the autoencoder learns."""
    autoencoder_rate: float = 2e-3
    """Its learning rate at its peak; it falls to 0 over these steps."""
    correlation_weight: float = 1.0
    code_weight: float = 1.0
    """Of the mean square difference of codes."""
    spectrogram_weight: float = 0.5
    """Of the mean square difference of standardised spectrograms; the paper has no such loss."""


class Lip2AudSpecLearner(V2SLearner):
    """See `gridkit.train.learner.Learner`."""

    settings_class = Lip2AudSpecTraining

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: Lip2AudSpecTraining,
        augmentation: AugmentationSettings,
        device: str,
    ):
        super().__init__(recipe, clips, settings, augmentation, device)
        assert isinstance(self.model, Lip2AudSpec)
        self._settings, self._spectrogram = settings, AuditorySpectrogram().to(device)
        self._reader_model, self._autoencoder_model = self.model.reader, self.model.autoencoder
        bands = torch.cat([self._spectrogram(sound) for sound in self.train_sounds()]).flatten(0, 1)
        self._autoencoder_model.band_mean.copy_(bands.mean(0))
        self._autoencoder_model.band_deviation.copy_(bands.std(0).clamp(min=0.01))
        self._reader = Optimised(self._reader_model, settings, LARGEST_LOSS)
        first = replace(
            settings,
            steps=max(1, settings.autoencoder_steps),
            learning_rate=settings.autoencoder_rate,
        )
        self._autoencoder = Optimised(self._autoencoder_model, first, LARGEST_LOSS)

    @property
    def parts(self) -> Mapping[str, Optimised]:
        """Both models."""
        return {"reader.": self._reader, "autoencoder.": self._autoencoder}

    def step(self, number: int) -> Mapping[str, float]:
        """Learn from one batch."""
        settings, batch = self._settings, self.batch(number)
        assert batch.sound is not None
        true = self._autoencoder_model.standard(self._spectrogram(batch.sound))
        settled = number >= settings.autoencoder_steps
        self._autoencoder_model.requires_grad_(not settled)
        squeezed = {} if settled else {"autoencoder": self._learn_autoencoder(true, number)}
        if number == settings.autoencoder_steps:
            # what is kept of it teaches
            restore(self._autoencoder_model, self._autoencoder.average, "the average")
        with bf16_products(self._device, settings.mixed_precision):
            with self.mixed_precision():
                seen = self._reader_model(batch.inputs)
            losses = self.word_losses(seen.output, batch)
            if settled:
                losses |= self._code_losses(seen, true)
            self._reader.descend(total(losses), number)
        return squeezed | logged(losses)

    def _learn_autoencoder(self, true: torch.Tensor, number: int) -> float:
        """Let the autoencoder learn from true frames, shuffled; return its last loss."""
        frames = true.flatten(0, 1)
        frames = frames[torch.randperm(len(frames)).to(frames.device)]
        for start in range(0, len(frames), PIECE_FRAMES):
            piece = frames[start : start + PIECE_FRAMES]
            loss = functional.mse_loss(self._autoencoder_model(piece), piece)
            value = self._autoencoder.descend(loss, number)
        return value

    def _code_losses(self, seen: Read, true: torch.Tensor) -> Losses:
        """Return what the reader is told of its codes."""
        settings, autoencoder = self._settings, self._autoencoder_model
        with torch.no_grad():
            codes = autoencoder.encode(true)
        spectrogram = functional.mse_loss(autoencoder.decoder(seen.codes), true)
        return {
            "correlation": (settings.correlation_weight, correlation_loss(seen.codes, codes)),
            "code": (settings.code_weight, functional.mse_loss(seen.codes, codes)),
            "spectrogram": (settings.spectrogram_weight, spectrogram),
        }
