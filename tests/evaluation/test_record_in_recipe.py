"""Results that recipes ship: kept by `--record`, and rows beside systems of the same question."""

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from support.timings import make_timing

from gridkit.errors import UsageError
from gridkit.evaluation.options import Options
from gridkit.evaluation.record_in_recipe import check_recordable, record
from gridkit.evaluation.systems.spec import parse_model
from gridkit.recipe import load_recipe
from gridkit.results.files import RESULT_FILE, Scored, write_result
from gridkit.results.rows import latency_note
from gridkit.results.shipped import shipped_rows
from gridkit.results.system_card import SystemCard
from gridkit.results.timing import TIMING_FILE, write_timing

REVISION = "ab" * 6
SPLIT = "synthetic-seen"
RECIPE = """\
results = "not measured: needs the full corpus"
name = "good"
task = "lipreading"
licence = "Apache-2.0"
training_speakers = ["s1"]

[model]
class = "lipnet"

[input]
crop = "mouth96"
region_px = [8, 28, 80, 40]
size_px = [110, 55]

[data]
split = "s1"

[training]
steps = 1

[augmentation]

[weights]
file = "weights.safetensors"
sha256 = "SHA256"
trained_on = "trained_on.txt"
""".replace("SHA256", "ab" * 32)
README = """
| split | decoding | WER | 95 % interval | speed |
|---|---|---|---|---|
| `synthetic-seen:test`, 9 clips | greedy | 1 % |  |
| `synthetic-seen:test`, 9 clips | beam | 2 % |  |
"""
TIMING = make_timing(
    [31.4],
    throughput={"1": 30.0, "8": 52.3},
    environment={"device": "A Processor", "threads": 1},
)


@pytest.fixture(scope="module")
def read(tmp_path_factory, spoken):
    """A finished lipreading RESULT on `spoken`."""
    from gridkit.evaluation.run import evaluate

    out = tmp_path_factory.mktemp("read") / "result"
    options = Options(timed=False, workers=1, task="lipreading")
    return evaluate(parse_model("control:majority"), spoken, out, options)


@pytest.fixture
def recipe(tmp_path):
    folder = tmp_path / "recipes" / "good"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "README.md").write_text(README)
    return folder


def of_recipe(read, tmp_path, decoding="greedy", **changes):
    """The RESULT folder as that recipe would have made it."""
    folder = Path(shutil.copytree(read.folder, tmp_path / f"result-{decoding}", dirs_exist_ok=True))
    system = SystemCard("good", revision=REVISION, decoding=decoding)
    result = replace(read.result, **({"system": system} | changes))
    write_result(folder, result)
    write_timing(folder, TIMING)
    return Scored(folder, result, read.clips, TIMING)


def test_a_recorded_result_is_small_and_in_both_files_of_the_recipe(read, recipe, tmp_path):
    kept = record(of_recipe(read, tmp_path), recipe, SPLIT, "2026-01-31")
    assert kept.folder == recipe / "results/synthetic-seen-test-greedy"
    assert sorted(path.name for path in kept.folder.iterdir()) == [RESULT_FILE, TIMING_FILE]
    [measured] = load_recipe(recipe).results
    wer = read.result.metrics["wer"]
    assert measured.value == pytest.approx(wer.value, abs=1e-4)
    assert (measured.n, measured.decoding, measured.split) == (2, "greedy", "synthetic-seen:test")
    assert measured.command.startswith("gridkit evaluate --model recipes/good --decoding greedy ")
    assert measured.command.endswith("--split synthetic-seen")
    assert (measured.machine, measured.date) == ("A Processor, 1 thread", "2026-01-31")
    lines = (recipe / "README.md").read_text().splitlines()
    assert kept.readme_row in lines
    assert kept.readme_row.startswith("| `synthetic-seen:test`, 2 clips | greedy | **")
    assert kept.readme_row.endswith(" | 31 ms, 52.3 clips/s by 8 |")
    assert lines[-1] == README.splitlines()[-1]


