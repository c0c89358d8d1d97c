"""The log of a run: `training.jsonl`, and TensorBoard's files where it is installed
(extra `train`; then `tensorboard --logdir FOLDER`).

Losses and figures are logged under the names that the learner gives them. TensorBoard also gets
the sounds that a validation made, to hear and as spectrograms.
"""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from gridkit.corpus.records import SAMPLE_RATE_HZ
from gridkit.dsp.mel import FLOOR, log_mel
from gridkit.train.loop import Progress

LOG_FILE = "training.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
EVERY_STEPS = 20


class TrainingLog:
    """Writes every twentieth step, and every validation; a context manager."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def __enter__(self) -> Self:
        self._file = (self._folder / LOG_FILE).open("a", encoding="utf-8")
        self._board = _tensorboard(self._folder / TENSORBOARD_FOLDER)
        return self

    def write(self, progress: Progress) -> None:
        """Log one step, if it is one that is logged."""
        if not (progress.validated or progress.step % EVERY_STEPS == 0):
            return
        values, figures = step_values(progress), val_figures(progress)
        line = {
            "step": progress.step,
            "steps": progress.steps,
            **values,
            "left_s": progress.left_s,
            **figures,
            **{f"best_{name}": value for name, value in progress.best.items()},
            "validated": progress.validated,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in (values | (figures if progress.validated else {})).items():
                self._board.add_scalar(name, value, progress.step)
            for name, sound in progress.examples.items():
                self._board.add_audio(name, sound[None], progress.step, SAMPLE_RATE_HZ)
                self._board.add_image(name, _picture(sound), progress.step, dataformats="HW")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def _picture(sound: np.ndarray) -> np.ndarray:
    """Return the log-mel spectrogram of a sound as uint8 (80, frames), low bands below."""
    mel = log_mel(sound.astype(np.float64)).T[::-1]
    quietest, loudest = np.log(FLOOR), max(float(mel.max()), 0.0)
    return np.rint(255 * (mel - quietest) / (loudest - quietest)).astype(np.uint8)


def step_values(progress: Progress) -> dict[str, float]:
    """Return what is logged of each step, by name."""
    return {
        **progress.losses,
        "learning_rate": progress.learning_rate,
        "clips_per_second": progress.clips_per_second,
    }


def val_figures(progress: Progress) -> dict[str, float]:
    """Return the figures of the last validation under the names they are logged by."""
    return {f"val_{name}": value for name, value in progress.figures.items()}


def _tensorboard(folder: Path) -> Any:
    """Return TensorBoard's writer, None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))
