"""Alignments: ticks, silences, and every way a file can be wrong."""

import zipfile

import pytest

from gridkit.corpus.alignment import Word, check_times, format_alignment, parse_alignment
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
        ("0 1e3 bin\n", "expected START END WORD"),
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


TIMES = [(0, 0.6), (0.6, 0.8), (0.8, 1.1), (1.1, 1.25), (1.25, 1.5), (1.5, 1.8), (1.8, 2.1)]
LABELS = ["sil", *"bin blue at f two now".split()]


def in_unit(units_per_s: int, *, silence: bool) -> str:
    rows = [*zip(TIMES, LABELS, strict=True), ((2.1, 2.98), "sil")]
    rows = rows if silence else rows[1:-1]
    number = "{:g}".format if units_per_s == 1 else "{:.0f}".format
    return "".join(
        f"{number(start * units_per_s)} {number(end * units_per_s)} {word}\n"
        for (start, end), word in rows
    )


@pytest.mark.parametrize("silence", [True, False])
@pytest.mark.parametrize(
    ("units_per_s", "option"),
    [
        (1, "seconds"),
        (25, "frames"),
        (100, "100"),
        (1000, "ms"),
        (44_100, "44100"),
        (10_000_000, "10000000"),
    ],
)
def test_times_in_another_unit_are_refused_and_the_unit_named(
    units_per_s: int, option: str, silence: bool
) -> None:
    text = in_unit(units_per_s, silence=silence)
    seems = f"--alignment-unit {option}$"
    if units_per_s == 44_100 and not silence:  # or another rate of sound
        seems = "ends at 3.704 s, in ticks of 1/25000 s$"
    with pytest.raises(AlignmentError, match=seems):
        check_times(text)
    check_times(text, units_per_s=units_per_s)
    ticks = parse_alignment(in_unit(25_000, silence=silence))
    read = parse_alignment(text, units_per_s=units_per_s)
    assert [word.word for word in read] == LABELS[1:]
    for word, expected in zip(read, ticks, strict=True):
        rounding_s = 1e-9 if units_per_s == 1 else 0.5 / units_per_s
        assert abs(word.start_s - expected.start_s) <= rounding_s + 1e-9


def test_samples_at_16_khz_show_where_the_silence_ends() -> None:
    with pytest.raises(AlignmentError, match="--alignment-unit 16000"):
        check_times(in_unit(16_000, silence=True))
    check_times(in_unit(25_000, silence=True))
    check_times(in_unit(25_000, silence=False))
    check_times("0 23750 bin\n23750 60000 blue\n60000 70000 sil\n")  # shorter, and no other unit


def test_a_unit_that_is_given_is_not_doubted_but_its_times_must_be_possible() -> None:
    check_times(in_unit(16_000, silence=True), units_per_s=25_000)
    with pytest.raises(AlignmentError, match=r"the sentence ends at 0\.084 s, in ms$"):
        check_times(in_unit(25, silence=True).replace("52", "84"), units_per_s=1000)


def test_upper_case_is_read_as_lower_case() -> None:
    assert parse_alignment(BBAF2N.upper()) == parse_alignment(BBAF2N)


@pytest.mark.grid
def test_the_times_of_all_of_grid_are_possible(grid_dir) -> None:
    with zipfile.ZipFile(grid_dir / "alignments.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".align")]
        assert len(names) == 34_000
        for name in names[::20]:
            check_times(archive.read(name).decode(), name)
