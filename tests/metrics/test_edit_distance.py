"""The fewest edits: what training counts is what jiwer counts for results."""

from hypothesis import given
from hypothesis import strategies as st

from gridkit.corpus.grammar import VOCABULARY
from gridkit.metrics.edit_distance import edit_distance
from gridkit.metrics.wer import score_text

texts = st.lists(st.sampled_from(VOCABULARY[:8]), min_size=1, max_size=8)


@given(texts, texts)
def test_the_same_count_as_in_a_result(reference, hypothesis):
    counted = score_text(" ".join(reference), " ".join(hypothesis))
    assert edit_distance(reference, hypothesis) == counted.word_errors


def test_nothing_against_something():
    assert edit_distance([], ["bin", "blue"]) == 2
    assert edit_distance(["bin", "blue"], []) == 2
    assert edit_distance([], []) == 0
