"""Texts are made comparable before they are counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.metrics.normaliser import normalise

SENTENCE = "bin blue at f two now"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bin blue, at F two now.", SENTENCE),
        ("bin-blue at f 2 now", SENTENCE),
        ("bin blue at F2 now", SENTENCE),
        ("bin blue at 2f now", "bin blue at two f now"),
        ("set white with z 0 please", "set white with z zero please"),
        ("it's  a\ttest\n", "it's a test"),
        ("10", "one zero"),
        ("", ""),
        ("...", ""),
        ("blé", "bl"),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once
    assert set(once) <= set("abcdefghijklmnopqrstuvwxyz' ")
