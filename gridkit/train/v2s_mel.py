"""The mel model of `gridkit.models.v2s_mel` learns: first the spectrogram, then its vocoder.

Both learn in every step, each from its own losses. The acoustic model follows the spectrogram of
the true sound, the words, and what a recogniser hears. The vocoder makes the true sound from
spectrograms that are blurred over time and noisy, as predicted ones are, and from predicted ones.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gridkit.dsp.mel import HOP_SAMPLES
from gridkit.models.frames import FrameWindow
from gridkit.models.mel import LogMelSpectrogram
from gridkit.models.v2s_mel import AcousticModel, Spoken, V2SMel
from gridkit.recipe import Recipe, build_model
from gridkit.train.augment import to_float
from gridkit.train.batches import Batch, FrameBatches, clips_of_step
from gridkit.train.clips import TrainingClips, check_frames
from gridkit.train.ctc import DROPOUTS, SlotWeights
from gridkit.train.learner import Selection, run_key
from gridkit.train.losses import ctc_loss, features_loss, power_loss, stft_loss, word_loss
from gridkit.train.memory import keep_freed_memory
from gridkit.train.optimised import Optimised
from gridkit.train.precision import autocast, bf16_products
from gridkit.train.pretrained import pretrained_lipreader, pretrained_recogniser, start_lipreader
from gridkit.train.schedule import strength
from gridkit.train.settings import AugmentationSettings, TrainingSettings
from gridkit.train.speech_features import SpeechFeatures
from gridkit.train.speech_figures import SpeechJudge

LARGEST_LOSS = 1e3
VOCODER_FRAMES = 64
"""Of the pieces of spectrograms that the vocoder learns from: 0.64 s."""
WIDEST_BLUR_FRAMES = 4.0
"""Deviation of the Gaussian over time, in frames of the spectrogram."""
LOUDEST_NOISE = 0.3
"""Deviation of the noise on blurred spectrograms, natural logarithm."""
POWER = 0.3


@dataclass(frozen=True)
class V2SMelTraining(TrainingSettings):
    """What the [training] table of a mel model may say."""

    lipreader: str = ""
    """Recipe whose weights the lipreader starts from; empty for none."""
    lipreader_rate: float = 0.1
    """The lipreader's share of the learning rate."""
    recogniser: str = ""
    """Recipe of the recogniser that listens."""
    power_weight: float = 0.5
    word_weight: float = 0.3
    ctc_weight: float = 0.1
    features_weight: float = 0.3
    features_from: int = 2000
    """The step from which the recogniser listens to the training."""
    predicted_from: int = 1000
    """The step from which half of what the vocoder learns from is predicted."""
    slot_weights: SlotWeights = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


