"""The characters a GRID model writes, and the classes of the frame-by-frame word head.

Class 0 is CTC's blank, then space and a to z: 28 classes. The word head has silence as class 0,
then GRID's 51 words.
"""

from collections.abc import Iterable

from gridkit.corpus.alignment import Word
from gridkit.corpus.grammar import VOCABULARY

BLANK = 0
CHARACTERS = " abcdefghijklmnopqrstuvwxyz"
CLASSES = len(CHARACTERS) + 1
SILENCE = 0
WORD_CLASSES = len(VOCABULARY) + 1

_INDEX = {character: index for index, character in enumerate(CHARACTERS, start=1)}
_WORD_INDEX = {word: index for index, word in enumerate(VOCABULARY, start=1)}


def encode(text: str) -> list[int]:
    """Return the classes of a text in lower case.

    >>> encode("at b")
    [2, 21, 1, 3]
    """
    return [_INDEX[character] for character in text]


def decode(classes: Iterable[int]) -> str:
    """Return the text of classes without blanks, the inverse of `encode`."""
    return "".join(CHARACTERS[index - 1] for index in classes)


def word_frames(words: Iterable[Word], frames: int, rate_hz: float) -> list[int]:
    """Return the word class at the middle of each frame, silence where nothing is spoken.

    Args:
        words: the alignment of a clip.
        frames: how many frames.
        rate_hz: frames per second.

    >>> word_frames([Word("blue", 0.04, 0.12)], 4, 25.0)
    [0, 5, 5, 0]
    """
    labels = [SILENCE] * frames
    for word in words:
        first = max(0, round(word.start_s * rate_hz))
        last = min(frames, round(word.end_s * rate_hz))
        labels[first:last] = [_WORD_INDEX[word.word]] * (last - first)
    return labels
