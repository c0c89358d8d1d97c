"""The training loop: steps, validation, checkpoints, until it is told to stop.

It needs torch and numpy alone. A step depends on nothing but the state in the checkpoint and its
own number: clips, their changes and dropout are drawn from (seed, step). So on a CPU a run that
was killed and resumed ends with the same bits as one that was not.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gridkit.corpus.grammar import SLOTS
from gridkit.errors import CheckpointError, TrainingError
from gridkit.models.decoding import greedy
from gridkit.models.frames import FrameInput
from gridkit.models.heads import Output
from gridkit.models.lipnet import LipNet, LipNetSettings
from gridkit.recipe import ModelSettings, build_model, restore, weights_of
from gridkit.train.batches import Batch, FrameBatches, SoundBatches, clips_of_step
from gridkit.train.checkpoint import load_checkpoint, save_checkpoint
from gridkit.train.clips import TrainingClips
from gridkit.train.memory import keep_freed_memory
from gridkit.train.score import ErrorRate, word_errors
from gridkit.train.settings import AugmentationSettings, TrainingSettings

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)

LARGEST_LOSS = 1e3
"""A hundred times what untrained weights have: weights with more are lost."""
SMOOTHING = 0.95
"""Of the loss that is shown."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands; reported after every step."""

    step: int
    steps: int
    loss: float
    """Smoothed."""
    learning_rate: float
    clips_per_second: float
    left_s: float
    val_wer: float | None
    """Greedy, at the last validation."""
    best_wer: float | None
    validated: bool
    """Whether this step ended in a validation."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or where it stands."""

    step: int
    reason: str
    """`finished`, `time` or `no-improvement`; `running` before the end."""
    val_wer: float | None
    """Of the weights that are kept."""
    weights: dict[str, torch.Tensor]


