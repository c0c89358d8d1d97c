"""A `.py` system as a model repository: its row comes again from there, and only locked in."""

import json
import re
import shutil

import pytest

from gridkit.errors import SystemLoadError
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.hub_code import cache_to_hide
from gridkit.evaluation.systems.spec import download_model, parse_model
from gridkit.recipe.python_system import PythonSystem, python_system_to_toml, read_python_system

MODEL = """
from pathlib import Path
from nets.reader import Reader

def make(device):
    return Reader((Path(__file__).resolve().parent / "weights" / "words.txt").read_text())
"""
READER = """
class Reader:
    task, crop = "lipreading", "mouth96"
    def __init__(self, words): self.words = words
    def __call__(self, frames): return self.words
"""
README = "---\nlicense: mit\ntags: [mine]\n---\n# Words\n\nSays the same.\n"
REPO = "lab/words"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path):
    """A system that lies in a folder with its package and weights."""
    folder = tmp_path / "model"
    for name, text in (
        ("my_model.py", MODEL),
        ("nets/reader.py", READER),
        ("weights/words.txt", "bin blue at f two now"),
        ("README.md", README),
        (".env", "TOKEN=secret"),
        ("train.log", "long"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def evaluate(gridkit, corpus_dir, cache, tmp_path):
    """Evaluates a model by the command; gives status, result and errors."""

    def run(model, name="result", *more):
        plain = ("--no-timing", "--no-controls", "--allow-missing", "--json")
        where = ("--data", corpus_dir, "--split", "unseen:test", "--out", tmp_path / name)
        status, out, err = gridkit("evaluate", "--model", model, *where, *plain, *more)
        return status, json.loads(out) if status == 0 else None, err

    return run


def test_the_row_comes_again_from_the_hub(gridkit, model, evaluate, hub_server):
    from huggingface_hub import ModelCard

    system = f"{model}/my_model.py:make"
    status, here, err = evaluate(system)
    assert status == 0, err
    result = model.parent / "result"
    publish = ("publish", system, "--repo", REPO)
    status, out, err = gridkit(*publish, "--result", result, "--dataset", "lab/grid")
    assert status == 0, err
    there = hub_server.files(REPO, type="model")
    assert there.keys() == {
        ".gitattributes",
        "my_model.py",
        "nets/reader.py",
        "weights/words.txt",
        "results/unseen-test/result.json",
        ".eval_results/gridkit.yaml",
        "README.md",
        "system.toml",
    }
    assert not any(b"secret" in content for content in there.values())
    card = ModelCard(there["README.md"].decode())
    assert (card.data.license, card.data.library_name) == ("mit", "gridkit")
    assert card.data.tags == ["mine", "grid-corpus", "gridkit", "lipreading"]
    figures = {one.metric_type: one.metric_value for one in card.data.eval_results}
    assert figures["wer"] == here["metrics"]["wer"]["value"]
    command = re.search(r"--model (hf:\S+) --trust-remote-code", out)[1]
    status, again, err = evaluate(command, "again", "--trust-remote-code")
    assert status == 0, err
    assert again["metrics"] == here["metrics"]
    assert again["system"]["name"] == command
    assert again["system"]["isolation"].startswith("landlock")
    # publishing left nothing in the folder that would make it another model
    assert evaluate(system)[1]["metrics"] == here["metrics"]
    assert json.loads(gridkit(*publish, "--result", result, "--dataset", "lab/grid", "--json")[1])[
        "sent"
    ] == []  # fmt: skip


def test_a_strangers_code_is_run_locked_in_or_not_at_all(
    gridkit, model, evaluate, hub_server, monkeypatch
):
    assert gridkit("publish", f"{model}/my_model.py:make", "--repo", REPO)[0] == 0
    name = f"hf:{REPO}@main"
    status, _, err = evaluate(name)
    assert (status, "carries code (my_model.py, nets/reader.py)" in err) == (3, True)
    status, _, err = evaluate(name, "open", "--trust-remote-code", "--no-isolation")
    assert (status, "runs locked in only" in err) == (2, True)
    setup = Worker._setup
    monkeypatch.setattr(Worker, "_setup", lambda self: setup(self) | {"isolate": False})
    status, _, err = evaluate(name, "none", "--trust-remote-code")
    assert (status, "this kernel has no Landlock" in err) == (4, True)


def test_of_the_cache_code_of_the_hub_reads_its_own_folder_alone(cache):
    own = cache / "systems" / "lab--words" / "abc"
    own.mkdir(parents=True)
    (cache / "controls").mkdir()
    assert cache_to_hide(own) == [cache / "controls"]
    assert cache_to_hide(cache / "controls") == [cache]
    assert cache_to_hide(None) == [cache]


def test_what_was_downloaded_once_is_a_plain_folder_that_needs_no_hub(
    gridkit, model, hub_server, cache, monkeypatch
):
    assert gridkit("publish", f"{model}/my_model.py:make", "--repo", REPO)[0] == 0
    commit = hub_server.repo(REPO, "model").refs["refs/heads/main"]
    spec = download_model(parse_model(f"hf:{REPO}@{commit}"), trust_remote_code=True)
    assert (spec.kind, spec.name, spec.revision) == ("python", "make", commit)
    assert spec.own_folder == cache / "systems" / "lab--words" / commit
    assert not any(path.is_symlink() for path in spec.own_folder.rglob("*"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    again = download_model(parse_model(f"hf:{REPO}@{commit}"), trust_remote_code=True)
    assert again == spec


def drop_readme(folder):
    (folder / "README.md").unlink()


def link_out(folder):
    (folder.parent / "secret.bin").write_text("x")
    (folder / "weights.bin").symlink_to(folder.parent / "secret.bin")


def link_folder_out(folder):
    (folder.parent / "private").mkdir()
    (folder.parent / "private" / "key.bin").write_text("x")
    (folder / "more").symlink_to(folder.parent / "private")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (drop_readme, r"has no README\.md"),
        (lambda folder: (folder / "README.md").write_text("# no licence"), "not say the licence"),
        (lambda folder: (folder / "README.md").write_text("---\na: [\n---\n"), "metadata cannot"),
        (link_out, "weights.bin is a link"),
        (link_folder_out, "key.bin is a link"),
        (lambda folder: [(folder / f"{i}.bin").write_text("") for i in range(200)], "203 files"),
    ],
)
def test_what_should_not_be_published_is_one_line_and_nothing_is_sent(
    gridkit, model, hub_server, spoil, says
):
    spoil(model)
    status, out, err = gridkit("publish", f"{model}/my_model.py:make", "--repo", REPO)
    assert (status, out) == (3, "")
    assert re.search(says, err)
    assert err.count("\n") == 1
    assert hub_server.seen == []


def test_a_result_of_other_files_or_a_second_one_of_a_split_is_refused(
    gridkit, model, evaluate, hub_server
):
    system = f"{model}/my_model.py:make"
    assert evaluate(system)[0] == 0
    publish = ("publish", system, "--repo", REPO, "--result", model.parent / "result")
    shutil.copytree(model.parent / "result", model.parent / "same")
    status, _, err = gridkit(*publish, "--result", model.parent / "same")
    assert (status, "same: another is of unseen:test too" in err) == (2, True)
    (model / "weights" / "words.txt").write_text("set red by a one please")
    status, _, err = gridkit(*publish)
    assert (status, "is not of my_model.py as it is now; evaluate it again" in err) == (2, True)
    status, _, err = gridkit("publish", model, "--repo", REPO, "--result", model.parent / "result")
    assert (status, "--result belongs to a .py system" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema = 1", "does not hold"),
        ('schema = 2\nfile = "a.py"\nfactory = "load"', "does not hold"),
        ('schema = 1\nfile = "a.py"\nfactory = "load"\nmore = 1', "does not hold"),
        ("[", "cannot be read"),
        ('schema = 1\nfile = "../a.py"\nfactory = "load"', "not a .py file beside it"),
        ('schema = 1\nfile = "nets/a.py"\nfactory = "load"', "not a .py file beside it"),
        ('schema = 1\nfile = "b.py"\nfactory = "load"', "not a .py file beside it"),
        ('schema = 1\nfile = 7\nfactory = "load"', "not a .py file beside it"),
        ('schema = 1\nfile = "a.py"\nfactory = "os.system"', "not the name of a function"),
        ('schema = 1\nfile = "a.py"\nfactory = []', "not the name of a function"),
    ],
)
def test_a_damaged_description_is_named(tmp_path, text, says):
    folder = tmp_path / "model"
    (folder / "nets").mkdir(parents=True)
    for path in (tmp_path / "a.py", folder / "a.py", folder / "nets" / "a.py"):
        path.write_text("")
    (folder / "system.toml").write_text(text)
    with pytest.raises(SystemLoadError, match=f"hf:x: system.toml.*{re.escape(says)}"):
        read_python_system(folder, "hf:x")


def test_the_description_comes_back(tmp_path):
    made_by = PythonSystem("my model-2.py", "load")
    (tmp_path / made_by.file).write_text("")
    (tmp_path / "system.toml").write_text(python_system_to_toml(made_by))
    assert read_python_system(tmp_path, "") == made_by
