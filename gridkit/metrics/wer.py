"""The word error rate; with it character errors, sentence errors, slots.

Texts are normalised (`gridkit.metrics.normaliser`), then compared by jiwer. Errors and lengths are
counts, to be pooled over clips: a rate is the sum of the errors over the sum of the lengths of the
references.
"""

from dataclasses import dataclass

import jiwer

from gridkit.metrics.normaliser import normalise


@dataclass(frozen=True)
class TextScore:
    """One sentence against its reference, as counts."""

    transcript: str
    """The normalised words that were counted."""
    word_errors: int
    words: int
    """Words of the reference."""
    character_errors: int
    characters: int
    """Characters of the reference, spaces too."""
    slots: tuple[int, ...]
    """1 for each word of the reference that jiwer's alignment finds unchanged, else 0."""

    @property
    def sentence_error(self) -> int:
        """1 where any word is wrong, else 0."""
        return int(self.word_errors > 0)

    @property
    def wer(self) -> float:
        """Word errors over the words of the reference."""
        return self.word_errors / self.words

    @property
    def cer(self) -> float:
        """Character errors over the characters of the reference."""
        return self.character_errors / self.characters

    def __repr__(self) -> str:
        """Return the rates and the slots; the counts are attributes."""
        return f"TextScore(wer={self.wer:.4g}, cer={self.cer:.4g}, slots={self.slots})"


def score_text(sentence: str, transcript: str) -> TextScore:
    """Count the errors of a transcript against the sentence that was said.

    Args:
        sentence: the reference; at least one word.
        transcript: the hypothesis; may be empty.
    """
    sentence, transcript = normalise(sentence), normalise(transcript)
    by_word = jiwer.process_words(sentence, transcript)
    by_character = jiwer.process_characters(sentence, transcript)
    slots = [0] * len(sentence.split())
    for chunk in by_word.alignments[0]:
        if chunk.type == "equal":
            slots[chunk.ref_start_idx : chunk.ref_end_idx] = [1] * (
                chunk.ref_end_idx - chunk.ref_start_idx
            )
    return TextScore(
        transcript,
        _edits(by_word),
        len(slots),
        _edits(by_character),
        len(sentence),
        tuple(slots),
    )


def _edits(counted: jiwer.WordOutput | jiwer.CharacterOutput) -> int:
    return counted.substitutions + counted.deletions + counted.insertions
