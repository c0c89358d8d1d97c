"""A recipe as a model repository: what arrives, its card, and that it is evaluated from there."""

import json

import pytest
from support.small_recipes import LIPREADER, write_recipe

from gridkit.errors import RecipeError
from gridkit.evaluation.systems.spec import download_model, parse_model
from gridkit.publish.comparison import Target
from gridkit.publish.model import preview_model, publish_model
from gridkit.publish.recipe import recipe_model
from gridkit.recipe import load_recipe, load_system

RESULTS = """
[[results]]
metric = "wer"
decoding = "greedy"
value = 0.25
low = 0.2
high = 0.3
n = 100
split = "s1:test"
command = "gridkit evaluate ..."
machine = "a machine"
date = "2026-01-02"
"""
TARGET = Target("lab/lipnet", repo_type="model")


@pytest.fixture
def recipe(tmp_path):
    """A recipe with weights, a README and a result."""
    folder = write_recipe(tmp_path / "small", LIPREADER)
    text = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(text.rstrip() + "\n" + RESULTS)
    (folder / "README.md").write_text("# small\n\nA small lipreader.\n")
    return folder


def test_a_published_recipe_can_be_evaluated_from_there(recipe, hub_server):
    outcome = publish_model(recipe_model(recipe, TARGET), TARGET)
    assert set(outcome.sent) == {
        "recipe.toml",
        "README.md",
        "weights.safetensors",
        "trained_on.txt",
    }
    spec = download_model(parse_model(f"hf:lab/lipnet@{outcome.commit}"))
    assert load_recipe(spec.path).weights == load_recipe(recipe).weights
    assert type(load_system(spec.path)) is type(load_system(recipe))
    again = publish_model(recipe_model(recipe, TARGET), TARGET)
    assert (again.sent, again.commit) == ((), outcome.commit)


def test_the_card_has_the_results_as_metadata(recipe, hub_server):
    from huggingface_hub import ModelCard

    publish_model(recipe_model(recipe, TARGET, "lab/grid"), TARGET)
    card = ModelCard(hub_server.files("lab/lipnet", type="model")["README.md"].decode())
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("wer", 0.25)
    assert (result.dataset_name, result.dataset_split) == ("GRID, s1:test", "test")
    assert (card.data.license, card.data.library_name) == ("apache-2.0", "gridkit")
    assert "A small lipreader." in card.content
    there = hub_server.files("lab/lipnet", type="model")
    (entry,) = json.loads(there[".eval_results/gridkit.yaml"])
    assert entry["dataset"] == {"id": "lab/grid", "task_id": "s1-test"}
    assert entry["value"] == 0.25


def test_files_of_someone_else_stay(gridkit, recipe, hub_server):
    hub_server.create_repo("lab/lipnet", "model")
    hub_server.commit("lab/lipnet", {"README.md": b"mine"}, type="model")
    status, out, error = gridkit("publish", recipe, "--repo", "lab/lipnet")
    assert (status, out) == (5, "")
    assert "README.md" in error
    assert "is not overwritten" in error
    status, out, _ = gridkit("publish", recipe, "--repo", "lab/lipnet", "--create-pr")
    assert status == 0
    assert "/lab/lipnet/discussions/" in out


def test_a_dry_run_sends_nothing(gridkit, recipe, hub_server):
    planned = preview_model(recipe_model(recipe, TARGET), TARGET)
    assert planned.creates_repo
    assert [file.path for file in planned.plan.send][-1] == "recipe.toml"
    status, out, _ = gridkit("publish", recipe, "--repo", "lab/lipnet", "--dry-run")
    assert (status, "a new public model" in out) == (0, True)
    assert hub_server.requests("commit") == []


def test_what_is_no_whole_recipe_is_one_line(recipe, hub_server, gridkit, tmp_path, corpus_dir):
    (recipe / "README.md").unlink()
    with pytest.raises(RecipeError, match=r"has no README\.md"):
        recipe_model(recipe, TARGET)
    bare = write_recipe(tmp_path / "bare", LIPREADER, with_weights=False)
    with pytest.raises(RecipeError, match="has no weights; train it first"):
        recipe_model(bare, TARGET)
    own = LIPREADER.replace('licence = "Apache-2.0"', 'licence = "Apache-2.0"\nbuilt_on = ["mine"]')
    built = write_recipe(tmp_path / "built", own)
    (built / "README.md").write_text("# built\n")
    with pytest.raises(RecipeError, match="is built on mine, which does not come with gridkit"):
        recipe_model(built, TARGET)
    status, _, error = gridkit("publish", corpus_dir, "--repo", "lab/grid", "--dataset", "lab/x")
    assert (status, "belongs to a model" in error) == (2, True)
