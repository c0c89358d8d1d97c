"""Words that are wrong are marked, those that are right are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gridkit.evaluation.report.confusion import align_sentence
from gridkit.evaluation.video.lettering import BAD, INK, PAPER, fitting, font, write, write_marked

SAID = "bin blue at f two now"


def drawn(heard, width=700, size=30):
    page = Image.new("RGB", (800, 60), PAPER)
    write_marked(ImageDraw.Draw(page), (10, 5), align_sentence(SAID, heard), size, width)
    return np.asarray(page)


def columns_of(picture, colour):
    return np.flatnonzero((picture == colour).all(axis=2).any(axis=0))


def test_a_sentence_without_errors_has_no_mark():
    assert not columns_of(drawn(SAID), BAD).size
    assert columns_of(drawn(SAID), INK).size


@pytest.mark.parametrize("wrong", range(6))
def test_the_mark_stands_at_the_wrong_word(wrong):
    words = SAID.split()
    words[wrong] = "wrong"
    marked, right = (columns_of(drawn(" ".join(words)), colour) for colour in (BAD, INK))
    assert np.ptp(marked) == pytest.approx(font(30).getlength("wrong"), abs=4)
    assert (right < marked[0]).any() == (wrong > 0)
    assert (right > marked[-1]).any() == (wrong < 5)
    assert not ((right >= marked[0]) & (right <= marked[-1])).any()


def test_a_missing_word_is_struck_through_and_an_extra_one_underlined():
    for heard, word, below in (
        ("bin at f two now", "blue", False),
        ("bin blue at f two again now", "again", True),
    ):
        marked = (drawn(heard) == BAD).all(axis=2).sum(axis=1)
        line = np.flatnonzero(marked > 0.9 * font(30).getlength(word))
        assert 1 <= line.size <= 4
        assert (line.min() > 5 + 30) == below


def test_a_long_transcript_stays_in_its_line():
    for heard in (SAID + 10 * " again", SAID + 60 * " please"):
        picture = drawn(heard, width=500)
        used = np.flatnonzero((picture != PAPER).any(axis=(0, 2)))
        assert 400 < used.max() < 10 + 500 + 20


def test_long_names_get_small_then_short():
    text, found = fitting("a name that is too long", 200, 40)
    assert text == "a name that is too long"
    assert 13 <= found.size < 40
    text, found = fitting("results/" + "long" * 60, 200, 40)
    assert text.endswith("...")
    assert found.getlength(text) <= 200
    page = Image.new("RGB", (300, 60), PAPER)
    taken = write(ImageDraw.Draw(page), (0, 0), "long" * 60, 40, width_px=200)
    assert np.flatnonzero((np.asarray(page) != PAPER).any(axis=(0, 2))).max() <= taken + 1 <= 201


def test_a_minus_sign_is_drawn_as_one():
    assert fitting("\N{MINUS SIGN}0.012", 200, 30)[0] == "-0.012"
