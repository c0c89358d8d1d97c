"""Texts as they are counted: differences of spelling alone are not errors."""

import re

NORMALISER = "gridkit-text-1"
"""Version of `normalise`; a change that can move a count makes the next one."""

DIGIT_WORDS = "zero one two three four five six seven eight nine".split()


def normalise(text: str) -> str:
    """Return a text as it is counted.

    Lower case; all but a-z, 0-9 and the apostrophe to spaces; each digit to its word, apart
    from what it touches; single spaces.

    >>> normalise("Bin BLUE, at F2 now!")
    'bin blue at f two now'
    """
    kept = re.sub(r"[^a-z0-9']", " ", text.lower())
    spelt = re.sub(r"[0-9]", lambda digit: f" {DIGIT_WORDS[int(digit[0])]} ", kept)
    return " ".join(spelt.split())
