"""What tells a changed model from the one that was asked: its files, wherever they lie."""

import os
import shutil
from pathlib import Path

import pytest

from gridkit.evaluation.question import MOST_NAMED, content_of
from gridkit.evaluation.systems.spec import parse_model

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def spec(tmp_path: Path):
    folder = tmp_path / "mine"
    (folder / "weights").mkdir(parents=True)
    (folder / "model.py").write_text("def load(device): ...")
    (folder / "weights" / "w.pkl").write_bytes(b"one")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "w.npy").write_bytes(b"one")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    return parse_model(str(folder / "model.py"))


def test_weights_in_folders_below_and_behind_links_count(spec, tmp_path):
    before = content_of(spec)
    assert set(before) == {"model.py", "weights/w.pkl", "linked/w.npy"}
    for file in (tmp_path / "mine/weights/w.pkl", tmp_path / "elsewhere/w.npy"):
        file.write_bytes(b"two, longer")
        after = content_of(spec)
        assert after != before
        before = after
    os.utime(tmp_path / "mine/weights/w.pkl", ns=(1, 1))
    assert content_of(spec) != before


def test_corpora_results_environments_and_hidden_folders_do_not(spec, tmp_path):
    before = content_of(spec)
    for place, marker in (
        ("corpus/data", "../corpus.json"),
        ("results/mine/references/lipnet", "../../question.json"),
        ("venv/lib", "../pyvenv.cfg"),
        (".git", "HEAD"),
        ("__pycache__", "a.pyc"),
    ):
        folder = tmp_path / "mine" / place
        folder.mkdir(parents=True)
        (folder / marker).write_text("{}")
        (folder / "more.json").write_text("{}")
    (tmp_path / "mine" / "loop").symlink_to(tmp_path / "mine")
    assert content_of(spec) == before


def test_many_files_become_one_hash(spec, tmp_path):
    for number in range(MOST_NAMED + 1):
        (tmp_path / "mine" / "weights" / f"{number}.npy").write_bytes(b"")
    content = content_of(spec)
    assert set(content) == {"model.py", "folders below"}
    (tmp_path / "mine" / "weights" / "7.npy").write_bytes(b"more")
    assert content_of(spec) != content


def test_of_a_recipe_what_it_names_counts(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(RECIPES / "lipnet-synthetic", folder)
    recipe = parse_model(str(folder))
    before = content_of(recipe)
    assert set(before) == {"recipe.toml", "weights.safetensors", "trained_on.txt"}
    (folder / "checkpoint.json").write_text("{}")
    assert content_of(recipe) == before
    (folder / "trained_on.txt").write_text("s1/bbaf2n\n")
    assert content_of(recipe) != before
