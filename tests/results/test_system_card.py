"""What a result says of its system: the same in as out, and clear refusals."""

import json
from pathlib import Path

import pytest

from gridkit.errors import ResultError
from gridkit.results.files import read_result, result_to_json
from gridkit.results.system_card import (
    SystemCard,
    card_of_entries,
    read_system_card,
    write_system_card,
)

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = sorted(RECIPES.glob("*/results/*/result.json"))
CARDS = [
    SystemCard("control:silence", "v2s", isolation="does not apply", stateful=False),
    SystemCard("x.py", "v2s", "mouth96", 16_000, limits_s={"clip_s": 60.0, "load_s": 300.0}),
    SystemCard("r", "recognition", decoding="greedy", limits_s={"clip_s": 1.5}),
    SystemCard("p", contamination="unknown", others={"licence": "é", "speakers": ["s1", "s2"]}),
]


def test_some_are_shipped():
    assert len(SHIPPED) == 17


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parts[-4] + path.parts[-2])
def test_results_that_recipes_ship_come_back_byte_for_byte(path):
    result = read_result(path.parent)
    assert result_to_json(result).encode() == path.read_bytes()
    card = result.system
    assert path.parts[-4] == card.name
    assert path.parts[-2].endswith("s1-test" if card.task == "v2s" else f"-{card.decoding}")
    assert (card.task, card.contamination, card.stateful) == (result.task, "clean", False)
    assert set(card.others) == {"licence", "training_speakers"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_comes_back_with_its_keys_sorted(card, tmp_path):
    write_system_card(tmp_path, card)
    assert read_system_card(tmp_path) == card
    keys = list(json.loads((tmp_path / "system.json").read_text()))
    assert keys == sorted(keys)


def test_what_ran_says_what_it_has_not_and_others_leave_it_out():
    ran = SystemCard("r", "recognition", limits_s={"clip_s": 1.0}).entries()
    assert [key for key, value in ran.items() if value is None] == [
        "crop", "revision", "sample_rate"
    ]  # fmt: skip
    assert SystemCard("control:noise", "v2s").entries() == {"name": "control:noise", "task": "v2s"}


def test_a_card_of_its_own_may_hold_a_number_where_text_is_shown():
    card = card_of_entries({"name": 7, "revision": 3, "decoding": 1.5}, "system.json")
    assert (card.full_name, card.revision) == ("7 (1.5)", "3")
    assert card_of_entries({}, "system.json").full_name == "unnamed"


def test_a_folder_without_a_card_has_none(tmp_path):
    assert read_system_card(tmp_path) is None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"stateful": "no"}, "stateful is 'no', expected bool"),
        ({"sample_rate": 16e3}, "sample_rate is 16000.0, expected int"),
        ({"crop": ["mouth96"]}, "crop is .'mouth96'., expected str"),
        ({"isolation": 7}, "isolation is 7, expected str"),
        ({"contamination": "maybe"}, "contamination is 'maybe', not one of clean, contaminated"),
        ({"limits_s": {"clip_s": "60"}}, "limits_s: clip_s is '60', expected float"),
    ],
)
def test_a_card_that_breaks_the_format_is_refused(entries, message):
    with pytest.raises(ResultError, match=f"^r.json: system: {message}"):
        card_of_entries(entries, "r.json: system")


def test_a_damaged_card_is_named(tmp_path):
    (tmp_path / "system.json").write_text("[]")
    with pytest.raises(ResultError, match=r"system\.json is damaged: expected an object, got list"):
        read_system_card(tmp_path)


def test_what_somebody_elses_card_says_is_fit_for_a_terminal():
    entries = {"name": "a\x1b[2J", "decoding": "b\x07", "licence": ["c\x9b"]}
    card = card_of_entries(entries, "system.json")
    assert (card.full_name, card.others) == ("a?[2J (b?)", {"licence": ["c?"]})