class V2SMelLearner:
    """See `gridkit.train.learner.Learner`."""

    settings_class = V2SMelTraining
    selection = Selection("estoi", higher_is_better=True)

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: V2SMelTraining,
        augmentation: AugmentationSettings,
        device: str,
    ):
        assert isinstance(recipe.model, FrameWindow)
        check_frames(recipe.model, clips)
        self.key = run_key(recipe, clips, settings)
        self._clips, self._settings, self._augmentation = clips, settings, augmentation
        self._device, self._mirror = device, recipe.mirror
        self._train_places, self._val_places = clips.places("train"), clips.places("val")
        window = (recipe.model.height_px, recipe.model.width_px)
        self._batches = FrameBatches(clips, window, device, with_sound=True)
        self._log_mel = LogMelSpectrogram().to(device)
        recogniser = pretrained_recogniser(recipe, settings.recogniser).to(device)
        self._listener = SpeechFeatures(recogniser)
        self._judge = SpeechJudge(
            (clips.audio[place] for place in self._val_places),
            (clips.labels[place].text for place in self._val_places),
            recogniser,
        )
        torch.manual_seed(settings.seed)
        model = build_model(recipe.model)
        assert isinstance(model, V2SMel)
        if settings.lipreader:
            start_lipreader(
                model.acoustic.lipreader, pretrained_lipreader(recipe, settings.lipreader)
            )
        self._model = model.to(device)
        self._set_mel_statistics(model.acoustic)
        layers = [layer for layer in model.modules() if isinstance(layer, DROPOUTS)]
        self._dropouts = [(layer, layer.p) for layer in layers]
        if device == "cpu":
            keep_freed_memory()
        rates = {"lipreader.": settings.lipreader_rate} if settings.lipreader else {}
        self._parts = {
            "acoustic": Optimised(model.acoustic, settings, LARGEST_LOSS, rates),
            "vocoder": Optimised(model.vocoder, settings, LARGEST_LOSS),
        }

    def step(self, number: int) -> Mapping[str, float]:
        """Learn from one batch, the acoustic model first."""
        settings, share = self._settings, strength(self._settings, number)
        places = clips_of_step(self._train_places, settings.batch, settings.seed, number)
        augmentation = self._augmentation.weakened(share)
        batch = self._batches.training(places, settings.seed, number, augmentation)
        assert batch.sound is not None
        for layer, dropout in self._dropouts:
            layer.p = share * dropout
        self._model.train()
        true_mel = self._log_mel(batch.sound)
        with bf16_products(self._device, settings.mixed_precision):
            with autocast(self._device, settings.mixed_precision):
                spoken = self._model.acoustic(batch.inputs)
            losses = self._acoustic_losses(spoken, true_mel, batch, number)
            loss = torch.stack([weight * loss for weight, loss in losses.values()]).sum()
            self._parts["acoustic"].descend(loss, number)
            predicted = spoken.log_mel.detach() if number >= settings.predicted_from else None
            vocoder = self._learn_vocoder(true_mel, predicted, batch.sound, number)
        return {name: float(value.detach()) for name, (_, value) in losses.items()} | vocoder

    def _acoustic_losses(
        self, spoken: Spoken, true_mel: torch.Tensor, batch: Batch, number: int
    ) -> dict[str, tuple[float, torch.Tensor]]:
        """Return each loss by name, with its weight."""
        settings = self._settings
        deviation = self._model.acoustic.mel_deviation
        losses = {
            "mel": (1.0, functional.l1_loss(spoken.log_mel / deviation, true_mel / deviation)),
            "power": (settings.power_weight, power_loss(spoken.log_mel, true_mel, POWER)),
            "words": (
                settings.word_weight,
                word_loss(spoken.output.words, batch.words, settings.slot_weights),
            ),
            "ctc": (
                settings.ctc_weight,
                ctc_loss(spoken.output.characters, batch.labels, batch.label_lengths),
            ),
        }
        if number >= settings.features_from:
            with torch.no_grad():
                true, _ = self._listener.of_mel(true_mel)
            said, _ = self._listener.of_mel(spoken.log_mel)
            losses["features"] = settings.features_weight, features_loss(said, true)
        return losses

    def _learn_vocoder(
        self,
        true_mel: torch.Tensor,
        predicted: torch.Tensor | None,
        sound: torch.Tensor,
        number: int,
    ) -> dict[str, float]:
        """Let the vocoder learn from a piece of each clip."""
        first = int(torch.randint(true_mel.shape[1] - VOCODER_FRAMES, ()))
        frames = slice(first, first + VOCODER_FRAMES)
        mel = blurred(true_mel)[:, frames]
        if predicted is not None:
            mel = torch.cat([mel[0::2], predicted[1::2, frames]])
            sound = torch.cat([sound[0::2], sound[1::2]])
        piece = sound[:, HOP_SAMPLES * frames.start : HOP_SAMPLES * frames.stop]
        with autocast(self._device, self._settings.mixed_precision):
            said = self._model.vocoder(mel)
        mel_loss = functional.l1_loss(self._log_mel(said), self._log_mel(piece))
        spectra = stft_loss(said, piece)
        self._parts["vocoder"].descend(mel_loss + spectra, number)
        return {"vocoder_mel": float(mel_loss.detach()), "vocoder_stft": float(spectra.detach())}

    def validate(self) -> Mapping[str, float]:
        """Return figures of the averaged weights' speech on val."""
        with self._averaged():
            return self._judge.figures(list(self._speech()))

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Return the averaged weights."""
        return {
            f"{name}.{weight}": tensor
            for name, part in self._parts.items()
            for weight, tensor in part.average.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both parts and their optimisers."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        with self._parts["acoustic"].averaged(), self._parts["vocoder"].averaged():
            yield

    def _speech(self) -> Iterator[np.ndarray]:
        for start in range(0, len(self._val_places), self._settings.batch):
            places = self._val_places[start : start + self._settings.batch]
            frames = self._batches.reading(places)
            with torch.no_grad(), autocast(self._device, self._settings.mixed_precision):
                yield from self._model(frames, mirror=self._mirror).float().cpu().numpy()

    def _set_mel_statistics(self, acoustic: AcousticModel) -> None:
        """Give the model the mean and the deviation of each band over the training clips."""
        mels = [
            self._log_mel(
                torch.from_numpy(to_float(self._clips.audio[place])[None]).to(self._device)
            )
            for place in self._train_places
        ]
        frames = torch.cat(mels).flatten(0, 1)
        acoustic.mel_mean.copy_(frames.mean(0))
        acoustic.mel_deviation.copy_(frames.std(0))


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
