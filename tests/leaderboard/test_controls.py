"""Recognisers on the board: beside the systems, and never ranked or submitted."""

from dataclasses import replace

import pytest
from leaderboard.conftest import SPLIT
from leaderboard.test_site import Tags, rows_of
from support.small_recipes import RECOGNISER, write_recipe

from gridkit.errors import UsageError
from gridkit.evaluation.options import Options
from gridkit.evaluation.scoring.scorer import open_scorer
from gridkit.evaluation.subset import open_subset
from gridkit.leaderboard.controls import recogniser_rows, write_controls
from gridkit.leaderboard.site.build import build
from gridkit.leaderboard.submit import check_result
from gridkit.results.files import read_scored


def test_recognisers_have_a_table_of_their_own_in_which_nobody_is_ranked(tmp_path, voices):
    recipe = write_recipe(tmp_path / "ear", RECOGNISER)
    subset = open_subset(voices, SPLIT)
    options = Options(recognisers=(), workers=1)
    names = [f"{recipe}:greedy", f"{recipe}:grammar"]
    with open_scorer(subset, options) as scorer:
        rows = list(recogniser_rows(names, subset, options, scorer, tmp_path / "work"))
    assert [(row.result.task, row.result.rank_metric) for row in rows] == [
        ("recognition", "wer")
    ] * 2
    board = tmp_path / "board"
    assert [path.relative_to(board).as_posix() for path in write_controls(board, rows)] == [
        "controls/recognition-six/small-greedy",
        "controls/recognition-six/small-grammar",
    ]
    assert build(board, tmp_path / "site").boards == 1
    page = tmp_path / "site/index.html"
    assert sorted(rows_of(page)) == [
        ("control", "small (grammar)", []),
        ("control", "small (greedy)", []),
    ]
    said = Tags(page).seen
    assert "None of these is ranked" in said
    assert "has been reproduced yet" not in said
    assert (tmp_path / "site/data/standings.js").read_text() == "gridkitStandings([]);\n"


def test_what_a_recogniser_reads_is_not_submitted(honest_result):
    scored = read_scored(honest_result)
    heard = replace(scored, result=replace(scored.result, task="recognition"))
    with pytest.raises(UsageError, match="hears the recordings"):
        check_result(heard)
