"""How a model is trained: what a recipe's [training] and [augmentation] may say."""

import math
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gridkit.corpus.records import FRAMES
from gridkit.errors import RecipeError, UsageError
from gridkit.recipe import Recipe, fill
from gridkit.recipe.model_kinds import kind_of

SELECTIONS = ("best", "last")


@dataclass(frozen=True)
class TrainingSettings:
    """One run of training, whatever is learnt; a learner adds settings of its own."""

    steps: int
    batch: int = 16
    learning_rate: float = 2e-3
    """At its peak: it rises over `warmup_steps` and falls to 0 as a cosine over the rest."""
    warmup_steps: int = 100
    weight_decay: float = 0.01
    clip_norm: float = 5.0
    """Gradients are scaled down to this norm."""
    rise_steps: int = 0
    """Steps over which dropout and the changes of clips rise to what is set: disturbed from the
    start a lipreader learns nothing for a long time, undisturbed it learns its clips by heart."""
    average_decay: float = 0.99
    """The weights that are kept are a moving average over the steps; 0 for the last step's."""
    mixed_precision: bool = True
    """bf16, where the device has instructions for it; on a CPU in the convolutions alone."""
    validate_every: int = 100
    """Steps between validations; a checkpoint is written at each."""
    patience: int = 0
    """Validations without a better figure after which training stops; 0 for never."""
    select: str = "best"
    """Which weights are kept: the `best` on val, or the `last` where val must not decide."""
    seed: int = 0

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from _impossible_numbers(self)
        if self.select not in SELECTIONS:
            yield f"select is {' or '.join(SELECTIONS)}"
        for name in ("steps", "batch", "learning_rate", "clip_norm", "validate_every"):
            if getattr(self, name) == 0:
                yield f"{name} is above 0"
        if self.average_decay >= 1:
            yield "average_decay is below 1"


@dataclass(frozen=True)
class AugmentationSettings:
    """How clips are changed each time they are seen. Video first, then sound."""

    flip: float = 0.5
    """Share of clips mirrored left to right."""
    frame_change: float = 0.05
    """Share of frames dropped or repeated."""
    contrast: float = 0.2
    """Contrast changes by up to this share, brightness by up to half of it."""
    pixel_noise: float = 0.0
    """Deviation of noise on each pixel, of 1."""
    splice: float = 0.0
    """Share of clips that continue as another clip of the same speaker after one of the words."""
    mask_frames: int = 0
    """Up to so many neighbouring frames are replaced by the clip's mean frame."""
    speed: float = 0.0
    """Sound is played faster or slower, pitch and all, by up to this share."""
    level_db: float = 0.0
    """Sound gets louder or softer by up to this."""
    noise_snr_db: float = 0.0
    """Half of the clips get white noise, this far below them or further; 0 for none."""

    def mistakes(self) -> Iterator[str]:
        """Say what is wrong with settings whose types are right."""
        yield from _impossible_numbers(self)
        for name in ("flip", "frame_change", "splice", "speed"):
            if getattr(self, name) > 1:
                yield f"{name} is a share, 0 to 1"
        if self.mask_frames >= FRAMES:
            yield f"mask_frames is below {FRAMES}, the frames of a clip"

    def weakened(self, share: float) -> "AugmentationSettings":
        """Return these changes at a share, 0 to 1, of their strength; mirroring and noise stay."""
        return replace(
            self,
            frame_change=share * self.frame_change,
            contrast=share * self.contrast,
            pixel_noise=share * self.pixel_noise,
            splice=share * self.splice,
            mask_frames=round(share * self.mask_frames),
            speed=share * self.speed,
            level_db=share * self.level_db,
        )


RunSettings = tuple[TrainingSettings, AugmentationSettings]
"""How a run trains; the first is of the class that its learner has settings of."""


def training_settings(recipe: Recipe, overrides: Iterable[str] = ()) -> RunSettings:
    """Return a recipe's settings, replaced by those of the command line.

    Args:
        recipe: whose [training] and [augmentation] are read.
        overrides: as `training.steps=500`, values as in TOML.

    Raises:
        UsageError: an override that is not `table.key=value`.
        RecipeError: an unknown key, or a value of another type or that cannot be.
    """
    tables: dict[str, dict[str, Any]] = {
        "training": dict(recipe.training),
        "augmentation": dict(recipe.augmentation),
    }
    for override in overrides:
        table, key, value = parse_override(override)
        if table not in tables:
            raise UsageError(f"--set {override}: no table {table!r}; use {' or '.join(tables)}")
        tables[table][key] = value
    where = f"recipe {recipe.name}"
    settings_class: type[TrainingSettings] = kind_of(recipe.model).learner.settings_class
    training = fill(settings_class, tables["training"], f"{where} [training]")
    augmentation = fill(AugmentationSettings, tables["augmentation"], f"{where} [augmentation]")
    for table, settings in (("training", training), ("augmentation", augmentation)):
        if mistake := next(settings.mistakes(), None):
            raise RecipeError(f"{where} [{table}]: {mistake}")
    return training, augmentation


def _impossible_numbers(settings: TrainingSettings | AugmentationSettings) -> Iterator[str]:
    """Say which settings no number can be: none is below 0, or without an end."""
    for name, value in vars(settings).items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not (math.isfinite(number) and number >= 0):
                yield f"{name} = {value} is not a number of 0 or more"


def parse_override(text: str) -> tuple[str, str, Any]:
    """Return table, key and value of one override.

    Raises:
        UsageError: it is not `table.key=value`.

    >>> parse_override("training.steps=500")
    ('training', 'steps', 500)
    """
    name, equals, value = text.partition("=")
    table, dot, key = name.strip().partition(".")
    if not (equals and dot and key):
        raise UsageError(f"--set {text}: expected table.key=value, for example training.steps=500")
    try:
        return table, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return table, key, value.strip()
