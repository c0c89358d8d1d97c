"""What the learners of video-to-speech share: batches with sound, the acoustic model's losses, val.

The acoustic model follows the spectrogram of the true sound, the words, and what a recogniser
hears in it. A learner adds what makes sound of it.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gridkit.models.acoustic import AcousticModel, Spoken
from gridkit.models.frames import FrameWindow
from gridkit.models.mel import LogMelSpectrogram
from gridkit.recipe import Recipe, build_model
from gridkit.train.augment import to_float
from gridkit.train.batches import Batch, FrameBatches, clips_of_step
from gridkit.train.clips import TrainingClips, check_frames
from gridkit.train.ctc import DROPOUTS, SlotWeights
from gridkit.train.learner import Selection, run_key
from gridkit.train.losses import ctc_loss, envelope_loss, power_loss, word_loss
from gridkit.train.memory import keep_freed_memory
from gridkit.train.optimised import Optimised
from gridkit.train.precision import autocast
from gridkit.train.pretrained import pretrained_lipreader, pretrained_recogniser, start_lipreader
from gridkit.train.schedule import strength
from gridkit.train.settings import AugmentationSettings, TrainingSettings
from gridkit.train.speech_features import SpeechFeatures
from gridkit.train.speech_figures import SpeechJudge

LARGEST_LOSS = 1e3
POWER = 0.3
"""To which magnitudes are raised where they are compared as loudness is."""

EXAMPLES = 3
"""Val clips whose speech is logged."""

Losses = dict[str, tuple[float, torch.Tensor]]
"""By name: weight, and loss."""


@dataclass(frozen=True)
class V2STraining(TrainingSettings):
    """What the [training] table of a video-to-speech model may say."""

    lipreader: str = ""
    """Recipe whose weights the lipreader starts from; empty for none."""
    lipreader_rate: float = 0.1
    """The lipreader's share of the learning rate, where it starts from a recipe's."""
    recogniser: str = ""
    """Recipe of the recogniser that listens, in training and to val; empty for none."""
    mel_weight: float = 1.0
    power_weight: float = 0.5
    envelope_weight: float = 0.0
    """Of the correlation of envelopes, which extended STOI measures too."""
    word_weight: float = 0.3
    ctc_weight: float = 0.1
    slot_weights: SlotWeights = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    """Of frames in which a word of each slot is said, in the word loss."""
    features_weight: float = 0.3
    """Of what the recogniser hears; 0 for no perceptual loss."""
    features_from: int = 2000
    """The step from which the recogniser listens to the training."""


class V2SLearner:
    """A learner without its step; see `gridkit.train.learner.Learner`.

    The model has an acoustic model as `acoustic`, and maps frames and `mirror` to sound.
    """

    settings_class = V2STraining
    selection = Selection("estoi", higher_is_better=True)

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: V2STraining,
        augmentation: AugmentationSettings,
        device: str,
    ):
        assert isinstance(recipe.model, FrameWindow)
        check_frames(recipe.model, clips)
        self.key = run_key(recipe, clips, settings)
        self._clips, self._augmentation = clips, augmentation
        self._general, self._device, self._mirror = settings, device, recipe.mirror
        self._train_places, self._val_places = clips.places("train"), clips.places("val")
        window = (recipe.model.height_px, recipe.model.width_px)
        self._batches = FrameBatches(clips, window, device, with_sound=True)
        self.log_mel = LogMelSpectrogram().to(device)
        recogniser = None
        if settings.recogniser:
            recogniser = pretrained_recogniser(recipe, settings.recogniser).to(device)
        self._listener = None if recogniser is None else SpeechFeatures(recogniser)
        self._judge = SpeechJudge(
            [clips.audio[place] for place in self._val_places],
            [clips.labels[place].text for place in self._val_places],
            recogniser,
        )
        self._examples: dict[str, np.ndarray] = {}
        torch.manual_seed(settings.seed)
        self.model = build_model(recipe.model).to(device)
        self._start(recipe)
        layers = [layer for layer in self.model.modules() if isinstance(layer, DROPOUTS)]
        self._dropouts = [(layer, layer.p) for layer in layers]
        if device == "cpu":
            keep_freed_memory()

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, Optimised]:
        """The modules that are kept, by the beginning of their weights' names."""

    @property
    def helpers(self) -> Mapping[str, Optimised]:
        """The modules that training needs and a recipe does not have."""
        return {}

    @property
    def lipreader_rates(self) -> Mapping[str, float]:
        """The share of the learning rate that an acoustic model's lipreader has."""
        return {"lipreader.": self._general.lipreader_rate} if self._general.lipreader else {}

    def batch(self, number: int) -> Batch:
        """Return what a step learns from, and set the model up for it."""
        settings, share = self._general, strength(self._general, number)
        places = clips_of_step(self._train_places, settings.batch, settings.seed, number)
        augmentation = self._augmentation.weakened(share)
        for layer, dropout in self._dropouts:
            layer.p = share * dropout
        self.model.train()
        return self._batches.training(places, settings.seed, number, augmentation)

    def acoustic_losses(self, spoken: Spoken, true_mel: torch.Tensor, batch: Batch) -> Losses:
        """Return what an acoustic model is told of its spectrograms and words."""
        settings, acoustic = self._general, self.model.acoustic
        assert isinstance(acoustic, AcousticModel)
        deviation = acoustic.mel_deviation
        said, true = spoken.log_mel / deviation, true_mel / deviation
        output = spoken.output
        return {
            "mel": (settings.mel_weight, functional.l1_loss(said, true)),
            "power": (settings.power_weight, power_loss(spoken.log_mel, true_mel, POWER)),
            "envelope": (settings.envelope_weight, envelope_loss(spoken.log_mel, true_mel)),
            "words": (
                settings.word_weight,
                word_loss(output.words, batch.words, settings.slot_weights),
            ),
            "ctc": (
                settings.ctc_weight,
                ctc_loss(output.characters, batch.labels, batch.label_lengths),
            ),
        }

    def listener(self, number: int) -> SpeechFeatures | None:
        """Return what hears as the recogniser does, where a step learns from that."""
        settings = self._general
        listens = number >= settings.features_from and settings.features_weight > 0
        return self._listener if listens else None

    def mixed_precision(self) -> AbstractContextManager[object]:
        """Return the context of a forward pass."""
        return autocast(self._device, self._general.mixed_precision)

    def validate(self) -> Mapping[str, float]:
        """Return figures of the averaged weights' speech on val."""
        with ExitStack() as stack:
            for part in self.parts.values():
                stack.enter_context(part.averaged())
            speech = list(self._speech())
        self._examples = {
            self._clips.labels[place].id: sound
            for place, sound in zip(self._val_places[:EXAMPLES], speech, strict=False)
        }
        return self._judge.figures(speech)

    def examples(self) -> Mapping[str, np.ndarray]:
        """Return the speech of the first val clips."""
        return self._examples

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Return the averaged weights."""
        return {
            prefix + name: tensor
            for prefix, part in self.parts.items()
            for name, tensor in part.average.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all modules and their optimisers."""
        everything = {**self.parts, **self.helpers}
        return {name: part.state_dict() for name, part in everything.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        for name, part in {**self.parts, **self.helpers}.items():
            part.load_state_dict(state[name])

    def _start(self, recipe: Recipe) -> None:
        """Give the acoustic model a lipreader's weights, and what it is to standardise bands by."""
        acoustic = self.model.acoustic
        assert isinstance(acoustic, AcousticModel)
        if self._general.lipreader:
            pretrained = pretrained_lipreader(recipe, self._general.lipreader)
            start_lipreader(acoustic.lipreader, pretrained)
        sounds = (to_float(self._clips.audio[place])[None] for place in self._train_places)
        mels = [self.log_mel(torch.from_numpy(sound).to(self._device)) for sound in sounds]
        frames = torch.cat(mels).flatten(0, 1)
        acoustic.mel_mean.copy_(frames.mean(0))
        acoustic.mel_deviation.copy_(frames.std(0).clamp(min=0.01))

    def _speech(self) -> Iterator[np.ndarray]:
        """Yield the speech of each val clip, float32 (48000,)."""
        for start in range(0, len(self._val_places), self._general.batch):
            places = self._val_places[start : start + self._general.batch]
            frames = self._batches.reading(places)
            with torch.no_grad(), self.mixed_precision():
                yield from self.model(frames, mirror=self._mirror).float().cpu().numpy()


def total(losses: Losses) -> torch.Tensor:
    """Return the weighted sum."""
    return torch.stack([weight * loss for weight, loss in losses.values()]).sum()


def logged(losses: Losses) -> dict[str, float]:
    """Return each loss by name, without its weight."""
    return {name: float(loss.detach()) for name, (_, loss) in losses.items()}
