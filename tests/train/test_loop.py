"""Training: it learns, it can be killed and go on to the same bits, it says what is wrong."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.training_clips import (
    AUGMENTATION,
    MODEL,
    SETTINGS,
    learner,
    made_up_clips,
    recipe_of,
    train,
)

from gridkit.errors import CheckpointError, RecipeError, TrainingError
from gridkit.models.frames import FrameInput
from gridkit.models.recogniser import RecogniserSettings
from gridkit.recipe import load_recipe
from gridkit.train import loop
from gridkit.train.checkpoint import load_checkpoint
from gridkit.train.clips import TrainingClips
from gridkit.train.learner import run_key
from gridkit.train.loop import Outcome
from gridkit.train.schedule import learning_rate, strength
from gridkit.train.settings import training_settings

pytestmark = pytest.mark.usefixtures("one_thread")


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_the_loss_falls(tmp_path):
    losses = []
    settings = replace(SETTINGS, steps=60, validate_every=60)
    train(
        MODEL, made_up_clips(), tmp_path, settings, AUGMENTATION,
        report=lambda progress: losses.append(progress.losses["loss"]),
    )  # fmt: skip
    assert len(losses) == 60
    assert losses[-1] < losses[0] / 3


def test_a_recogniser_trains_too(tmp_path):
    model = RecogniserSettings(
        front="1d", channels=(8, 8), hidden=8, recurrent_layers=1, mask_frames=2
    )
    augmentation = replace(AUGMENTATION, speed=0.1, level_db=6.0, noise_snr_db=20.0)
    settings = replace(SETTINGS, steps=4, select="last")
    outcome = train(model, made_up_clips(), tmp_path, settings, augmentation)
    assert outcome.step == 4
    assert all(tensor.isfinite().all() for tensor in outcome.weights.values())


def test_a_run_in_two_pieces_ends_with_the_same_bits(tmp_path):
    whole = train(MODEL, made_up_clips(), tmp_path / "whole", SETTINGS, AUGMENTATION)
    pieces = tmp_path / "pieces"
    first = train(MODEL, made_up_clips(), pieces, SETTINGS, AUGMENTATION, minutes=0)
    assert (first.step, first.reason) == (1, "time")
    second = train(MODEL, made_up_clips(), pieces, SETTINGS, AUGMENTATION)
    assert second.step == SETTINGS.steps
    assert same(whole.weights, second.weights)


VICTIM = """
import sys, time, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from support.training_clips import AUGMENTATION, MODEL, SETTINGS, made_up_clips, train
train(MODEL, made_up_clips(), Path(sys.argv[2]), SETTINGS, AUGMENTATION,
      checkpoint_part_bytes=50_000, report=lambda progress: time.sleep(0.1))
