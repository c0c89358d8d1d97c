"""The sentence: 51 words, 64,000 sentences, codes both ways."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.corpus.grammar import (
    CODE_LENGTH,
    SLOTS,
    VOCABULARY,
    code_of,
    is_code,
    text_of,
    words_of,
)
from gridkit.errors import CodeError

codes = st.tuples(*(st.sampled_from(sorted(slot)) for slot in SLOTS)).map("".join)


def test_there_are_51_words_and_64000_sentences() -> None:
    assert [len(slot) for slot in SLOTS] == [4, 4, 4, 25, 10, 4]
    assert len(VOCABULARY) == 51
    assert len({text_of("".join(code)) for code in product(*SLOTS)}) == 64_000


@given(codes)
def test_code_and_words_are_inverse(code: str) -> None:
    assert code_of(words_of(code)) == code
    assert is_code(code)


@given(st.text(max_size=8))
def test_any_text_is_a_code_or_a_clear_error(text: str) -> None:
    if is_code(text):
        assert len(words_of(text)) == CODE_LENGTH
    else:
        with pytest.raises(CodeError, match=r"is not a GRID code: .+"):
            words_of(text)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("bbaw2n", "'w' cannot be the letter"),
        ("bbaf0n", "'0' cannot be the digit"),
        ("xbaf2n", "'x' cannot be the command"),
        ("bbaf2", "5 characters"),
        ("BBAF2N", "'B' cannot be the command"),
    ],
)
def test_an_error_names_the_slot(code: str, why: str) -> None:
    with pytest.raises(CodeError, match=why):
        words_of(code)


@pytest.mark.parametrize("words", ["bin blue at w two now", "bin blue at f two", "two now"])
def test_words_that_are_no_sentence_are_refused(words: str) -> None:
    with pytest.raises(CodeError, match="is not a GRID sentence"):
        code_of(words.split())
