"""A handful of small made-up clips that a small model can tell apart."""

from dataclasses import replace

import numpy as np

from gridkit.corpus.alignment import Word
from gridkit.models.lipnet import COMPACT
from gridkit.train.clips import Label, TrainingClips
from gridkit.train.settings import AugmentationSettings, TrainingSettings

MODEL = replace(
    COMPACT,
    height_px=12,
    width_px=24,
    channels=(4, 4, 4),
    hidden=24,
    recurrent_dropout=0.1,
)
SETTINGS = TrainingSettings(
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
