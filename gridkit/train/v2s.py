"""What the learners of video-to-speech share: batches with sound, the losses of words, val.

A learner adds its model's losses. Those of models with an acoustic model are in v2s_acoustic.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gridkit.compute.memory import keep_freed_memory
from gridkit.models.frames import FrameWindow
from gridkit.models.heads import Output
from gridkit.models.recogniser import Recogniser
from gridkit.recipe import Recipe, build_model
from gridkit.train.augment import to_float
from gridkit.train.batches import Batch, FrameBatches, clips_of_step
from gridkit.train.clips import TrainingClips, check_frames
from gridkit.train.ctc import DROPOUTS, SlotWeights
from gridkit.train.learner import Selection, run_key
from gridkit.train.losses import ctc_loss, word_loss
from gridkit.train.optimised import Optimised
from gridkit.train.precision import autocast
from gridkit.train.pretrained import pretrained_recogniser
from gridkit.train.schedule import strength
from gridkit.train.settings import AugmentationSettings, TrainingSettings
from gridkit.train.speech_figures import SpeechJudge

LARGEST_LOSS = 1e3

EXAMPLES = 3
"""Val clips whose speech is logged."""

Losses = dict[str, tuple[float, torch.Tensor]]
"""By name: weight, and loss."""


@dataclass(frozen=True)
class V2STraining(TrainingSettings):
    """What the [training] table of any video-to-speech model may say."""

    recogniser: str = ""
    """Recipe of the recogniser that listens, in training and to val; empty for none."""
    word_weight: float = 0.3
    ctc_weight: float = 0.1
    slot_weights: SlotWeights = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    """Of frames in which a word of each slot is said, in the word loss."""


class V2SLearner(ABC):
    """A learner without its step; see `gridkit.train.learner.Learner`.

    The model maps frames and `mirror` to sound.
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
        self.recogniser: Recogniser | None = None
        if settings.recogniser:
            self.recogniser = pretrained_recogniser(recipe, settings.recogniser).to(device)
        self._judge = SpeechJudge(
            [clips.audio[place] for place in self._val_places],
            [clips.labels[place].text for place in self._val_places],
            self.recogniser,
        )
        self._examples: dict[str, np.ndarray] = {}
        torch.manual_seed(settings.seed)
        self.model = build_model(recipe.model).to(device)
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

    def batch(self, number: int) -> Batch:
        """Return what a step learns from, and set the model up for it."""
        settings, share = self._general, strength(self._general, number)
        places = clips_of_step(self._train_places, settings.batch, settings.seed, number)
        augmentation = self._augmentation.weakened(share)
        for layer, dropout in self._dropouts:
            layer.p = share * dropout
        self.model.train()
        return self._batches.training(places, settings.seed, number, augmentation)

    def word_losses(self, output: Output, batch: Batch) -> Losses:
        """Return what a lipreader is told of its words and characters."""
        settings = self._general
        words = word_loss(output.words, batch.words, settings.slot_weights)
        characters = ctc_loss(output.characters, batch.labels, batch.label_lengths)
        return {"words": (settings.word_weight, words), "ctc": (settings.ctc_weight, characters)}

    def train_sounds(self) -> Iterator[torch.Tensor]:
        """Yield the sound of each train clip, -1 to 1, float32 (1, 48000)."""
        for place in self._train_places:
            yield torch.from_numpy(to_float(self._clips.audio[place])[None]).to(self._device)

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
