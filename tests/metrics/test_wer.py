"""Words, characters, slots: counted as jiwer counts them."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.corpus.grammar import VOCABULARY
from gridkit.metrics.wer import score_text

SENTENCE = "bin blue at f two now"


@pytest.mark.parametrize(
    ("transcript", "errors", "slots"),
    [
        (SENTENCE, 0, (1, 1, 1, 1, 1, 1)),
        ("bin blue at s two now", 1, (1, 1, 1, 0, 1, 1)),
        ("bin blue at two now", 1, (1, 1, 1, 0, 1, 1)),
        ("well bin blue at f two now", 1, (1, 1, 1, 1, 1, 1)),
        ("", 6, (0, 0, 0, 0, 0, 0)),
        ("place red by x nine soon", 6, (0, 0, 0, 0, 0, 0)),
    ],
)
def test_words_and_slots(transcript, errors, slots):
    score = score_text(SENTENCE, transcript)
    assert (score.word_errors, score.words, score.slots) == (errors, 6, slots)
    assert score.sentence_error == (errors > 0)


def test_characters_count_spaces():
    score = score_text("ab cd", "abcd")
    assert (score.character_errors, score.characters) == (1, 5)
    assert score_text(SENTENCE, "").character_errors == len(SENTENCE)


@given(st.lists(st.lists(st.sampled_from(VOCABULARY), max_size=8), min_size=1, max_size=6))
def test_pooled_counts_are_jiwers_rates(hypotheses):
    transcript = [" ".join(words) for words in hypotheses]
    said = [SENTENCE] * len(transcript)
    scores = [score_text(one, other) for one, other in zip(said, transcript, strict=True)]
    wer = sum(score.word_errors for score in scores) / sum(score.words for score in scores)
    cer = sum(s.character_errors for s in scores) / sum(s.characters for s in scores)
    assert wer == pytest.approx(jiwer.wer(said, transcript), abs=1e-12)
    assert cer == pytest.approx(jiwer.cer(said, transcript), abs=1e-12)
