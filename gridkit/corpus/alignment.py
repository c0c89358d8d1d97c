"""Word alignments: which word is spoken when.

A file has lines `START END WORD` in ticks of 1/25,000 s, so that 1,000 ticks are one video
frame at 25 fps. (Tools that divide by 1,000 and call it seconds are 25 times off.) Silence is
`sil` at the ends and `sp` between words; neither is a word of the sentence.

Other programs write other units. Their times would still run forwards and stay inside the clip, so
a file whose sentence cannot be spoken so early, or whose last silence ends where another unit has
the end of a clip, is refused with the unit that it seems to have.

Source: counted over all 34,000 files of Zenodo record 3625687.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gridkit.errors import AlignmentError

TICKS_PER_SECOND = 25_000
CLIP_S = 3
CLIP_TICKS = CLIP_S * TICKS_PER_SECOND
LAST_TICK = 74_500
"""Where the last silence of every alignment of GRID ends."""
SILENCES = frozenset({"sil", "sp"})
EARLIEST_END_S = 1.0
"""No sentence ends earlier: of GRID's 34,000 the earliest ends at 1.32 s."""

UNITS: dict[str, int] = {"ticks": TICKS_PER_SECOND, "frames": 25, "ms": 1000, "seconds": 1}
"""Units by name, in units per second."""
_OTHER_UNITS: dict[str, int] = {
    "seconds": 1,
    "frames": 25,
    "hundredths of a second": 100,
    "ms": 1000,
    **{f"samples at {rate} Hz": rate for rate in (8000, 16000, 22050, 24000, 32000, 44100, 48000)},
    "microseconds": 1_000_000,
    "steps of 100 ns": 10_000_000,
}
_CLIP_END_S = (2.95, 3.01)
"""Between these the last silence of a clip ends, in any unit; GRID's at 2.98 s."""


@dataclass(frozen=True)
class Word:
    """A spoken word and its place in the clip."""

    word: str
    start_s: float
    end_s: float


def parse_alignment(
    text: str, where: str = "alignment", units_per_s: int = TICKS_PER_SECOND
) -> tuple[Word, ...]:
    r"""Read an alignment file into its spoken words, in order and in lower case.

    Args:
        text: the content of a `.align` file; any line ends, blank lines ignored.
        where: what to call the file in an error.
        units_per_s: of its times.

    Raises:
        AlignmentError: a line is not `START END WORD`, times run backwards, overlap or leave
            the clip, or no word is spoken.

    >>> parse_alignment("0 23750 sil\r\n23750 29500 bin\r\n29500 74500 sil\r\n")
    (Word(word='bin', start_s=0.95, end_s=1.18),)
    """
    words = []
    previous_end = 0.0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        start, end, word = _parse_line(line, f"{where}, line {number}")
        if not previous_end <= start < end <= CLIP_S * units_per_s:
            raise AlignmentError(
                f"{where}, line {number}: {line.strip()!r} must start at or after "
                f"{previous_end:g}, last longer than nothing and end by {CLIP_S * units_per_s} "
                f"{_unit_name(units_per_s)}"
            )
        previous_end = end
        if word not in SILENCES:
            words.append(Word(word, start / units_per_s, end / units_per_s))
    if not words:
        raise AlignmentError(f"{where}: no word in it")
    return tuple(words)


def check_times(text: str, where: str = "alignment", units_per_s: int | None = None) -> None:
    """Refuse an alignment of a whole sentence whose times cannot be, or seem to have another unit.

    Args:
        text: the content of the file.
        where: what to call it in an error.
        units_per_s: of its times, where a person gave them; None: ticks, unless they cannot be.

    Raises:
        AlignmentError: it ends where no sentence does; the message names the likely unit.

    >>> check_times("0 16 sil\\n16 50 bin\\n50 74 sil")
    Traceback (most recent call last):
    gridkit.errors.AlignmentError: alignment: the sentence ends at 0.002 s, in ticks of 1/25000 s; \
these look like frames: say so with --alignment-unit frames
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    rows = [line for line in lines if len(line) == 3 and _is_number(line[1])]
    spoken = [float(end) for _, end, word in rows if word.lower() not in SILENCES]
    if not spoken or len(rows) != len(lines):
        return  # `parse_alignment` says what is wrong
    unit = units_per_s or TICKS_PER_SECOND
    last = float(rows[-1][1])
    ends_in_silence = rows[-1][2].lower() in SILENCES
    likely = _likely_unit(last, ends_in_silence) if units_per_s is None else None
    in_time = EARLIEST_END_S * unit <= spoken[-1] <= CLIP_S * unit
    if in_time and likely is None:
        return
    seems = "" if likely is None else f"; these look like {likely}: {_option(likely)}"
    raise AlignmentError(
        f"{where}: the sentence ends at {spoken[-1] / unit:.3f} s, in {_unit_name(unit)}{seems}"
    )


def _likely_unit(last: float, ends_in_silence: bool) -> str | None:
    """Return the only unit, other than ticks, in which the last time is the end of a clip."""
    low, high = _CLIP_END_S
    if not ends_in_silence:
        if last >= EARLIEST_END_S * TICKS_PER_SECOND and last <= CLIP_TICKS:
            return None
        low = EARLIEST_END_S
    elif low <= last / TICKS_PER_SECOND <= high:
        return None
    fitting = [name for name, unit in _OTHER_UNITS.items() if low <= last / unit <= high]
    return fitting[0] if len(fitting) == 1 else None


def _option(unit: str) -> str:
    return f"say so with --alignment-unit {unit if unit in UNITS else _OTHER_UNITS[unit]}"


def _unit_name(units_per_s: int) -> str:
    if units_per_s == TICKS_PER_SECOND:
        return "ticks of 1/25000 s"
    return next((name for name, unit in UNITS.items() if unit == units_per_s), f"1/{units_per_s} s")


def format_alignment(words: Iterable[Word]) -> str:
    """Write words as a GRID alignment file: CRLF, silence in every gap and to the clip's end.

    >>> format_alignment([Word("bin", 0.95, 1.18)]).splitlines()
    ['0 23750 sil', '23750 29500 bin', '29500 74500 sil']
    """
    lines: list[str] = []
    previous = 0
    for word in words:
        start, end = (round(time * TICKS_PER_SECOND) for time in (word.start_s, word.end_s))
        if start > previous:
            lines.append(f"{previous} {start} {'sp' if lines else 'sil'}")
        lines.append(f"{start} {end} {word.word}")
        previous = end
    if previous < LAST_TICK:
        lines.append(f"{previous} {LAST_TICK} sil")
    return "".join(f"{line}\r\n" for line in lines)


def _parse_line(line: str, where: str) -> tuple[float, float, str]:
    fields = line.split()
    if len(fields) != 3 or not (_is_number(fields[0]) and _is_number(fields[1])):
        raise AlignmentError(f"{where}: expected START END WORD, got {line.strip()!r}")
    return float(fields[0]), float(fields[1]), fields[2].lower()


def _is_number(text: str) -> bool:
    """Whether a text is digits, perhaps with a point: no sign, exponent or `nan`."""
    whole, _, part = text.partition(".")
    return (whole + part).isdecimal() and whole.isascii() and part.isascii() and len(text) <= 24
