"""Join alignments to clips by code, and check them against the code's own words.

The folder of a file does not matter: of the files of a code, the one whose words are those of the
code counts. So Zenodo's archive, whose folders are permuted, gives the same corpus as Sheffield's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gridkit.corpus.alignment import Word, parse_alignment
from gridkit.corpus.codes import speaker_of
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import Reason
from gridkit.errors import AlignmentError
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.sources import MAX_ALIGNMENT_BYTES, SourceFile, folder_speaker


@dataclass(frozen=True)
class ClipWords:
    """The words of a clip."""

    words: tuple[Word, ...]
    folder_speaker: str | None
    """The speaker in whose folder the alignment is, None where no folder names one."""


def join_alignment(
    speaker: str, code: str, candidates: Sequence[SourceFile]
) -> ClipWords | Rejection:
    """Return the words of a clip from the alignment files of its code.

    A sentence of GRID belongs to one speaker, so folders do not matter. For other speakers
    two may say the same sentence: there a file in the speaker's own folder comes first.

    Of several that agree with the code, the bytewise first content counts, in any folder.
    """
    if speaker_of(code) is None:
        own = [file for file in candidates if folder_speaker(file.key) == speaker]
        candidates = own or candidates
    if not candidates:
        return Rejection(Reason.NO_ALIGNMENT, f"no {code}.align in the source")
    fitting: list[tuple[str, str, tuple[Word, ...]]] = []
    failed: list[tuple[Reason, str]] = []
    for file in candidates:
        try:
            text = _text(file)
            words = parse_alignment(text, file.key)
        except AlignmentError as error:
            failed.append((Reason.BAD_ALIGNMENT, str(error)))
            continue
        spoken = " ".join(word.word for word in words)
        if spoken == text_of(code):
            fitting.append((text, file.key, words))
        else:
            failed.append((Reason.CODE_MISMATCH, f"{file.key} says {spoken!r}"))
    if not fitting:
        reason, detail = min(failed)
        return Rejection(reason, detail)
    _, key, words = min(fitting)
    return ClipWords(words, folder_speaker(key))


def _text(file: SourceFile) -> str:
    if file.size_bytes > MAX_ALIGNMENT_BYTES:
        raise AlignmentError(f"{file.key}: {file.size_bytes} bytes, too large for an alignment")
    try:
        return file.read().decode("ascii")
    except (UnicodeDecodeError, OSError) as error:
        raise AlignmentError(f"{file.key}: cannot be read as text: {error}") from error
