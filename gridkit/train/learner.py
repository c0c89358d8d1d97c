"""What the training loop asks of a task: a learner takes steps, validates itself, and is saved.

`gridkit.train.ctc` is one; docs/add-a-recipe.md shows how another is written.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch

from gridkit.recipe import Recipe
from gridkit.train.clips import TrainingClips
from gridkit.train.settings import TrainingSettings


@dataclass(frozen=True)
class Selection:
    """Which figure of `validate` decides which weights are kept and when training stops."""

    figure: str
    higher_is_better: bool

    def merit(self, figures: Mapping[str, float]) -> float:
        """Return a number that is higher for better figures; NaN is the worst.

        >>> Selection("wer", higher_is_better=False).merit({"wer": 0.25})
        -0.25
        """
        value = figures[self.figure]
        if value != value:
            return float("-inf")
        return value if self.higher_is_better else -value


class Learner(Protocol):
    """A model that learns, with its clips and its losses; all that differs from task to task.

    It is made of a recipe: `Learner(recipe, clips, settings, augmentation, device)`.
    """

    selection: Selection

    @property
    def key(self) -> Mapping[str, Any]:
        """What a checkpoint must agree with; see `run_key`."""
        ...

    def step(self, number: int) -> Mapping[str, float]:
        """Learn from one batch, and return each loss under its name.

        Args:
            number: of the step, from 0. What happens may depend on it and on the state alone;
                torch's generator is seeded by it.

        Raises:
            TrainingError: a loss is not a finite number.
        """
        ...

    def validate(self) -> Mapping[str, float]:
        """Measure the weights that would be kept on the val clips; return figures by name."""
        ...

    def examples(self) -> Mapping[str, np.ndarray]:
        """Return sounds that the last validation made, float32 (N,), 16 kHz, by the clip's id.

        They are logged. A task without sound has none.
        """
        ...

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Return the weights that would be kept now, under the names that a recipe stores."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs: tensors, numbers, text, lists, dicts."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state."""
        ...


def run_key(recipe: Recipe, clips: TrainingClips, settings: TrainingSettings) -> dict[str, Any]:
    """Return what two runs must share for one to continue where the other stopped.

    Rates, weights of losses and augmentation may change from one piece of a run to the next. What
    the weights are built on may not: the recipe that a run writes says it of all its steps.
    """
    ids = "\n".join(f"{label.subset} {label.id}" for label in clips.labels)
    model = {f"model {name}": str(value) for name, value in vars(recipe.model).items()}
    frame_input = {} if recipe.input is None else asdict(recipe.input)
    frames = {f"input {name}": str(value) for name, value in frame_input.items()}
    data = {"clips": hashlib.sha256(ids.encode()).hexdigest(), **frames}
    others = {name: getattr(settings, name, "") for name in ("lipreader", "recogniser")}
    origin = {"recipe": recipe.name, "built_on": " ".join(recipe.built_on), **others}
    return model | data | origin | {"seed": settings.seed, "batch": settings.batch}