def train(
    model_settings: ModelSettings,
    clips: TrainingClips,
    folder: Path,
    settings: TrainingSettings,
    augmentation: AugmentationSettings,
    *,
    look: FrameInput | None = None,
    device: str = "cpu",
    minutes: float | None = None,
    checkpoint_part_bytes: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    kept: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Train a model, or go on where the folder's checkpoint stands.

    Args:
        model_settings: which model.
        clips: to train and validate on.
        folder: of the run; checkpoints go there.
        settings: how.
        augmentation: how clips are changed.
        look: how the frames were made of the crop; a run does not go on with others.
        device: `cpu` or `cuda`.
        minutes: stop, with a checkpoint, after so long.
        checkpoint_part_bytes: the largest file of a checkpoint.
        report: called after every step.
        kept: called with the weights of each checkpoint once it is saved, and with those of the
            checkpoint that a run goes on from.

    Raises:
        TrainingError: the loss is no finite number.
        CheckpointError: the folder's checkpoint is damaged, or of a run with other settings.
    """
    run = Trainer(model_settings, clips, settings, augmentation, device, look)
    state = load_checkpoint(folder, device)
    if state is not None:
        run.restore(state, folder)
        kept(run.outcome("running"))
    started_s = time.monotonic()
    first_step = run.step
    reason = "finished"
    while run.step < settings.steps:
        loss, rate = run.learn()
        due = run.step % settings.validate_every == 0 or run.step == settings.steps
        out_of_time = minutes is not None and time.monotonic() - started_s > 60 * minutes
        if due:
            run.validate()
        if due or out_of_time:
            save_checkpoint(folder, run.state(), checkpoint_part_bytes)
            kept(run.outcome("running"))
        elapsed_s = time.monotonic() - started_s
        step_s = elapsed_s / (run.step - first_step)
        report(
            Progress(
                run.step,
                settings.steps,
                loss,
                rate,
                settings.batch / step_s,
                step_s * (settings.steps - run.step),
                run.val_wer,
                run.best_wer,
                due,
            )
        )
        if due and settings.patience and run.validations_since_best >= settings.patience:
            reason = "no-improvement"
            break
        if out_of_time:
            reason = "time"
            break
    return run.outcome(reason)


class Trainer:
    """A model, its optimizer, and where they stand; `learn` takes a step.

    Arguments as those of `train`.
    """

    def __init__(
        self,
        model_settings: ModelSettings,
        clips: TrainingClips,
        settings: TrainingSettings,
        augmentation: AugmentationSettings,
        device: str,
        look: FrameInput | None = None,
    ):
        check_clips(model_settings, clips)
        self.settings, self.augmentation, self.device = settings, augmentation, device
        self.key = _key(model_settings, clips, settings, look)
        self.clips = clips
        self.train_places, self.val_places = clips.places("train"), clips.places("val")
        self.batches: FrameBatches | SoundBatches
        torch.manual_seed(settings.seed)
        self.model = build_model(model_settings).to(device)
        layers = [layer for layer in self.model.modules() if isinstance(layer, DROPOUTS)]
        self.dropouts = [(layer, layer.p) for layer in layers]
        if isinstance(self.model, LipNet):
            window = (self.model.settings.height_px, self.model.settings.width_px)
            self.batches = FrameBatches(clips, window, device)
        else:
            self.batches = SoundBatches(clips, device)
        if device == "cpu":
            keep_freed_memory()
        else:
            # in place: names of weights stay as they are
            self.model.front.compile()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.average = {name: t.clone() for name, t in weights_of(self.model).items()}
        self.best = {name: t.clone() for name, t in self.average.items()}
        self.step = 0
        self.loss = 0.0
        self.val_wer: float | None = None
        self.best_wer: float | None = None
        self.validations_since_best = 0

    def learn(self) -> tuple[float, float]:
        """Take one step; return the smoothed loss and the learning rate."""
        settings = self.settings
        places = clips_of_step(self.train_places, settings.batch, settings.seed, self.step)
        share = strength(settings, self.step)
        augmentation = self.augmentation.weakened(share)
        batch = self.batches.training(places, settings.seed, self.step, augmentation)
        for layer, dropout in self.dropouts:
            layer.p = share * dropout
        torch.manual_seed(settings.seed * 1_000_003 + self.step)
        rate = learning_rate(settings, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        with _bf16_products(settings.mixed_precision):
            return self._descend(batch), rate

    def _descend(self, batch: Batch) -> float:
        """Follow the gradient of one batch; return the smoothed loss."""
        settings = self.settings
        loss = loss_of(self._forward(batch.inputs), batch, settings)
        value = float(loss.detach())
        if not value < LARGEST_LOSS:
            raise TrainingError(
                f"the loss is {value:.3g} at step {self.step}; run again with a lower rate, as "
                f"--set training.learning_rate={settings.learning_rate / 3:.0e}; if that ends "
                "here at once, start anew with another --out"
            )
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.step += 1
        self._update_average()
        self.loss = value if self.step == 1 else SMOOTHING * self.loss + (1 - SMOOTHING) * value
        return self.loss

    def validate(self) -> None:
        """Measure the averaged weights on val, by greedy decoding, and keep them if best."""
        texts = self._read(self.val_places)
        errors = [
            word_errors(self.clips.labels[place].text, text)
            for place, text in zip(self.val_places, texts, strict=True)
        ]
        self.val_wer = ErrorRate.pooled(errors).rate
        improved = self.best_wer is None or self.val_wer < self.best_wer
        self.validations_since_best = 0 if improved else self.validations_since_best + 1
        # of equals the later: it has seen more
        if self.best_wer is None or self.val_wer <= self.best_wer:
            self.best_wer = self.val_wer
            self.best = {name: t.clone() for name, t in self.average.items()}

    def outcome(self, reason: str) -> Outcome:
        """Return the weights that are kept."""
        if self.settings.select == "last":
            return Outcome(self.step, reason, self.val_wer, self.average)
        return Outcome(self.step, reason, self.best_wer, self.best)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {
            "key": self.key,
            "step": self.step,
            "loss": self.loss,
            "val_wer": self.val_wer,
            "best_wer": self.best_wer,
            "validations_since_best": self.validations_since_best,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any], folder: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            CheckpointError: it is of a run with other settings or clips.
        """
        differing = sorted(
            name
            for name in self.key.keys() | state["key"].keys()
            if self.key.get(name) != state["key"].get(name)
        )
        if differing:
            raise CheckpointError(
                f"the checkpoint in {folder} is of another run, it differs in "
                f"{', '.join(differing)}; use the same settings, or another --out"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.best = state["average"], state["best"]
        self.step, self.loss = state["step"], state["loss"]
        self.val_wer, self.best_wer = state["val_wer"], state["best_wer"]
        self.validations_since_best = state["validations_since_best"]

    def _forward(self, inputs: torch.Tensor) -> Output:
        if not self.settings.mixed_precision:
            return self.model(inputs)
        with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
            return self.model(inputs)

    def _update_average(self) -> None:
        # early on the average follows quickly, or it would be made of the first random weights
        decay = min(self.settings.average_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, current in weights_of(self.model).items():
                self.average[name].lerp_(current, 1 - decay)

    def _read(self, places: np.ndarray) -> list[str]:
        current = {name: t.clone() for name, t in weights_of(self.model).items()}
        restore(self.model, self.average, "the average")
        self.model.eval()
        texts = []
        with torch.no_grad():
            for start in range(0, len(places), self.settings.batch):
                inputs = self.batches.reading(places[start : start + self.settings.batch])
                log_probs = self._forward(inputs).characters.log_softmax(-1).cpu().numpy()
                texts += [greedy(clip).text for clip in log_probs]
        restore(self.model, current, "the model")
        return texts


def check_clips(settings: ModelSettings, clips: TrainingClips) -> None:
    """Check that a model can take its windows from the clips.

    Raises:
        TrainingError: they have no frames, or frames of another size or colour.
    """
    if not isinstance(settings, LipNetSettings):
        return
    if clips.frames is None:
        raise TrainingError("these clips have sound alone, and the model lipreads")
    height_px, width_px, colours = clips.frames.shape[2:]
    fits = settings.height_px <= height_px and settings.width_px <= width_px
    if not fits or settings.colours != colours:
        raise TrainingError(
            f"these clips have {width_px} x {height_px} pixels of {colours} colours, and the model "
            f"takes {settings.width_px} x {settings.height_px} of {settings.colours}: they were "
            "made for another recipe, or its [input] is of another colour"
        )


@contextmanager
def _bf16_products(wanted: bool) -> Iterator[None]:
    """Let float32 matrix products round their factors to bf16, as those of a CPU's GRU.

    The sums stay float32, and so does all else: this is not autocast.
    """
    before = torch.get_float32_matmul_precision()
    if wanted:
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def loss_of(output: Output, batch: Batch, settings: TrainingSettings) -> torch.Tensor:
    """Return CTC's loss a character, plus the cross-entropy of the word in each frame."""
    slots = zip(SLOTS, settings.slot_weights, strict=True)
    weights = [weight for slot, weight in slots for _ in slot]
    frames = output.characters.shape[1]
    lengths = torch.full((len(batch.inputs),), frames, device=batch.labels.device)
    characters = functional.ctc_loss(
        output.characters.log_softmax(-1).transpose(0, 1),
        batch.labels,
        lengths,
        batch.label_lengths,
    )
    words = functional.cross_entropy(
        output.words.flatten(0, 1),
        batch.words.flatten(),
        torch.tensor([1.0, *weights], device=batch.words.device),  # silence comes first
    )
    return characters + settings.word_loss_weight * words


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Return the rate of a step: a straight rise, then a cosine down to 0 at the last step."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * rise * (1 + cos(pi * min(1.0, max(0.0, done)))) / 2


def strength(settings: TrainingSettings, step: int) -> float:
    """Return the share of dropout and of the changes of clips that a step has, 0 to 1.

    It rises in fifths: a GPU compiles the convolutions anew for each strength of dropout.
    """
    if step >= settings.rise_steps:
        return 1.0
    return 5 * step // settings.rise_steps / 5


def _key(
    model_settings: ModelSettings,
    clips: TrainingClips,
    settings: TrainingSettings,
    look: FrameInput | None,
) -> dict[str, Any]:
    """Return what two runs must share for one to go on where the other stopped.

    Rates, weights of losses and augmentation may change from one piece of a run to the next.
    """
    ids = "\n".join(f"{label.subset} {label.id}" for label in clips.labels)
    model = {f"model {name}": str(value) for name, value in asdict(model_settings).items()}
    frames = {} if look is None else {f"input {name}": str(v) for name, v in asdict(look).items()}
    data = {"clips": hashlib.sha256(ids.encode()).hexdigest(), **frames}
    return model | data | {"seed": settings.seed, "batch": settings.batch}
