"""A handful of small made-up clips that a small model can tell apart."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.models.frames import FrameInput
from gridkit.models.lipnet import COMPACT
from gridkit.recipe import ModelSettings, Recipe
from gridkit.recipe.model_kinds import kind_of
from gridkit.train import loop
from gridkit.train.clips import Label, TrainingClips
from gridkit.train.ctc import CtcLearner, CtcSettings
from gridkit.train.settings import AugmentationSettings

MODEL = replace(
    COMPACT,
    height_px=12,
    width_px=24,
    channels=(4, 4, 4),
    hidden=24,
    recurrent_dropout=0.1,
)
SETTINGS = CtcSettings(
    steps=12, batch=2, warmup_steps=2, validate_every=4, learning_rate=5e-3, average_decay=0.9
)
AUGMENTATION = AugmentationSettings(mask_frames=3, pixel_noise=0.01)
TEXTS = ("bin", "lay", "set", "bin")


def made_up_clips(seed: int = 0) -> TrainingClips:
    """Four clips of 75 frames, 14 x 28 gray; the last one validates."""
    rng = np.random.default_rng(seed)
    labels = tuple(
        Label(f"x1/clip{index}", "val" if index == 3 else "train", text, (Word(text, 0.5, 1.5),))
        for index, text in enumerate(TEXTS)
    )
    frames = rng.integers(0, 256, (len(TEXTS), 75, 14, 28, 1), dtype=np.uint8)
    audio = rng.integers(-3000, 3000, (len(TEXTS), 48_000), dtype=np.int16)
    return TrainingClips(labels, frames, audio)


def recipe_of(model: ModelSettings, frame_input: FrameInput | None = None) -> Recipe:
    """A recipe of a model, as if its file had been read."""
    return Recipe(
        name="made-up",
        task=kind_of(model).task,
        licence="Apache-2.0",
        training_speakers=(),
        split="s1",
        model=model,
        input=frame_input,
        training={},
        augmentation={},
    )


def learner(
    model: ModelSettings,
    clips: TrainingClips,
    settings: CtcSettings,
    augmentation: AugmentationSettings,
    frame_input: FrameInput | None = None,
) -> CtcLearner:
    """A learner of a model, on the CPU."""
    return CtcLearner(recipe_of(model, frame_input), clips, settings, augmentation, "cpu")


def train(
    model: ModelSettings,
    clips: TrainingClips,
    folder: Path,
    settings: CtcSettings,
    augmentation: AugmentationSettings,
    *,
    frame_input: FrameInput | None = None,
    **more: Any,
) -> loop.Outcome:
    """Train a model, or resume; further arguments as those of `gridkit.train.loop.train`."""
    made = learner(model, clips, settings, augmentation, frame_input)
    return loop.train(made, folder, settings, **more)
