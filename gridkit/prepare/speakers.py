"""Who speaks in each source clip: one of GRID's speakers, or someone whose folder says so.

A folder `sN` is GRID's, and there the code has to be one of that speaker's. Any other folder that
names someone keeps its clips under that name, also where they say sentences of GRID: two people
may read the same ones. A name is what is left of a folder, or of an archive, without the words
that say what a folder holds: `own1_videos` names own1, `mpg_6000` names nobody. Where no folder
names anyone, the code decides. What was decided without certainty is said in a sentence.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

from gridkit.corpus.codes import SPEAKER_NAME, SPEAKERS, clip_id, speaker_of, speaker_order
from gridkit.corpus.grammar import is_code, words_of
from gridkit.corpus.records import Reason
from gridkit.errors import CodeError
from gridkit.prepare.sources import SourceFile

OWN_SHARE = 0.1
"""More sentences that nobody in GRID says than this share, and a folder is not GRID's. Of all
sentences of the grammar 47 % are such."""
HOLDS = frozenset(
    """
    grid corpus corpora dataset datasets data database lipreading lips lip face faces mouth mouths
    source sources src raw original originals orig copy backup old new all my the of and with
    video videos vid vids movie movies film films clip clips media recording recordings take takes
    mpg mpeg mp4 m4v mkv avi mov webm wmv flac wav vcd dvd cd hq lq hd high low normal quality fps
    train training val valid validation dev test tests testset sample samples example examples
    download downloads desktop documents home tmp temp file files folder archive archives zip tar
    align aligns alignment alignments aligned transcript transcripts label labels words text
    part parts set sets session sessions day days batch disc disk processed prepared extracted
    unpacked unzipped converted cut
    """.split()
)
"""Words of folders that say what is in them, not who."""

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NUMBERED = re.compile(r"(?:s|sp|spk|speaker|talker|subject)?[_-]?0*([1-9][0-9]*)")
_SEPARATORS = re.compile(r"([ _.-]+)")


@dataclass(frozen=True)
class ClipName:
    """Which clip a source file is."""

    speaker: str
    code: str

    @property
    def id(self) -> str:
        """The clip id."""
        return clip_id(self.speaker, self.code)


@dataclass(frozen=True)
class UnknownClip:
    """A source file that is not clearly one certain clip, and why."""

    speaker: str | None
    code: str | None
    reason: Reason
    detail: str


class Found(NamedTuple):
    """A source file, and which clip it is."""

    file: SourceFile
    who: ClipName | UnknownClip


@dataclass(frozen=True)
class Identified:
    """Which clip each file is, in their order, and what had to be decided without certainty."""

    found: tuple[Found, ...]
    notes: tuple[str, ...]
    """A sentence each, for a person."""


def identify(clips: Sequence[SourceFile], source_name: str) -> Identified:
    """Return which clip each file is, from its folders and the list of GRID's sentences.

    Args:
        clips: all clips of a source: a folder is judged by everything that lies in it.
        source_name: name of the source folder, the speaker of clips of one's own directly in it.
    """
    who: dict[str, ClipName | UnknownClip] = {}
    by_folder: dict[str, list[SourceFile]] = defaultdict(list)
    for file in clips:
        if not is_code(file.code):
            detail = _why_no_code(file.code)
            who[file.key] = UnknownClip(named_in(file.key), None, Reason.NOT_A_SENTENCE, detail)
            continue
        by_folder[named_in(file.key) or _UNNAMED + file.key[: -len(_base(file))]].append(file)
    notes = _Notes()
    for name, files in by_folder.items():
        if not name.startswith(_UNNAMED):
            folder = _in_named_folder(name, files, notes)
        else:
            folder = _in_unnamed_folder(files, source_name, notes)
        who.update(folder)
    return Identified(tuple(Found(file, who[file.key]) for file in clips), notes.sentences())


_UNNAMED = "/"


def named_in(key: str, known: Collection[str] = ()) -> str | None:
    """Return the speaker whom the folders of a key name, None where none does.

    The nearest folder, or archive, that is `sN` or `xN` counts; otherwise the nearest name.

    Args:
        key: path below the source.
        known: where given, only these names, and `sN` and `xN`, count.

    >>> named_in("video/s1/mpg_6000/bbaf2n.mpg"), named_in("s2.mpg_vcd.zip!bbaf2n.mpg")
    ('s1', 's2')
    >>> named_in("own1_videos/bbaf2n.mp4"), named_in("clips/bbaf2n.mp4")
    ('own1', None)
    """
    names = [name for name in map(_name_of, reversed(_folders(key))) if name]
    exact = (name for name in names if name in known or SPEAKER_NAME.fullmatch(name))
    return next(exact, None) or (None if known else next(iter(names), None))


def _in_named_folder(
    name: str, files: Sequence[SourceFile], notes: "_Notes"
) -> Iterator[tuple[str, ClipName | UnknownClip]]:
    if name in SPEAKERS:
        yield from ((file.key, _of_grid_speaker(name, file.code)) for file in files)
        return
    owners = {speaker_of(file.code) for file in files}
    number = _NUMBERED.fullmatch(name)
    if number and owners == {f"s{number[1]}"}:  # such as speaker1/, and all clips are those of s1
        yield from ((file.key, ClipName(f"s{number[1]}", file.code)) for file in files)
        return
    if not _FOLDER_NAME.fullmatch(name):
        detail = f"folder {name!r} cannot be the name of a speaker: use a-z, 0-9, - and _ only"
        for file in files:
            yield file.key, UnknownClip(None, file.code, Reason.CODE_MISMATCH, detail)
        return
    notes.own[name] += sum(speaker_of(file.code) is not None for file in files)
    yield from ((file.key, ClipName(name, file.code)) for file in files)


def _of_grid_speaker(speaker: str, code: str) -> ClipName | UnknownClip:
    owner = speaker_of(code)
    if owner == speaker:
        return ClipName(speaker, code)
    says = f"{code} is a sentence of {owner}" if owner else f"nobody in GRID says {code}"
    detail = (
        f"{says}, but lies in the folder of {speaker}; "
        "a folder with recordings of your own needs another name"
    )
    return UnknownClip(speaker, code, Reason.CODE_MISMATCH, detail)


def _in_unnamed_folder(
    files: Sequence[SourceFile], source_name: str, notes: "_Notes"
) -> Iterator[tuple[str, ClipName | UnknownClip]]:
    """Decide by the sentences: a folder is GRID's where nearly all of them are."""
    free = [file for file in files if speaker_of(file.code) is None]
    is_own = len(free) > OWN_SHARE * len(files)
    for file in files:
        owner = speaker_of(file.code)
        if owner is not None and not is_own:
            notes.by_code[owner] += 1
            yield file.key, ClipName(owner, file.code)
            continue
        speaker = _parent_name(file.key, source_name)
        if speaker is None or speaker in SPEAKERS:
            says = (
                f"is a sentence of {owner}" if owner else "is a sentence that nobody in GRID says"
            )
            detail = f"{file.code} {says}, and no folder names the speaker; name a folder so"
            yield file.key, UnknownClip(None, file.code, Reason.CODE_MISMATCH, detail)
            continue
        notes.own[speaker] += owner is not None
        yield file.key, ClipName(speaker, file.code)


