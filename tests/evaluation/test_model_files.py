"""What tells a changed model from the one that was asked: its files, wherever they lie."""

import os
import shutil
from pathlib import Path

import pytest

from gridkit.errors import ModelChangedError
from gridkit.evaluation.model_files import BELOW, MOST_NAMED, ModelFiles
from gridkit.evaluation.systems.spec import parse_model

RECIPES = Path(__file__).parents[2] / "recipes"


def content_of(spec):
    return ModelFiles(spec).content


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
        file.write_bytes(b"two")
        after = content_of(spec)
        assert after != before
        before = after
    os.utime(tmp_path / "mine/weights/w.pkl", ns=(1, 1))
    assert content_of(spec) == before, "the content counts, not when it was written"


@pytest.mark.parametrize("name", ["w.gguf", "checkpoint", "weights/w.tflite", "weights/deep/best"])
def test_weights_of_any_suffix_and_of_none_count(spec, tmp_path, name):
    file = tmp_path / "mine" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"one")
    before = content_of(spec)
    assert name in before
    file.write_bytes(b"two")
    assert content_of(spec)[name] != before[name]


@pytest.mark.parametrize("name", ["notes.md", "train.log", "weights/clip.MP4"])
def test_notes_logs_and_media_do_not(spec, tmp_path, name):
    before = content_of(spec)
    (tmp_path / "mine" / name).write_text("new")
    assert content_of(spec) == before


@pytest.mark.parametrize("name", ["model.py", "weights/w.pkl", "linked/w.npy"])
def test_an_edit_is_found_though_size_and_time_are_put_back(spec, tmp_path, name):
    files, path = ModelFiles(spec), tmp_path / "mine" / name
    files.check()
    before, status = path.read_bytes(), path.stat()
    path.write_bytes(before[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ModelChangedError, match=rf"was changed.*\({name}\); put it back"):
        files.check()
    path.write_bytes(before)
    files.check()


def test_files_that_come_and_go_are_found(spec, tmp_path):
    files, new = ModelFiles(spec), tmp_path / "mine" / "answers.json"
    new.write_text("{}")
    with pytest.raises(ModelChangedError, match=r"\(answers\.json\)"):
        files.check()
    new.unlink()
    (tmp_path / "mine" / "weights" / "w.pkl").unlink()
    with pytest.raises(ModelChangedError, match=r"\(weights/w\.pkl\)"):
        files.check()


def test_a_log_may_grow_beside_a_model(spec, tmp_path):
    """Such as of `gridkit evaluate ... 2>&1 | tee log.txt`, in the folder of the model."""
    log = tmp_path / "mine" / "log.txt"
    log.write_text("predict: 1/9 clips\n")
    files = ModelFiles(spec)
    log.write_text("predict: 1/9 clips\npredict: 5/9 clips\n")
    files.check()
    log.write_text("predict: 7/9 clips\n")
    with pytest.raises(ModelChangedError, match=r"log\.txt"):
        files.check()
    code = tmp_path / "mine" / "model.py"
    log.write_text("predict: 1/9 clips\n")
    code.write_text(code.read_text() + "\nlight = 1\n")
    with pytest.raises(ModelChangedError, match=r"\(model\.py\)"):
        files.check()


def test_corpora_results_environments_and_hidden_folders_do_not(spec, tmp_path, monkeypatch):
    before = content_of(spec)
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "mine" / "cache"))
    for place, marker in (
        ("corpus/data", "../corpus.json"),
        ("results/mine/references/lipnet", "../../question.json"),
        ("venv/lib", "../pyvenv.cfg"),
        ("cache/true_audio", "a.jsonl"),
        ("results/new", ".gridkit-lock"),
        (".git", "HEAD"),
        ("__pycache__", "a.pyc"),
    ):
        folder = tmp_path / "mine" / place
        folder.mkdir(parents=True)
        (folder / marker).write_text("{}")
        if place != "results/new":
            (folder / "more.json").write_text("{}")
    (tmp_path / "mine" / "loop").symlink_to(tmp_path / "mine")
    assert content_of(spec) == before


def test_many_files_become_one_hash(spec, tmp_path):
    for number in range(MOST_NAMED + 1):
        (tmp_path / "mine" / "weights" / f"{number}.npy").write_bytes(b"")
    content = content_of(spec)
    assert set(content) == {"model.py", BELOW}
    (tmp_path / "mine" / "weights" / "7.npy").write_bytes(b"more")
    assert content_of(spec) != content
    files = ModelFiles(spec)
    (tmp_path / "mine" / "weights" / "8.npy").write_bytes(b"more")
    with pytest.raises(ModelChangedError, match=r"\(weights/8\.npy\)"):
        files.check()


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
