"""The page as a folder that runs by itself."""

import json
import re
import shutil
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from support.app import Page
from support.small_recipes import LIPREADER, RECOGNISER, write_recipe

from gridkit.app.space import DISTRIBUTIONS, write_space
from gridkit.errors import UsageError
from gridkit.recipe.shelf import shipped_folder

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spaces") / "mine"
    recipes = folder.with_name("recipes")
    for name in ("lipnet-synthetic", "judge-s1"):
        shutil.copytree(shipped_folder() / name, recipes / name)
    assert write_space(folder, recipes) == ("lipnet-synthetic",)
    return folder


def test_the_folder_has_what_a_space_needs(space):
    names = {path.name for path in (space / "recipes").iterdir()}
    assert names == {"lipnet-synthetic"}
    readme = (space / "README.md").read_text()
    head = dict(re.findall(r"^(\w+): (.*)$", readme.split("---")[1], re.MULTILINE))
    assert head["sdk"] == "docker"
    assert f"EXPOSE {head['app_port']}\n" in (space / "Dockerfile").read_text()
    assert "Recipes here:\n\n- lipnet-synthetic\n" in readme
    assert (space / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    pins = (space / "requirements.txt").read_text().split()
    assert f"starlette=={version('starlette')}" in pins
    assert not any("+" in pin for pin in pins)
    assert not list(space.rglob("__pycache__"))


def test_what_is_to_be_installed_is_what_gridkit_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["app"]]
    asked = {re.match(r"[\w-]+", line)[0] for line in lines}
    assert set(DISTRIBUTIONS) < asked


def test_started_from_the_folder_it_reads(space):
    source = space / "gridkit/__init__.py"
    source.write_text(re.sub('__version__ = ".*"', '__version__ = "9.9"', source.read_text()))
    page = Page("--host", "0.0.0.0", folder=space, command=(sys.executable, "app.py"))
    try:
        facts = json.loads(page.ask("GET", "/facts", Host="mine.hf.space")[2])
        assert (facts["version"], facts["is_local"]) == ("9.9", False)
        example = next((space / "gridkit/app/data").glob("*pbak7n.mp4"))
        told = page.give(example, reader="lipnet-synthetic")
        assert told.texts == ["place blue at k seven now"]
    finally:
        page.close()


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(UsageError, match="has no recipe with weights"):
        write_space(tmp_path / "new", tmp_path)
    write_recipe(tmp_path / "recipes/mine", LIPREADER, with_weights=False)
    write_recipe(tmp_path / "recipes/ears", RECOGNISER)
    with pytest.raises(UsageError, match="has no recipe with weights"):
        write_space(tmp_path / "new", tmp_path / "recipes")
    with pytest.raises(UsageError, match="not empty"):
        write_space(tmp_path, shipped_folder())
