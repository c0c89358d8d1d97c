"""What learners of models with an acoustic model share: its start and its losses.

The acoustic model follows the spectrogram of the true sound, the words, and what a recogniser
hears in it. A learner adds what makes sound of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from gridkit.models.acoustic import AcousticModel, Spoken
from gridkit.models.mel import LogMelSpectrogram
from gridkit.recipe import Recipe
from gridkit.train.batches import Batch
from gridkit.train.clips import TrainingClips
from gridkit.train.losses import envelope_loss, features_loss, power_loss
from gridkit.train.pretrained import pretrained_lipreader, start_lipreader
from gridkit.train.settings import AugmentationSettings
from gridkit.train.speech_features import SpeechFeatures
from gridkit.train.v2s import Losses, V2SLearner, V2STraining

POWER = 0.3
"""To which magnitudes are raised where they are compared as loudness is."""

FeaturesOf = Callable[[SpeechFeatures, torch.Tensor], tuple[torch.Tensor, ...]]
"""From what listens, and sound or a spectrogram, to what it hears."""


@dataclass(frozen=True)
class AcousticTraining(V2STraining):
    """What the [training] table of a model with an acoustic model may say."""

    lipreader: str = ""
    """Recipe whose weights the lipreader starts from; empty for none."""
    lipreader_rate: float = 0.1
    """The lipreader's share of the learning rate, where it starts from a recipe's."""
    mel_weight: float = 1.0
    power_weight: float = 0.5
    envelope_weight: float = 0.0
    """Of the correlation of envelopes, which extended STOI measures too."""
    estoi_weight: float = 0.0
    """Of extended STOI, of the predicted sound itself."""
    features_weight: float = 0.3
    """Of what the recogniser hears; 0 for no perceptual loss."""
    features_from: int = 2000
    """The step from which the recogniser listens to the training."""


class AcousticLearner(V2SLearner):
    """A learner without its step, whose model has an acoustic model as `acoustic`."""

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: AcousticTraining,
        augmentation: AugmentationSettings,
        device: str,
    ):
        super().__init__(recipe, clips, settings, augmentation, device)
        self._told = settings
        self.log_mel = LogMelSpectrogram().to(device)
        self._listener = None if self.recogniser is None else SpeechFeatures(self.recogniser)
        acoustic = self.model.acoustic
        assert isinstance(acoustic, AcousticModel)
        self._spoken_by = acoustic
        self._start(recipe)

    @property
    def lipreader_rates(self) -> Mapping[str, float]:
        """The share of the learning rate that an acoustic model's lipreader has."""
        return {"lipreader.": self._told.lipreader_rate} if self._told.lipreader else {}

    def acoustic_losses(self, spoken: Spoken, true_mel: torch.Tensor, batch: Batch) -> Losses:
        """Return what an acoustic model is told of its spectrograms and words."""
        settings, deviation = self._told, self._spoken_by.mel_deviation
        said, true = spoken.log_mel / deviation, true_mel / deviation
        losses: Losses = {
            "mel": (settings.mel_weight, functional.l1_loss(said, true)),
            "power": (settings.power_weight, power_loss(spoken.log_mel, true_mel, POWER)),
            "envelope": (settings.envelope_weight, envelope_loss(spoken.log_mel, true_mel)),
        }
        return losses | self.word_losses(spoken.output, batch)

    def heard(
        self,
        name: str,
        weight: float,
        features_of: FeaturesOf,
        said: torch.Tensor,
        true: torch.Tensor,
        number: int,
    ) -> Losses:
        """Return what the recogniser hears as a loss, where a step learns from that.

        Args:
            name: of the loss.
            weight: of it; 0 for none.
            features_of: `SpeechFeatures.of_sound` or `SpeechFeatures.of_mel`.
            said: what it is given.
            true: what it ought to hear.
            number: of the step.
        """
        if self._listener is None or number < self._told.features_from or weight <= 0:
            return {}
        with torch.no_grad():
            features = features_of(self._listener, true)
        return {name: (weight, features_loss(features_of(self._listener, said), features))}

    def _start(self, recipe: Recipe) -> None:
        """Give the acoustic model a lipreader's weights, and what it is to standardise bands by."""
        acoustic = self._spoken_by
        if self._told.lipreader:
            pretrained = pretrained_lipreader(recipe, self._told.lipreader)
            start_lipreader(acoustic.lipreader, pretrained)
        frames = torch.cat([self.log_mel(sound) for sound in self.train_sounds()]).flatten(0, 1)
        acoustic.mel_mean.copy_(frames.mean(0))
        acoustic.mel_deviation.copy_(frames.std(0).clamp(min=0.01))
