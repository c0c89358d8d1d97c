"""How the learning rate and the strength of augmentation go from the first step to the last."""

from math import cos, pi

from gridkit.train.settings import TrainingSettings


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Return the rate of a step: a straight rise, then a cosine down to 0 at the last step."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * rise * (1 + cos(pi * min(1.0, max(0.0, done)))) / 2


def strength(settings: TrainingSettings, step: int) -> float:
    """Return the share of dropout and of the changes of clips that a step has, 0 to 1.

    It rises in fifths: a GPU compiles the convolutions again for each strength of dropout.
    """
    if step >= settings.rise_steps:
        return 1.0
    return 5 * step // settings.rise_steps / 5
