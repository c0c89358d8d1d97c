"""The GRID sentence: six slots, 51 words, 64,000 sentences, and the codes that name them.

A code is the initials of its words with the digit as a figure: `bbaf2n` is
"bin blue at f two now"; zero is `z`.

Source: Cooke et al. 2006, JASA 120(5), doi 10.1121/1.2229005, table I.
"""

from collections.abc import Sequence

from gridkit.errors import CodeError

SLOT_NAMES = ("command", "colour", "preposition", "letter", "digit", "adverb")

SLOTS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"},
    dict(
        zip("123456789z", "one two three four five six seven eight nine zero".split(), strict=True)
    ),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
"""For each slot, the character of the code and the word it stands for."""

CODE_LENGTH = len(SLOTS)
VOCABULARY: tuple[str, ...] = tuple(dict.fromkeys(word for slot in SLOTS for word in slot.values()))

_INITIALS: tuple[dict[str, str], ...] = tuple(
    {word: initial for initial, word in slot.items()} for slot in SLOTS
)


def words_of(code: str) -> tuple[str, ...]:
    """Return the six words a clip code stands for.

    Raises:
        CodeError: the code is not that of a GRID sentence; the message names the slot.

    >>> words_of("bbaf2n")
    ('bin', 'blue', 'at', 'f', 'two', 'now')
    """
    # manifests keep these messages (`detail`): other words would be other bytes
    if len(code) != CODE_LENGTH:
        raise CodeError(f"{code!r} is not a GRID code: {len(code)} characters, not {CODE_LENGTH}")
    for name, slot, initial in zip(SLOT_NAMES, SLOTS, code, strict=True):
        if initial not in slot:
            raise CodeError(
                f"{code!r} is not a GRID code: {initial!r} cannot be the {name} "
                f"(one of {' '.join(slot)})"
            )
    return tuple(slot[initial] for slot, initial in zip(SLOTS, code, strict=True))


def text_of(code: str) -> str:
    """Return the sentence as one line of text.

    >>> text_of("swazzp")
    'set white at z zero please'
    """
    return " ".join(words_of(code))


def code_of(words: Sequence[str]) -> str:
    """Return the code of six words, the inverse of `words_of`.

    Raises:
        CodeError: the words are not a GRID sentence.

    >>> code_of("bin blue at f two now".split())
    'bbaf2n'
    """
    if len(words) != CODE_LENGTH:
        raise CodeError(f"{' '.join(words)!r} is not a GRID sentence: {len(words)} words, not 6")
    for name, initials, word in zip(SLOT_NAMES, _INITIALS, words, strict=True):
        if word not in initials:
            raise CodeError(
                f"{' '.join(words)!r} is not a GRID sentence: {word!r} cannot be the {name}"
            )
    return "".join(initials[word] for initials, word in zip(_INITIALS, words, strict=True))


def is_code(text: str) -> bool:
    """Tell whether a text is the code of a GRID sentence."""
    return len(text) == CODE_LENGTH and all(
        initial in slot for slot, initial in zip(SLOTS, text, strict=True)
    )
