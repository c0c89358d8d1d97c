"""A training of each kind of voice, small enough for a test; a process of its own runs it too."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from gridkit.recipe.model_kinds import kind_of
from gridkit.train import loop
from gridkit.train.lip2audspec import Lip2AudSpecTraining
from gridkit.train.v2s_gan import V2SGanTraining
from gridkit.train.v2s_mel import V2SMelTraining
from support.lip2audspec import SMALL
from support.training_clips import AUGMENTATION, made_up_clips, recipe_of
from support.v2s import GAN, MEL

GENERAL = {
    "steps": 6, "batch": 2, "warmup_steps": 2, "validate_every": 2, "average_decay": 0.9,
}  # fmt: skip
VOICES = {
    "gan": (GAN, V2SGanTraining(**GENERAL, critic_from=2, critic_first_steps=1)),
    "mel": (MEL, V2SMelTraining(**GENERAL, predicted_from=2)),
    "lip2audspec": (SMALL, Lip2AudSpecTraining(**GENERAL, autoencoder_steps=2)),
}


def train_voice(
    kind: str, folder: Path, report: Callable[[loop.Progress], None] = lambda _progress: None
) -> loop.Outcome:
    """Train a voice of a kind, or go on with its training."""
    model, settings = VOICES[kind]
    clips = made_up_clips()
    if kind == "lip2audspec":  # which takes larger pictures
        frames = np.random.default_rng(0).integers(0, 256, (4, 75, 18, 36, 1), dtype=np.uint8)
        clips = replace(clips, frames=frames)
    learner = kind_of(model).learner(recipe_of(model), clips, settings, AUGMENTATION, "cpu")
    return loop.train(learner, folder, settings, report=report)
