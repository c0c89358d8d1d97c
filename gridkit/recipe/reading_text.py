"""What was read, as others take it: as JSON for programs, and what a person should know of it."""

from collections.abc import Iterator
from typing import Any

from gridkit.models.word_timing import TimedWord
from gridkit.recipe.reading import SENTENCE_S, Reading, Unseen, text_of_words


def reading_json(reading: Reading) -> dict[str, Any]:
    """Return a reading as `gridkit read --json` prints it, times in seconds to the millisecond."""
    return {
        "length_s": round(reading.length_s, 3),
        "face_share": reading.face_share,
        "faces": reading.faces,
        "sentences": [sentence_json(sentence) for sentence in reading.sentences],
        "unseen": unseen_json(reading),
    }


def reading_of(told: dict[str, Any]) -> Reading:
    """Return the reading that `reading_json` told; more keys are allowed."""
    sentences = (
        tuple(
            TimedWord(word["word"], word["start_s"], word["end_s"], word["confidence"])
            for word in sentence["words"]
        )
        for sentence in told["sentences"]
    )
    unseen = (Unseen(gap["start_s"], gap["end_s"]) for gap in told["unseen"])
    return Reading(
        tuple(sentences), told["length_s"], told["face_share"], told["faces"], tuple(unseen)
    )


def unseen_json(reading: Reading) -> list[dict[str, float]]:
    """Return where words may be missing."""
    return [
        {"start_s": round(gap.start_s, 3), "end_s": round(gap.end_s, 3)} for gap in reading.unseen
    ]


def sentence_json(words: tuple[TimedWord, ...]) -> dict[str, Any]:
    """Return a sentence."""
    said = [
        {
            "word": word.word,
            "start_s": round(word.start_s, 3),
            "end_s": round(word.end_s, 3),
            "confidence": word.confidence,
        }
        for word in words
    ]
    return {
        "text": text_of_words(words),
        "start_s": said[0]["start_s"],
        "end_s": said[-1]["end_s"],
        "words": said,
    }


def why_nothing(reading: Reading) -> str:
    """Return the likely reason why a video that shows a face gave no sentence."""
    face = face_line(reading.face_share)
    if reading.length_s < SENTENCE_S:
        return f"{reading.length_s:.2f} s is too short for a sentence; {face}"
    return f"{face}, but no speech that can be read"


def remarks(reading: Reading) -> Iterator[str]:
    """Yield what limits the sentences that were read, each in a line."""
    if reading.face_share < 1:
        yield face_line(reading.face_share)
    for gap in reading.unseen:
        yield unseen_line(gap.start_s, gap.end_s)
    if reading.faces > 1:
        yield faces_line(reading.faces)


def face_line(face_share: float) -> str:
    """Say in how much of a clip a face was found: 100 % where it is in every frame.

    >>> face_line(0.998)
    'a face was found in 99 % of the frames'
    """
    percent = round(100 * face_share)
    return f"a face was found in {min(percent, 99 if face_share < 1 else 100)} % of the frames"


def faces_line(faces: int) -> str:
    """Say which face counts where there are several.

    >>> faces_line(2)
    '2 faces in one picture: the one whose lips move most counts'
    """
    return f"{faces} faces in one picture: the one whose lips move most counts"


def unseen_line(start_s: float, end_s: float) -> str:
    """Say where words may be missing.

    >>> unseen_line(1.2, 1.8)
    'no face from 1.20 to 1.80 s: words may be missing or guessed there'
    """
    return f"no face from {start_s:.2f} to {end_s:.2f} s: words may be missing or guessed there"
