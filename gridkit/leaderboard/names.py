"""Names on the board: of folders, which every file system takes, and of systems, as people read.

A name that looks like another one is told by its skeleton: what is left when letters that look
alike are one letter (the Unicode list of confusables, of the package confusable-homoglyphs).
"""

import re
import unicodedata
from functools import cache

from confusable_homoglyphs import confusables

from gridkit.errors import SubmissionError

LONGEST_NAME = 80
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]")
"""Characters that show nothing and yet are letters, marks or signs: Unicode's Default_Ignorable."""
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_TOGETHER = ({"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"}, {"HANGUL", "CJK"})
"""Scripts that one word of Japanese or Korean holds."""


def check_slug(text: str, what: str) -> str:
    """Return a part of a submission's path, where every file system takes it.

    >>> check_slug("lipnet-s1", "MODEL")
    'lipnet-s1'

    Args:
        text: the part: an organisation, a model or a revision.
        what: which of them, for the message.

    Raises:
        SubmissionError: it is another kind of name.
    """
    if not _SLUG.fullmatch(text) or ".." in text or _WINDOWS_DEVICE.fullmatch(text):
        raise SubmissionError(
            "name",
            f"{what} {text!r}: 1 to 64 small letters, digits, dots and dashes, that begins and "
            "ends with a letter or digit, without .. and no device name of Windows",
        )
    return text


def check_display_name(text: str) -> str:
    """Return the name that the board shows.

    Raises:
        SubmissionError: it is empty, too long, not NFC, holds what cannot be seen, or mixes
            scripts within a word.
    """
    if not text.strip() or len(text) > LONGEST_NAME:
        raise SubmissionError("name", f"the name has {len(text)} characters, not 1 to 80")
    if unicodedata.normalize("NFC", text) != text:
        raise SubmissionError("name", f"the name {text!r} is not in Unicode's form NFC")
    if ":" in text or not any(c.isalnum() and not _UNSEEN.match(c) for c in text):
        raise SubmissionError("name", f"the name {text!r} holds a colon, or no letter or digit")
    odd = [
        c
        for c in text
        if _UNSEEN.match(c) or unicodedata.category(c)[0] == "C" or (c.isspace() and c != " ")
    ]
    if odd:
        raise SubmissionError("name", f"the name {text!r} holds {odd[0]!r}, which cannot be seen")
    for word in text.split():
        scripts = {_script(c) for c in word if c.isalpha()}
        if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
            mixed = ", ".join(sorted(scripts)).lower()
            raise SubmissionError("name", f"the word {word!r} of the name mixes scripts: {mixed}")
    return text


@cache
def skeleton(text: str) -> str:
    """Return what a name looks like: equal for names that a reader takes for one another.

    >>> skeleton("LipNet l") == skeleton("1ipnet I")
    True
    """
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in "".join(map(_look, plain)) if c.isalnum())


def _look(character: str) -> str:
    if unicodedata.combining(character):
        return ""
    alike = [entry["c"] for entry in confusables.confusables_data.get(character, ())]
    ascii_ones = [c.lower() for c in (character, *alike) if len(c) == 1 and c.isascii()]
    return max((c for c in ascii_ones if c.isalnum()), default=character.casefold())


def _script(letter: str) -> str:
    """Return the script of a letter, as the first word of its Unicode name says it."""
    return unicodedata.name(letter, "UNKNOWN").split()[0]
