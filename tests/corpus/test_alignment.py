"""Alignments: ticks, silences, and every way a file can be wrong."""

import zipfile

import pytest

from gridkit.corpus.alignment import Word, format_alignment, parse_alignment
from gridkit.corpus.codes import speaker_of
from gridkit.corpus.grammar import words_of
from gridkit.errors import AlignmentError

BBAF2N = (
    "0 23750 sil\r\n23750 29500 bin\r\n29500 34000 blue\r\n34000 35500 at\r\n"
    "35500 41000 f\r\n41000 47250 two\r\n47250 53000 now\r\n53000 74500 sil\r\n"
)


def test_ticks_are_a_25000th_of_a_second() -> None:
    words = parse_alignment(BBAF2N)
    assert words[0] == Word("bin", 0.95, 1.18)
    assert words[-1] == Word("now", 1.89, 2.12)
    assert [word.word for word in words] == list(words_of("bbaf2n"))


def test_pauses_are_no_words_and_line_ends_do_not_matter() -> None:
    text = "0 1000 sil\n1000 2000 bin\n2000 2500 sp\n2500 3000 blue\n\n3000 74500 sil"
    assert parse_alignment(text) == (Word("bin", 0.04, 0.08), Word("blue", 0.1, 0.12))
    assert parse_alignment(text.replace("\n", "\r\n")) == parse_alignment(text)


def test_writing_is_the_inverse_of_reading() -> None:
    assert format_alignment(parse_alignment(BBAF2N)) == BBAF2N


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 1000 sil\n2000 1000 bin\n", "line 2"),  # backwards
        ("1000 2000 bin\n0 1000 blue\n", "line 2"),  # shuffled
        ("0 2000 bin\n1500 3000 blue\n", "line 2"),  # overlapping
        ("0 0 bin\n", "longer than nothing"),
        ("0 75001 bin\n", "by 75000 ticks"),
        ("0 1000\n", "expected START END WORD"),
        ("0 a bin\n", "expected START END WORD"),
        ("-5 10 bin\n", "expected START END WORD"),
        ("0 1.5 bin\n", "expected START END WORD"),
        ("0 74500 sil\n", "no word"),
        ("", "no word"),
    ],
)
def test_a_broken_file_says_where_and_why(text: str, why: str) -> None:
    with pytest.raises(AlignmentError, match=why) as error:
        parse_alignment(text, "s1/bbaf2n.align")
    assert "s1/bbaf2n.align" in str(error.value)


@pytest.mark.grid
def test_all_34000_alignments_of_grid(grid_dir) -> None:
    with zipfile.ZipFile(grid_dir / "alignments.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".align")]
        assert len(names) == 34_000
        for name in names:
            _, speaker, file = name.split("/")
            code = file.removesuffix(".align")
            text = archive.read(name).decode()
            words = parse_alignment(text, name)
            assert tuple(word.word for word in words) == words_of(code)
            assert speaker_of(code) == speaker
            ticks = [int(field) for line in text.split("\r\n") for field in line.split()[:2]]
            assert all(tick % 250 == 0 for tick in ticks)
            assert ticks[-1] == 74_500
