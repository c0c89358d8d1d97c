"""Join alignments to clips by code, and check them against the code's own words.

For a speaker of GRID the folder of a file does not matter: of the files of a code, the one whose
words are those of the code counts. So Zenodo's archive, whose folders are permuted, gives the same
corpus as Sheffield's. Anyone else may say what others say too: there the speaker's own folder comes
first, and a file of another one who says it is never taken.
"""

import codecs
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridkit.corpus.alignment import TICKS_PER_SECOND, Word, check_times, parse_alignment
from gridkit.corpus.codes import SPEAKERS, speaker_of
from gridkit.corpus.grammar import text_of
from gridkit.corpus.records import Reason
from gridkit.errors import AlignmentError
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.sources import MAX_ALIGNMENT_BYTES, SourceFile
from gridkit.prepare.speakers import ClipName, UnknownClip, named_in


@dataclass(frozen=True)
class ClipWords:
    """The words of a clip."""

    words: tuple[Word, ...]
    folder_speaker: str | None
    """The speaker in whose folder the alignment is, None where no folder names one."""


def speakers_by_code(clips: Iterable[ClipName | UnknownClip]) -> Mapping[str, frozenset[str]]:
    """Return who says each code in a source."""
    speakers: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        if isinstance(clip, ClipName):
            speakers[clip.code].add(clip.speaker)
    return {code: frozenset(names) for code, names in speakers.items()}


def join_alignment(
    clip: ClipName,
    candidates: Sequence[SourceFile],
    sayers: Collection[str] = (),
    units_per_s: int | None = None,
) -> ClipWords | Rejection:
    """Return the words of a clip from the alignment files of its code.

    Of several that agree with the code, the bytewise first content counts.

    Args:
        clip: which one.
        candidates: the alignment files of its code, of any speaker.
        sayers: who has a clip of that code in the source.
        units_per_s: of the times, where a person gave them.
    """
    if not candidates:
        return Rejection(Reason.NO_ALIGNMENT, f"no {clip.code}.align in the source")
    mine = usable(clip, candidates, sayers)
    if not mine:
        names = " ".join(sorted({file.key for file in candidates})[:3])
        detail = (
            f"{names} may be another speaker's; put that of {clip.speaker} into a folder so named"
        )
        return Rejection(Reason.NO_ALIGNMENT, detail)
    fitting: list[tuple[str, str, tuple[Word, ...]]] = []
    failed: list[tuple[Reason, str]] = []
    for file in mine:
        try:
            text = _text(file)
            check_times(text, file.key, units_per_s)
            words = parse_alignment(text, file.key, units_per_s or TICKS_PER_SECOND)
        except AlignmentError as error:
            failed.append((Reason.BAD_ALIGNMENT, str(error)))
            continue
        spoken = " ".join(word.word for word in words)
        if spoken == text_of(clip.code):
            fitting.append((text, file.key, words))
        else:
            failed.append((Reason.CODE_MISMATCH, f"{file.key} says {spoken!r}"))
    if not fitting:
        reason, detail = min(failed)
        return Rejection(reason, detail)
    _, key, words = min(fitting)
    return ClipWords(words, named_in(key, {clip.speaker, *sayers}))


def usable(
    clip: ClipName, candidates: Sequence[SourceFile], sayers: Collection[str]
) -> list[SourceFile]:
    """Return the files that can be this speaker's, the speaker's own folder alone if it has one."""
    others = set(sayers) - {clip.speaker}
    named = [(named_in(file.key, {clip.speaker, *others}), file) for file in candidates]
    is_grid = clip.speaker in SPEAKERS

    def owned(speaker: str) -> list[SourceFile]:
        if speaker in SPEAKERS:  # the folders of GRID's alignments are permuted
            return [file for name, file in named if name in SPEAKERS]
        return [file for name, file in named if name == speaker]

    own = owned(clip.speaker)
    if own and (others or not is_grid):
        return own
    grids = SPEAKERS if speaker_of(clip.code) is not None and not is_grid else ()
    free = [(name, file) for name, file in named if name not in others and name not in grids]
    if any(not owned(other) for other in others):  # a file without a name may be theirs as well
        free = [(name, file) for name, file in free if name is not None]
    return [file for _, file in free]


def _text(file: SourceFile) -> str:
    if file.size_bytes > MAX_ALIGNMENT_BYTES:
        raise AlignmentError(f"{file.key}: {file.size_bytes} bytes, too large for an alignment")
    try:
        content = file.read()
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise AlignmentError(f"{file.key}: cannot be read as text: {error}") from error
