"""What the recipes ship agrees with what they say."""

from pathlib import Path

import pytest

from gridkit.recipe import load_recipe
from gridkit.recipe.stated_results import readme_row
from gridkit.results.files import Scored, read_result
from gridkit.results.records import Result
from gridkit.results.shipped import shipped_rows
from gridkit.results.system_card import SystemCard
from gridkit.results.wording import describe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*/results/*")), ids=lambda p: p.parts[-3])
def test_what_the_recipes_ship_agrees_with_what_they_say(path):
    """After new weights, `make results` brings all three in line again."""
    folder, result = path.parents[1], read_result(path)
    recipe = load_recipe(folder)
    assert result.system.revision == recipe.weights.sha256[:12]
    split = f"{result.split['name']}:{result.split['subset']}"
    [measured] = [
        m for m in recipe.results if (m.split, m.decoding) == (split, result.system.decoding)
    ]
    estimate = result.metrics[measured.metric]
    assert (measured.value, measured.low, measured.high, measured.n) == pytest.approx(
        (estimate.value, estimate.low, estimate.high, estimate.n), abs=1e-4
    )
    start = readme_row(measured, f"**{describe(measured.metric).text(estimate.value)}** |")[:-2]
    assert start in (folder / "README.md").read_text()


def test_every_lipreader_of_s1_stands_beside_one_that_was_scored_on_its_clips():
    shipped = read_result(RECIPES / "lipnet-s1/results/s1-test-beam")
    mine = Result(
        shipped.protocol, shipped.task, SystemCard("mine"), shipped.corpus, shipped.split,
        shipped.n, {}, shipped.rank_metric, {}, {},
    )  # fmt: skip
    rows = list(shipped_rows(RECIPES, Scored(Path("mine"), mine, (), None)))
    names = [f"lipnet-s1 ({decoding})" for decoding in ("beam", "grammar", "greedy")]
    assert [row.name for row in rows] == names
    assert all(row.latency_ms and row.device for row in rows)
    itself = Scored(Path("mine"), shipped, (), None)
    assert [row.name for row in shipped_rows(RECIPES, itself)] == names[1:]
