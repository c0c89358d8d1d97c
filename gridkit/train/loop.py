"""The training loop: steps, validation, checkpoints, until it is to stop. It knows no task.

It needs torch, numpy and safetensors alone. A step depends on nothing but the state in the
checkpoint and its own number: torch's generator is seeded by it, and a learner draws clips and
their changes from (seed, step). So on a CPU a run that was killed and resumed ends with the same
bits as one that was not.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gridkit.errors import CheckpointError
from gridkit.train.checkpoint import load_checkpoint, save_checkpoint
from gridkit.train.learner import Learner
from gridkit.train.schedule import learning_rate
from gridkit.train.settings import TrainingSettings

SMOOTHING = 0.95
"""Of the losses that are shown."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands; reported after every step."""

    step: int
    steps: int
    losses: Mapping[str, float]
    """By name, smoothed."""
    learning_rate: float
    clips_per_second: float
    left_s: float
    figures: Mapping[str, float]
    """By name, at the last validation; empty before the first."""
    best: Mapping[str, float]
    """The figure that selects, at its best."""
    validated: bool
    """Whether this step ended in a validation."""
    examples: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Sounds that the validation made, float32 (N,), 16 kHz; none between validations."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or where it stands."""

    step: int
    reason: str
    """`finished`, `time` or `no-improvement`; `running` before the end."""
    figures: Mapping[str, float]
    """On val, of the weights that are kept; empty before the first validation."""
    weights: Mapping[str, torch.Tensor]


def train(
    learner: Learner,
    folder: Path,
    settings: TrainingSettings,
    *,
    minutes: float | None = None,
    checkpoint_part_bytes: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    kept: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Let a learner learn, or continue where the folder's checkpoint stands.

    Args:
        learner: untrained.
        folder: of the run; checkpoints go there.
        settings: how long, how often it is validated, which weights are kept.
        minutes: stop, with a checkpoint, after so long.
        checkpoint_part_bytes: the largest file of a checkpoint.
        report: called after every step.
        kept: called with the weights of each checkpoint before it is saved, and with those of the
            checkpoint that a run resumes from.

    Raises:
        TrainingError: a loss is not a finite number.
        CheckpointError: the folder's checkpoint is damaged, or of a run with other settings.
    """
    run = _Run(learner, settings)
    state = load_checkpoint(folder)
    if state is not None:
        run.restore(state, folder)
        kept(run.outcome("running"))
    started_s = time.monotonic()
    first_step = run.step
    reason = "finished"
    while run.step < settings.steps:
        run.learn()
        due = run.step % settings.validate_every == 0 or run.step == settings.steps
        out_of_time = minutes is not None and time.monotonic() - started_s > 60 * minutes
        if due:
            run.validate()
        if due or out_of_time:
            # first: what cannot be kept must not be where the run resumes either
            kept(run.outcome("running"))
            save_checkpoint(folder, run.state(), checkpoint_part_bytes)
        step_s = (time.monotonic() - started_s) / (run.step - first_step)
        report(run.progress(step_s, validated=due))
        if due and settings.patience and run.validations_since_best >= settings.patience:
            reason = "no-improvement"
            break
        if out_of_time:
            reason = "time"
            break
    return run.outcome(reason)


class _Run:
    """A learner, and where its run stands."""

    def __init__(self, learner: Learner, settings: TrainingSettings):
        self._learner, self._settings = learner, settings
        self.step = 0
        self._losses: dict[str, float] = {}
        self._figures: dict[str, float] = {}
        self._best_figures: dict[str, float] = {}
        self._best_weights = _copy(learner.weights())
        self.validations_since_best = 0

    def learn(self) -> None:
        """Take one step."""
        torch.manual_seed(self._settings.seed * 1_000_003 + self.step)
        losses = self._learner.step(self.step)
        self.step += 1
        for name, value in losses.items():
            if name in self._losses:
                value = SMOOTHING * self._losses[name] + (1 - SMOOTHING) * value
            self._losses[name] = value

    def validate(self) -> None:
        """Measure the learner on val, and keep its weights if they are the best."""
        self._figures = dict(self._learner.validate())
        merit = self._learner.selection.merit
        now, best = merit(self._figures), float("-inf")
        if self._best_figures:
            best = merit(self._best_figures)
        improved = now > best or not self._best_figures
        self.validations_since_best = 0 if improved else self.validations_since_best + 1
        # of equals the later: it has seen more
        if now >= best:
            self._best_figures = self._figures
            self._best_weights = _copy(self._learner.weights())

    def progress(self, step_s: float, *, validated: bool) -> Progress:
        """Return where the run stands, at so many seconds per step."""
        settings, figure = self._settings, self._learner.selection.figure
        return Progress(
            step=self.step,
            steps=settings.steps,
            losses=dict(self._losses),
            learning_rate=learning_rate(settings, self.step - 1),
            clips_per_second=settings.batch / step_s,
            left_s=step_s * (settings.steps - self.step),
            figures=self._figures,
            best={name: value for name, value in self._best_figures.items() if name == figure},
            validated=validated,
            examples=self._learner.examples() if validated else {},
        )

    def outcome(self, reason: str) -> Outcome:
        """Return the weights that are kept."""
        if self._settings.select == "last":
            return Outcome(self.step, reason, self._figures, self._learner.weights())
        return Outcome(self.step, reason, self._best_figures, self._best_weights)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {
            "key": dict(self._learner.key),
            "step": self.step,
            "losses": self._losses,
            "figures": self._figures,
            "best_figures": self._best_figures,
            "best_weights": self._best_weights,
            "validations_since_best": self.validations_since_best,
            "learner": self._learner.state_dict(),
        }

    def restore(self, state: dict[str, Any], folder: Path) -> None:
        """Continue from a checkpoint.

        Raises:
            CheckpointError: it is of a run with other settings or clips, or of an older gridkit.
        """
        if "learner" not in state:
            raise CheckpointError(
                f"the checkpoint in {folder} was written by an older gridkit, which this one "
                "cannot continue; start again with another --out"
            )
        own, other = self._learner.key, state["key"]
        differing = sorted(
            name for name in own.keys() | other.keys() if own.get(name) != other.get(name)
        )
        if differing:
            raise CheckpointError(
                f"the checkpoint in {folder} is of another run; it differs in "
                f"{', '.join(differing)}; use the same settings, or another --out"
            )
        self._learner.load_state_dict(state["learner"])
        self.step, self._losses = state["step"], state["losses"]
        self._figures, self._best_figures = state["figures"], state["best_figures"]
        self._best_weights = state["best_weights"]
        self.validations_since_best = state["validations_since_best"]


def _copy(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in weights.items()}
