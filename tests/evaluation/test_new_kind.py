"""A kind of model that is added as the guide says goes the whole way, and a recipe of sound too."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from support import documented_kind

from gridkit.cli.main import main
from gridkit.errors import RecipeError, UsageError
from gridkit.evaluation.record_in_recipe import record
from gridkit.recipe import load_recipe, load_system, model_kinds, trained_ids
from gridkit.results.files import RESULT_FILE

GUIDE = Path(__file__).parents[2] / "docs" / documented_kind.PAGE
SPLIT = "synthetic-seen"
RECIPE = f"""\
name = "linear"
task = "v2s"
licence = "Apache-2.0"
training_speakers = []

[model]
class = "linear-v2s"
height_px = 12
width_px = 24

[input]
crop = "mouth96"
region_px = [0, 24, 96, 48]
size_px = [32, 16]

[data]
split = "{SPLIT}"

[training]
steps = 6
batch = 2
validate_every = 2
l1_weight = 2.0

[augmentation]
frame_change = 0.1
"""


@pytest.fixture
def added(monkeypatch):
    """The kind of the guide is in the table, and its modules can be imported."""
    before = set(sys.modules)
    for name, row in documented_kind.add_documented_kind(GUIDE.read_text()).items():
        monkeypatch.setitem(model_kinds.KINDS, name, row)
    yield
    for name in set(sys.modules) - before:
        if "linear_v2s" in name:
            del sys.modules[name]


@pytest.fixture
def recipe(tmp_path, added):
    folder = tmp_path / "recipes" / "linear"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code


def test_the_kind_of_the_guide_is_trained_evaluated_and_recorded(
    recipe, tmp_path, talking, score, capsys
):
    out = tmp_path / "system" / "run"
    command = ["train", recipe, "--data", talking, "--out", out, "--threads", "1"]
    assert run(*command) == 0
    assert "step 6 of 6 (finished), val l1 0." in capsys.readouterr().out
    assert '"l1": 0.' in (out / "training.jsonl").read_text()
    trained = load_recipe(out)
    assert (trained.task, trained.decoding, trained.training["l1_weight"]) == ("v2s", None, 2.0)
    assert trained_ids(trained)
    system = load_system(out, task="v2s")
    assert system(np.zeros((75, 96, 96), np.uint8)).shape == (48_000,)
    assert "decoding" not in system.card
    # in a process of its own, where the kind has to be added again
    for file in (documented_kind.__file__, GUIDE):
        shutil.copy(file, out.parent)
    scored = score(out.parent / "documented_kind.py")
    assert scored.result.task == "v2s"
    assert scored.result.system.name == "linear"
    assert scored.result.failed == {}
    # a result without a decoding has its place in every file of the recipe
    readme = out / "README.md"
    readme.write_text(f"| `{SPLIT}:test`, 9 clips | 0.1 | |\n")
    kept = record(scored, out, SPLIT, "2026-01-31")
    assert kept.folder == out / "results" / f"{SPLIT}-test"
    assert (kept.folder / RESULT_FILE).is_file()
    [measured] = load_recipe(out).results
    assert (measured.decoding, measured.n) == (None, 2)
    assert (
        measured.command == f"gridkit evaluate --model recipes/linear --data corpus --split {SPLIT}"
    )
    assert readme.read_text() == kept.readme_row + "\n"
    assert kept.readme_row.startswith(f"| `{SPLIT}:test`, 2 clips | **")


def test_a_command_that_needs_another_task_says_so(recipe, tmp_path, talking):
    out = tmp_path / "run"
    assert run("train", recipe, "--data", talking, "--out", out, "--threads", "1") == 0
    needs = "run is a video-to-speech system; this command needs a lipreading recipe"
    with pytest.raises(RecipeError, match=needs):
        load_system(out, task="lipreading")
    with pytest.raises(UsageError, match="system: it has no decoding; leave out 'grammar'"):
        load_system(out, decoding="grammar")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('licence', 'decoding = "beam"\nlicence', "task v2s has no decoding: it gives sound"),
        ("height_px = 12", "height_px = 0", "height_px, width_px and colours are at least 1"),
        ("height_px = 12", "height_px = 17", "24 x 17 pixels do not fit in the input's 32 x 16"),
        ('task = "v2s"', 'task = "lipreading"', "does not do the task 'lipreading'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_recipe_of_sound_is_one_line(recipe, old, new, says):
    (recipe / "recipe.toml").write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(RecipeError, match=says):
        load_recipe(recipe)
