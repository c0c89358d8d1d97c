"""Clips per second of a training step of each voice, and how much of it is outside the models.

The recipes' own models and settings, on made-up clips in memory, at a step in which everything
learns: the critic too. Outside the models is the drawing and changing of clips; forward and
backward passes, losses and optimisers are the training itself. Steps of the voices alternate.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from bench_train import made_up_clips

from gridkit.recipe import load_recipe
from gridkit.recipe.model_kinds import kind_of
from gridkit.train.batches import Batch
from gridkit.train.settings import training_settings
from gridkit.train.v2s import V2SLearner

RECIPES = ("v2s-gan-s1", "v2s-mel-s1", "lip2audspec-s1")
FOLDER = Path(__file__).parent.parent / "recipes"
BEFORE = 2
"""Steps of each that do not count."""


class Timed:
    """A learner whose steps and batches are timed."""

    def __init__(self, recipe_name: str, device: str):
        recipe = load_recipe(FOLDER / recipe_name)
        assert recipe.input is not None
        width_px, height_px = recipe.input.size_px
        clips = made_up_clips(height_px, width_px, colours=1)
        settings, augmentation = training_settings(recipe)
        # a step in which nothing is left out, and no validation
        self._number = settings.steps // 2 + 100
        learner = kind_of(recipe.model).learner(recipe, clips, settings, augmentation, device)
        self._step, self.clips_per_step = learner.step, settings.batch
        assert isinstance(learner, V2SLearner)
        self._draw, learner.batch = learner.batch, self._timed_batch  # type: ignore[method-assign]
        self._batch_s = 0.0

    def step_s(self) -> tuple[float, float]:
        """Take a step; return its seconds, and those that drawing the batch took."""
        start_s = time.perf_counter()
        self._step(self._number)
        self._number += 1
        return time.perf_counter() - start_s, self._batch_s

    def _timed_batch(self, number: int) -> Batch:
        start_s = time.perf_counter()
        batch = self._draw(number)
        self._batch_s = time.perf_counter() - start_s
        return batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="torch's default if not given")
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    voices = {name: Timed(name, given.device) for name in RECIPES}
    turns = [
        {name: voice.step_s() for name, voice in voices.items()}
        for _ in range(BEFORE + given.steps)
    ][BEFORE:]
    print(
        f"\n{given.device}, torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"median (range) of {given.steps} steps\n"
    )
    print("| voice | clips per step | clips/s | outside the models |\n|---|---|---|---|")
    for name, voice in voices.items():
        rates = [voice.clips_per_step / turn[name][0] for turn in turns]
        shares = [100 * turn[name][1] / turn[name][0] for turn in turns]
        print(
            f"| {name} | {voice.clips_per_step} | {spread(rates)} | {spread(shares)} % |",
        )


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
