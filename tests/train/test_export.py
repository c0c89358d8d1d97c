"""A run's folder is a recipe from the first validation on, and whatever stops the run."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

import pytest
import torch
from support.training_clips import AUGMENTATION, MODEL, SETTINGS, made_up_clips, train

from gridkit.models.frames import FrameInput
from gridkit.recipe import build_model, load_recipe, load_weights, trained_ids, weights_of
from gridkit.store.files import write_file
from gridkit.train import export as export_module
from gridkit.train.export import RunExport, to_toml
from gridkit.train.loop import Outcome

RECIPE = {
    "name": "made-up",
    "task": "lipreading",
    "licence": "Apache-2.0",
    "training_speakers": (),
    "model": {"class": "lipnet", **asdict(MODEL)},
    "input": asdict(FrameInput("mouth96", (8, 28, 80, 40), (28, 14))),
    "data": {"split": "s1"},
    "training": {},
    "augmentation": {},
}
CLIPS = ("s1/bbaf2n", "s1/bbaf3s")


@pytest.fixture
def recipe(tmp_path):
    folder = tmp_path / "recipe"
    folder.mkdir()
    (folder / "recipe.toml").write_text(to_toml(RECIPE))
    return load_recipe(folder)


def exported(folder: Path) -> dict[str, torch.Tensor]:
    recipe = load_recipe(folder)
    model = build_model(recipe.model)
    load_weights(recipe, model)
    return weights_of(model)


def rounded(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.half().float() for name, tensor in weights.items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


class Stopping:
    """Exports what is kept; interrupts the run after the second time."""

    def __init__(self, export: RunExport):
        self.export, self.outcomes = export, []

    def __call__(self, now: Outcome) -> None:
        self.export.keep(now.weights)
        weights = {name: tensor.clone() for name, tensor in now.weights.items()}
        self.outcomes.append(replace(now, weights=weights))
        if len(self.outcomes) == 2:
            raise KeyboardInterrupt


def test_an_interrupted_run_leaves_the_weights_of_its_last_validation(recipe, tmp_path):
    out, settings = tmp_path / "run", replace(SETTINGS, select="last")
    export = RunExport(recipe, settings, AUGMENTATION, CLIPS, out)
    first = Stopping(export)
    with pytest.raises(KeyboardInterrupt):
        train(MODEL, made_up_clips(), out, settings, AUGMENTATION, kept=first)
    assert [now.step for now in first.outcomes] == [4, 8]
    assert {now.reason for now in first.outcomes} == {"running"}
    assert not same(first.outcomes[0].weights, first.outcomes[1].weights)
    assert same(exported(out), rounded(first.outcomes[1].weights))
    assert trained_ids(load_recipe(out)) == set(CLIPS)
    # finished, made longer, and stopped again: not the weights of the run that was finished
    done = train(MODEL, made_up_clips(), out, settings, AUGMENTATION)
    export.finish(done.weights)
    longer = replace(settings, steps=20)
    second = Stopping(RunExport(recipe, longer, AUGMENTATION, CLIPS, out))
    with pytest.raises(KeyboardInterrupt):
        train(MODEL, made_up_clips(), out, longer, AUGMENTATION, kept=second)
    assert [now.step for now in second.outcomes] == [12, 16]
    assert same(exported(out), rounded(second.outcomes[1].weights))
    assert load_recipe(out).training["steps"] == 20


def interrupting(stop_at: int) -> Callable[[Path, bytes], None]:
    """Return a `write_file` that is interrupted before its n-th file."""
    numbers = count(1)

    def write(path: Path, content: bytes) -> None:
        if next(numbers) == stop_at:
            raise KeyboardInterrupt
        write_file(path, content)

    return write


def test_an_export_that_is_stopped_leaves_the_one_before(recipe, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    before, after = weights_of(build_model(recipe.model)), weights_of(build_model(recipe.model))
    RunExport(recipe, SETTINGS, AUGMENTATION, CLIPS, whole).finish(before)
    for stop_at in range(1, 7):  # an export of the end writes its three files twice
        out = tmp_path / f"run{stop_at}"
        shutil.copytree(whole, out)
        monkeypatch.setattr(export_module, "write_file", interrupting(stop_at))
        with pytest.raises(KeyboardInterrupt):
            RunExport(recipe, SETTINGS, AUGMENTATION, CLIPS, out).finish(after)
        assert same(exported(out), rounded(before if stop_at <= 3 else after))


def test_a_finished_export_leaves_one_file_of_weights(recipe, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / "weights-mine.safetensors").write_bytes(b"of somebody else")
    export = RunExport(recipe, SETTINGS, AUGMENTATION, CLIPS, out)
    for _ in range(2):
        export.keep(weights_of(build_model(recipe.model)))
    assert len(list(out.glob("weights-*.safetensors"))) == 2
    size = export.finish(weights_of(build_model(recipe.model)))
    assert (out / "weights.safetensors").stat().st_size == size
    names = ["recipe.toml", "trained_on.txt", "weights-mine.safetensors", "weights.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == names
