"""A plain install: the wheel that users get, in an environment and a folder far from the checkout.

The source archive is built first and the wheel from it, so both hold all that is needed. Only the
dependencies come from the environment of the tests, through PYTHONPATH.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCES = (
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "gridkit",
    "recipes",
)

BUILD_ARCHIVE = "from setuptools.build_meta import build_sdist; print(build_sdist('..'))"

# a result that has the question of a recipe's shipped results, and is of another system
LIST_ROWS = """
from dataclasses import replace
from pathlib import Path

from gridkit.results.shipped import shipped_rows
from gridkit.recipe.shelf import shipped_folder
from gridkit.results.files import Scored, read_result

results = shipped_folder() / "lipnet-s1/results"
result = read_result(results / "s1-test-greedy")
mine = replace(result, system=replace(result.system, name="mine", revision="abc"))
for row in shipped_rows(shipped_folder(), Scored(Path(), mine, (), None)):
    print(row.name)
"""

pytestmark = pytest.mark.slow


def build_wheel(folder: Path) -> Path:
    """Build the source archive of a copy of the checkout, then a wheel from it; no network."""
    copy = folder / "checkout"
    copy.mkdir()
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    subprocess.run([sys.executable, "-c", BUILD_ARCHIVE], cwd=copy, check=True, capture_output=True)
    shutil.rmtree(copy)
    [archive] = folder.glob("*.tar.gz")
    pip(folder, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, archive)
    [wheel] = folder.glob("*.whl")
    return wheel


def pip(folder: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(
        [*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A fresh virtual environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv/bin/python"
    pip(folder, "--python", python, "install", "--no-deps", "--no-index", build_wheel(folder))
    return folder / "venv"


@pytest.fixture
def run(environment, tmp_path, monkeypatch):
    """Runs a program of the environment in an empty folder, and returns what it prints."""
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(packages))
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))

    def run_program(program: str, *arguments: object) -> str:
        done = subprocess.run(
            [environment / "bin" / program, *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_program


def test_the_package_is_not_the_checkout(run, environment):
    shown = run("python", "-c", "import gridkit; print(gridkit.__file__)")
    assert Path(shown.strip()).is_relative_to(environment)


def test_a_clip_is_read(run, tmp_path):
    run("gridkit", "synthesize", "talking", "--speakers", 1, "--clips", 1)
    [clip] = tmp_path.glob("talking/*/*.mpg")
    reading = json.loads(run("gridkit", "read", clip, "--json"))
    assert reading["face_share"] == 1.0
    assert reading["sentences"]


def test_a_control_is_scored_by_a_shipped_recogniser(run, tmp_path, small_corpus):
    run("gridkit", "evaluate", "--model", "control:reference", "--data", small_corpus, "--split",
        "unseen:test", "--allow-missing", "--no-timing", "--no-controls",
        "--recogniser", "recipes/judge-s1:grammar", "--out", "result")  # fmt: skip
    result = json.loads((tmp_path / "result/result.json").read_text())
    assert "wer_judge-s1:grammar" in result["metrics"]


def test_shipped_results_are_reference_rows(run):
    assert run("python", "-c", LIST_ROWS).split("\n") == [
        "lipnet-s1 (beam)", "lipnet-s1 (grammar)", "lipnet-s1 (greedy)", "",
    ]  # fmt: skip


def test_a_shipped_recipe_runs_in_its_sandbox(run, small_corpus):
    shown = run("gridkit", "evaluate", "--model", "recipes/lipnet-s1", "--data", small_corpus,
                "--split", "unseen:test", "--allow-missing", "--dry-run")  # fmt: skip
    assert "lipreading from mouth96" in shown


def test_a_stranger_submits_and_a_board_is_built(run, tmp_path, synthetic_corpus):
    data = ("--data", synthetic_corpus, "--split", "synthetic-seen", "--no-timing", "--no-controls")
    evaluate = ("gridkit", "evaluate", "--task", "lipreading", *data, "--out")
    run(*evaluate, "said", "--model", "control:majority")
    run(*evaluate, "mine", "--model", "predictions:said")
    card = {"schema": 1, "name": "Mine", "authors": ["A"], "licence": "MIT"}
    (tmp_path / "card.json").write_text(json.dumps(card | {"training_speakers": []}))
    run("gridkit", "submit", "mine", "--org", "lab", "--model", "mine", "--revision", "v1",
        "--card", "card.json")  # fmt: skip
    row = "lab__mine/v1/lipreading-synthetic-seen"
    shown = run("gridkit", "leaderboard", "add", f"leaderboard/submissions/{row}",
                "--data", synthetic_corpus)  # fmt: skip
    assert "synthetic" in shown
    assert f"added     leaderboard/results/{row}" in shown
    assert "rows      1 in 1 tables" in run("gridkit", "leaderboard", "build")
    assert "Mine" in (tmp_path / "site/index.html").read_text()
