"""Readers and recognisers learn: CTC over characters, and the words frame by frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gridkit.compute.memory import keep_freed_memory
from gridkit.metrics.edit_distance import edit_distance
from gridkit.models.decoding import greedy
from gridkit.models.frames import FrameWindow
from gridkit.models.heads import Output
from gridkit.recipe import Recipe, build_model
from gridkit.train.batches import FrameBatches, SoundBatches, clips_of_step
from gridkit.train.clips import TrainingClips, check_frames
from gridkit.train.learner import Selection, run_key
from gridkit.train.losses import ctc_loss, word_loss
from gridkit.train.optimised import Optimised
from gridkit.train.precision import autocast, bf16_products
from gridkit.train.schedule import strength
from gridkit.train.settings import AugmentationSettings, TrainingSettings

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
LARGEST_LOSS = 1e3
"""A hundred times what untrained weights have: weights with more are lost."""

SlotWeights = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class CtcSettings(TrainingSettings):
    """What the [training] table of a reader or a recogniser may say."""

    word_loss_weight: float = 1.0
    """Of the frame-by-frame word loss; that of CTC is 1."""
    slot_weights: SlotWeights = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    """Of frames in which a word of each slot is said, in the word loss: half of GRID's words are
    letters, but they fill a twelfth of its time, and are the hardest to tell apart; prepositions
    are as short."""


class CtcLearner:
    """A model with both heads of `gridkit.models.heads`; see `gridkit.train.learner.Learner`."""

    settings_class = CtcSettings
    selection = Selection("wer", higher_is_better=False)

    def __init__(
        self,
        recipe: Recipe,
        clips: TrainingClips,
        settings: CtcSettings,
        augmentation: AugmentationSettings,
        device: str,
    ):
        self.key = run_key(recipe, clips, settings)
        self._clips, self._settings, self._augmentation = clips, settings, augmentation
        self._device = device
        self._train_places, self._val_places = clips.places("train"), clips.places("val")
        self.batches: FrameBatches | SoundBatches
        if isinstance(recipe.model, FrameWindow):
            check_frames(recipe.model, clips)
            window = (recipe.model.height_px, recipe.model.width_px)
            self.batches = FrameBatches(clips, window, device)
        else:
            self.batches = SoundBatches(clips, device)
        torch.manual_seed(settings.seed)
        model = build_model(recipe.model).to(device)
        layers = [layer for layer in model.modules() if isinstance(layer, DROPOUTS)]
        self._dropouts = [(layer, layer.p) for layer in layers]
        if device == "cpu":
            keep_freed_memory()
        else:
            assert isinstance(model.front, nn.Module)
            model.front.compile()  # in place: names of weights stay as they are
        self.optimised = Optimised(model, settings, LARGEST_LOSS)

    def step(self, number: int) -> Mapping[str, float]:
        """Learn from one batch."""
        settings, share = self._settings, strength(self._settings, number)
        places = clips_of_step(self._train_places, settings.batch, settings.seed, number)
        augmentation = self._augmentation.weakened(share)
        batch = self.batches.training(places, settings.seed, number, augmentation)
        for layer, dropout in self._dropouts:
            layer.p = share * dropout
        self.optimised.module.train()
        with bf16_products(self._device, settings.mixed_precision):
            output = self._forward(batch.inputs)
            ctc = ctc_loss(output.characters, batch.labels, batch.label_lengths)
            words = word_loss(output.words, batch.words, settings.slot_weights)
            loss = self.optimised.descend(ctc + settings.word_loss_weight * words, number)
        return {"loss": loss, "ctc": float(ctc.detach()), "words": float(words.detach())}

    def validate(self) -> Mapping[str, float]:
        """Return the word error rate of the averaged weights on val, by greedy decoding."""
        texts = self._read(self._val_places)
        said = [self._clips.labels[place].text.split() for place in self._val_places]
        errors = sum(map(edit_distance, said, (text.split() for text in texts)))
        return {"wer": errors / sum(map(len, said))}

    def examples(self) -> Mapping[str, np.ndarray]:
        """Return none: it makes no sound."""
        return {}

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Return the averaged weights."""
        return self.optimised.average

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the model and its optimiser."""
        return self.optimised.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        self.optimised.load_state_dict(state)

    def _forward(self, inputs: torch.Tensor) -> Output:
        with autocast(self._device, self._settings.mixed_precision):
            output: Output = self.optimised.module(inputs)
        return output

    def _read(self, places: np.ndarray) -> list[str]:
        texts: list[str] = []
        with torch.no_grad(), self.optimised.averaged():
            for start in range(0, len(places), self._settings.batch):
                inputs = self.batches.reading(places[start : start + self._settings.batch])
                log_probs = self._forward(inputs).characters.log_softmax(-1).cpu().numpy()
                texts += [greedy(clip).text for clip in log_probs]
        return texts
