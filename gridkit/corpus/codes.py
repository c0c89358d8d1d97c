"""GRID's 34,000 clips: which speaker says which sentence, and each clip's rank.

All codes are distinct, so the code alone gives the speaker. The list ships with the package:
ranks and speakers come from it and never from the folders of a source, so that a clip missing
from a source does not move any other.

Source: the alignments of Zenodo record 3625687, counted.
"""

import hashlib
import re
from functools import cache
from importlib import resources

SPEAKERS: tuple[str, ...] = tuple(f"s{number}" for number in range(1, 35))
SPEAKERS_WITH_VIDEO: tuple[str, ...] = tuple(s for s in SPEAKERS if s != "s21")
SPEAKER_NAME = re.compile(r"[sx][1-9][0-9]*")
"""Of GRID, or of synthetic clips."""


def clip_id(speaker: str, code: str) -> str:
    """Return the id a clip is known by everywhere: `s1/bbaf2n`."""
    return f"{speaker}/{code}"


def split_id(clip: str) -> tuple[str, str]:
    """Return speaker and code of an id."""
    speaker, _, code = clip.partition("/")
    return speaker, code


@cache
def codes_by_speaker() -> dict[str, tuple[str, ...]]:
    """Return each speaker's 1,000 codes, sorted."""
    return read_code_list("codes.txt")


@cache
def _speaker_by_code() -> dict[str, str]:
    return {code: speaker for speaker, codes in codes_by_speaker().items() for code in codes}


def speaker_of(code: str) -> str | None:
    """Return the GRID speaker who says this sentence, None where nobody does.

    >>> speaker_of("bbaf2n"), speaker_of("zzzzzz")
    ('s1', None)
    """
    return _speaker_by_code().get(code)


def rank_key(clip: str) -> str:
    """Return what clips of a speaker are ordered by: the SHA-256 of the id, in hex."""
    return hashlib.sha256(clip.encode()).hexdigest()


@cache
def ranked_ids(speaker: str) -> tuple[str, ...]:
    """Return a GRID speaker's 1,000 ids by rank; rank 1 comes first."""
    return tuple(
        sorted((clip_id(speaker, code) for code in codes_by_speaker()[speaker]), key=rank_key)
    )


def speaker_order(speaker: str) -> tuple[str, int, str]:
    """Sort key that puts s2 before s10.

    >>> sorted(["s10", "x1", "s2"], key=speaker_order)
    ['s2', 's10', 'x1']
    """
    prefix = speaker.rstrip("0123456789")
    number = speaker[len(prefix) :]
    return prefix, int(number or 0), speaker


def read_code_list(name: str) -> dict[str, tuple[str, ...]]:
    """Read a packaged list: one line `SPEAKER CODE CODE ...` per speaker."""
    text = resources.files("gridkit.corpus").joinpath("data", name).read_text()
    lines = (line.split() for line in text.splitlines())
    return {speaker: tuple(codes) for speaker, *codes in lines}