"""


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    whole = train(MODEL, made_up_clips(), tmp_path / "whole", SETTINGS, AUGMENTATION)
    folder = tmp_path / "killed"
    here = str(Path(__file__).parents[1])
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, here, str(folder)])
    deadline_s = time.monotonic() + 60
    while not (folder / "checkpoint.json").is_file():
        assert victim.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert len(list(folder.glob("checkpoint-*.pt"))) > 1
    steps = []
    resumed = train(
        MODEL, made_up_clips(), folder, SETTINGS, AUGMENTATION,
        report=lambda progress: steps.append(progress.step),
    )  # fmt: skip
    assert 1 < steps[0] <= SETTINGS.steps
    assert same(whole.weights, resumed.weights)


def test_other_settings_do_not_go_on_from_a_checkpoint(tmp_path):
    train(MODEL, made_up_clips(), tmp_path, replace(SETTINGS, steps=4), AUGMENTATION)
    with pytest.raises(CheckpointError, match=r"another run; it differs in seed; use the same"):
        train(MODEL, made_up_clips(), tmp_path, replace(SETTINGS, seed=1), AUGMENTATION)
    with pytest.raises(CheckpointError, match="another run; it differs in model hidden"):
        train(replace(MODEL, hidden=8), made_up_clips(), tmp_path, SETTINGS, AUGMENTATION)
    frame_input = FrameInput("mouth96", (8, 28, 80, 40), (28, 14))
    with pytest.raises(CheckpointError, match="it differs in input crop, input region_px, input"):
        train(MODEL, made_up_clips(), tmp_path, SETTINGS, AUGMENTATION, frame_input=frame_input)
    for change in ({"name": "other"}, {"built_on": ("lipnet-s1",)}):
        key = run_key(replace(recipe_of(MODEL), **change), made_up_clips(), SETTINGS)
        made = learner(MODEL, made_up_clips(), SETTINGS, AUGMENTATION)
        made.key = key
        with pytest.raises(CheckpointError, match=r"it differs in (recipe|built_on); use"):
            loop.train(made, tmp_path, SETTINGS)
    longer = train(MODEL, made_up_clips(), tmp_path, SETTINGS, AUGMENTATION)
    assert longer.step == SETTINGS.steps


def test_what_cannot_be_kept_is_not_where_a_run_resumes(tmp_path):
    def refuse(_: Outcome) -> None:
        raise RecipeError("half precision cannot store it")

    with pytest.raises(RecipeError):
        train(MODEL, made_up_clips(), tmp_path, SETTINGS, AUGMENTATION, kept=refuse)
    assert load_checkpoint(tmp_path) is None
    again = train(MODEL, made_up_clips(), tmp_path, SETTINGS, AUGMENTATION)
    assert again.step == SETTINGS.steps


def test_a_loss_that_is_no_number_ends_in_one_line(tmp_path):
    settings = replace(SETTINGS, word_loss_weight=float("inf"))
    with pytest.raises(TrainingError, match=r"the loss is inf at step 0; run again") as caught:
        train(MODEL, made_up_clips(), tmp_path, settings, AUGMENTATION)
    assert "\n" not in str(caught.value)


def test_clips_that_do_not_fit_the_model_are_one_line(tmp_path):
    clips = made_up_clips()
    with pytest.raises(TrainingError, match=r"have 28 x 14 pixels of 1 colours.*takes 29 x 12 of"):
        train(replace(MODEL, width_px=29), clips, tmp_path, SETTINGS, AUGMENTATION)
    with pytest.raises(TrainingError, match=r"of 1 colours, and the model takes 24 x 12 of 3"):
        train(replace(MODEL, colours=3), clips, tmp_path, SETTINGS, AUGMENTATION)
    with pytest.raises(TrainingError, match="sound alone; the model needs frames"):
        train(MODEL, replace(clips, frames=None), tmp_path, SETTINGS, AUGMENTATION)


def test_training_stops_when_val_no_longer_improves(tmp_path):
    # a rate of 0 changes no weight: no validation is better than the first
    settings = replace(SETTINGS, steps=100, learning_rate=0.0, patience=2)
    model = replace(MODEL, batch_norm=False)
    outcome = train(model, made_up_clips(), tmp_path, settings, AUGMENTATION)
    assert (outcome.reason, outcome.step) == ("no-improvement", 3 * SETTINGS.validate_every)


def test_the_rate_rises_then_falls_to_nothing():
    settings = replace(SETTINGS, steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [learning_rate(settings, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0, abs=1e-3)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3


@pytest.mark.parametrize(
    "name", ["lipnet-s1", "lipnet-synthetic", "lipnet-unseen", "lipnet-overlapped"]
)
def test_every_lipnet_recipe_starts(tmp_path, name):
    recipe = load_recipe(Path(__file__).parent.parent.parent / "recipes" / name)
    short = ["training.steps=1", "training.batch=1", "training.validate_every=1"]
    settings, augmentation = training_settings(recipe, short)
    width, height = recipe.input.size_px
    made_up = made_up_clips()
    shape = (len(made_up.labels), 75, height, width, recipe.model.colours)
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    clips = TrainingClips(made_up.labels, frames, made_up.audio)
    outcome = train(recipe.model, clips, tmp_path, settings, augmentation)
    assert outcome.step == 1
    assert all(tensor.isfinite().all() for tensor in outcome.weights.values())


def test_dropout_and_changes_rise_together(monkeypatch):
    settings = replace(SETTINGS, rise_steps=5)
    assert [strength(settings, step) for step in (0, 1, 4, 5, 9)] == [0.0, 0.2, 0.8, 1.0, 1.0]
    assert strength(SETTINGS, 0) == 1.0
    run = learner(MODEL, made_up_clips(), settings, replace(AUGMENTATION, mask_frames=5))
    rates, masks = [], []
    ask = run.batches.training

    def training(places, seed, step, augmentation):
        masks.append(augmentation.mask_frames)
        return ask(places, seed, step, augmentation)

    monkeypatch.setattr(run.batches, "training", training)
    for number in range(6):
        run.step(number)
        rates.append(run.optimised.module.recurrent.dropout.p)
    assert masks == [0, 1, 2, 3, 4, 5]
    full = MODEL.recurrent_dropout
    assert rates == pytest.approx([0, 0.2 * full, 0.4 * full, 0.6 * full, 0.8 * full, full])