def test_a_later_result_takes_the_place_of_an_earlier_one(read, recipe, tmp_path):
    one, other = of_recipe(read, tmp_path), of_recipe(read, tmp_path, "grammar")
    for scored, date in ((one, "2026-01-01"), (other, "2026-01-02"), (one, "2026-01-03")):
        record(scored, recipe, SPLIT, date)
    found = [(m.decoding, m.date) for m in load_recipe(recipe).results]
    assert found == [("grammar", "2026-01-02"), ("greedy", "2026-01-03")]
    text = (recipe / "recipe.toml").read_text()
    assert text.startswith('name = "good"\n')
    assert tomllib.loads(text)["weights"] == tomllib.loads(RECIPE)["weights"]
    record(one, recipe, SPLIT, "2026-01-03")
    assert (recipe / "recipe.toml").read_text() == text


def test_a_part_of_a_split_is_not_recorded_nor_what_is_no_recipe(read, recipe, tmp_path):
    with pytest.raises(UsageError, match="cannot be recorded for the recipe: clips missing"):
        record(of_recipe(read, tmp_path, missing=3), recipe, SPLIT, "2026-01-31")
    assert (recipe / "recipe.toml").read_text() == RECIPE
    for changes, why in (
        ({"failed": {"nan": 1}}, "over 5 % failed"),
        ({"system": SystemCard(contamination="contaminated")}, "contaminated"),
        ({"system": SystemCard(stateful=True)}, "stateful"),
    ):
        with pytest.raises(UsageError, match=f"cannot be recorded for the recipe: {why}"):
            record(of_recipe(read, tmp_path, **changes), recipe, SPLIT, "2026-01-31")
    disputed = replace(of_recipe(read, tmp_path), timing=replace(TIMING, clock_disputed=True))
    with pytest.raises(UsageError, match="cannot be recorded for the recipe: clock-disputed"):
        record(disputed, recipe, SPLIT, "2026-01-31")
    assert (recipe / "recipe.toml").read_text() == RECIPE
    with pytest.raises(UsageError, match="control:silence is not a recipe folder"):
        check_recordable(parse_model("control:silence"))


def test_shipped_results_stand_there_where_the_question_is_the_same(read, recipe, tmp_path):
    record(of_recipe(read, tmp_path), recipe, SPLIT, "2026-01-31")
    rows = list(shipped_rows(recipe.parent, read))
    assert [(row.kind, row.name, row.latency_ms) for row in rows] == [
        ("reference", "good (greedy)", 31.4)
    ]
    assert latency_note(rows) == "latency of references as timed on A Processor"
    for changes in (
        {"protocol": "gridkit-0"},
        {"corpus": {"sha256": "another"}},
        {"task": "recognition"},
        {"split": {**read.result.split, "scored_sha256": "other clips"}},
    ):
        other = Scored(read.folder, replace(read.result, **changes), (), None)
        assert not list(shipped_rows(recipe.parent, other)), changes


def test_a_system_does_not_stand_beside_itself(read, recipe, tmp_path):
    scored = of_recipe(read, tmp_path)
    record(scored, recipe, SPLIT, "2026-01-31")
    record(of_recipe(read, tmp_path, "grammar"), recipe, SPLIT, "2026-01-31")
    assert [row.name for row in shipped_rows(recipe.parent, scored)] == ["good (grammar)"]


def test_results_of_other_weights_and_damaged_ones_are_left_out(read, recipe, tmp_path):
    kept = record(of_recipe(read, tmp_path), recipe, SPLIT, "2026-01-31")
    text = (recipe / "recipe.toml").read_text()
    (recipe / "recipe.toml").write_text(text.replace("ab" * 32, "cd" * 32))
    assert not list(shipped_rows(recipe.parent, read))
    (recipe / "recipe.toml").write_text(text)
    (kept.folder / RESULT_FILE).write_text(json.dumps({"schema": 99}))
    assert not list(shipped_rows(recipe.parent, read))