class _Notes:
    """What was decided without certainty, counted."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        """Speaker who is not GRID's to clips that say sentences of GRID."""
        self.by_code: Counter[str] = Counter()
        """Speaker of GRID to clips that no folder gives to them."""

    def sentences(self) -> tuple[str, ...]:
        own, by_code = +self.own, +self.by_code
        said = []
        if own:
            said.append(
                f"{own.total()} clips say sentences of GRID in folders that name others: kept as "
                f"recordings of {_some(own)}, outside GRID's splits; clips of GRID belong in a "
                "folder sN"
            )
        if by_code:
            said.append(
                f"{by_code.total()} clips lie in no speaker's folder: taken for GRID's own, of "
                f"{_some(by_code)}, by their sentences; recordings of your own belong in a folder "
                "with the speaker's name"
            )
        return tuple(said)


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names, key=speaker_order)
    return " ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")


def _name_of(folder: str) -> str | None:
    """Return the speaker that a folder names, without words that say what it holds.

    >>> _name_of("own_1_videos"), _name_of("mpg_6000"), _name_of("2024-05-01"), _name_of("07")
    ('own_1', None, None, '07')
    """
    parts = _SEPARATORS.split(folder)  # word, separator, word, ...
    while len(parts) > 1 and _says_what(parts[-1]):
        parts = parts[:-2]
    while len(parts) > 1 and _says_what(parts[0]):
        parts = parts[2:]
    name = "".join(parts)
    is_number = all(word.isdecimal() for word in parts[::2])  # a date, or that of `mpg_6000`
    if _says_what(name) or (is_number and (len(parts) > 1 or name != folder)):
        return None
    return name.replace(" ", "_")


def _says_what(word: str) -> bool:
    return not word or word in HOLDS or word.rstrip("0123456789") in HOLDS


def _folders(key: str) -> list[str]:
    archive, _, member = key.rpartition("!")
    folders = [PurePosixPath(part).name.split(".")[0] for part in archive.split("!") if part]
    folders = [*PurePosixPath(archive).parts[:-1], *folders] if archive else []
    return [part.lower() for part in [*folders, *PurePosixPath(member).parts[:-1]]]


def _base(file: SourceFile) -> str:
    return PurePosixPath(file.member or file.file.name).name


def _parent_name(key: str, source_name: str) -> str | None:
    """Return the name of the nearest folder, or of the source, whatever it says."""
    folders = _folders(key)
    name = folders[-1] if folders else source_name
    return name if _FOLDER_NAME.fullmatch(name) else None


def _why_no_code(code: str) -> str:
    try:
        words_of(code)
    except CodeError as error:
        return str(error)
    raise AssertionError(code)
