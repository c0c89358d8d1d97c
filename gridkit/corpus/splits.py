"""Splits: which clip trains, validates and tests, under which name.

A split is defined over all of GRID's codes, whether a source has them or not, so its hash is the
same everywhere. Within a speaker, clips are ordered by the SHA-256 of their ids (`codes.py`).
docs/splits.md has the table of them.

Sources: `overlapped` is VIPL's published list (MIT), `unseen` the list VCA-GAN published for the
split of Vougioukas et al. 2019, `unseen-lipnet` the speakers of Assael et al. 2016. The others
are defined here.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gridkit.corpus.codes import (
    SPEAKER_NAME,
    SPEAKERS,
    SPEAKERS_WITH_VIDEO,
    clip_id,
    codes_by_speaker,
    rank_key,
    ranked_ids,
    read_code_list,
    speaker_of,
    speaker_order,
    split_id,
)
from gridkit.corpus.grammar import is_code
from gridkit.errors import SplitError

SUBSETS = ("train", "val", "test")

SEEN4_SPEAKERS = ("s1", "s2", "s4", "s29")
LIPNET_TEST_SPEAKERS = ("s1", "s2", "s20", "s22")
UNSEEN_SPEAKERS = {
    "train": "s1 s3 s5 s6 s7 s8 s10 s12 s14 s16 s17 s22 s24 s26 s28 s32".split(),
    "val": "s9 s20 s23 s27 s29 s30 s34".split(),
    "test": "s2 s4 s11 s13 s15 s18 s19 s25 s31 s33".split(),
}
SYNTHETIC_SPEAKER = re.compile(r"x[1-9][0-9]*")


@dataclass(frozen=True)
class Split:
    """A named division of clips; ids it does not name are outside it."""

    name: str
    subset_of: Mapping[str, str]
    """Clip id to subset."""
    unseen_speakers: bool
    """Whether no speaker of `test` may appear in `train` or `val`."""
    description: str

    def ids(self, subset: str) -> tuple[str, ...]:
        """Return the ids of one subset, sorted bytewise."""
        return tuple(sorted(clip for clip, name in self.subset_of.items() if name == subset))

    def counts(self) -> dict[str, int]:
        """Return the number of clips per subset."""
        return {subset: len(self.ids(subset)) for subset in SUBSETS}

    def sha256(self, subset: str) -> str:
        """Return the hash of one subset (see `hash_ids`)."""
        return hash_ids(self.ids(subset))


def hash_ids(ids: Iterable[str]) -> str:
    """Return the SHA-256 of ids, bytewise sorted, each followed by LF."""
    return hashlib.sha256("".join(f"{clip}\n" for clip in sorted(ids)).encode()).hexdigest()


def _by_rank(speakers: Sequence[str], test: int, val: int) -> dict[str, str]:
    """First `test` ranks of each speaker to test, the next `val` to val, the rest to train."""
    return {
        clip: "test" if index < test else "val" if index < test + val else "train"
        for speaker in speakers
        for index, clip in enumerate(ranked_ids(speaker))
    }


def _s1() -> Split:
    return Split("s1", _by_rank(["s1"], 100, 50), False, "one speaker, s1")


def _seen4() -> Split:
    return Split(
        "seen4", _by_rank(SEEN4_SPEAKERS, 50, 50), False, "four speakers, each in every subset"
    )


def _seen33() -> Split:
    return Split(
        "seen33", _by_rank(SPEAKERS_WITH_VIDEO, 50, 50), False, "33 speakers, each in every subset"
    )


def _overlapped() -> Split:
    subset_of = dict.fromkeys(_listed("overlapped_test.txt"), "test")
    for speaker, codes in read_code_list("overlapped_train.txt").items():
        ids = sorted((clip_id(speaker, code) for code in codes), key=rank_key)
        subset_of |= dict.fromkeys(ids[:30], "val") | dict.fromkeys(ids[30:], "train")
    return Split(
        "overlapped", subset_of, False, "33 speakers, 255 test clips each (VIPL's published list)"
    )


def _unseen_lipnet() -> Split:
    subset_of: dict[str, str] = {}
    for speaker in SPEAKERS_WITH_VIDEO:
        ids = ranked_ids(speaker)
        if speaker in LIPNET_TEST_SPEAKERS:
            subset_of |= dict.fromkeys(ids, "test")
        else:
            subset_of |= dict.fromkeys(ids[:30], "val") | dict.fromkeys(ids[30:], "train")
    return Split("unseen-lipnet", subset_of, True, "test on s1 s2 s20 s22, train on the other 29")


def _unseen() -> Split:
    subset_of = {
        clip_id(speaker, code): subset
        for subset, speakers in UNSEEN_SPEAKERS.items()
        for speaker in speakers
        for code in codes_by_speaker()[speaker]
    }
    return Split("unseen", subset_of, True, "16 / 7 / 10 speakers, no speaker in two subsets")


_GRID_SPLITS: dict[str, Callable[[], Split]] = {
    "s1": _s1,
    "seen4": _seen4,
    "seen33": _seen33,
    "overlapped": _overlapped,
    "unseen-lipnet": _unseen_lipnet,
    "unseen": _unseen,
}
GRID_SPLIT_NAMES: tuple[str, ...] = tuple(_GRID_SPLITS)
SYNTHETIC_SPLIT_NAMES: tuple[str, ...] = ("synthetic-seen", "synthetic-unseen")
BUILTIN_SPLIT_NAMES: tuple[str, ...] = GRID_SPLIT_NAMES + SYNTHETIC_SPLIT_NAMES


@cache
def grid_split(name: str) -> Split:
    """Return one of GRID's built-in splits.

    Raises:
        SplitError: there is no split of that name.
    """
    if name not in _GRID_SPLITS:
        raise SplitError(f"no split {name!r}; GRID has {', '.join(_GRID_SPLITS)}")
    return _GRID_SPLITS[name]()


def synthetic_splits(ids: Iterable[str]) -> tuple[Split, Split]:
    """Return `synthetic-seen` and `synthetic-unseen` over the synthetic clips of a source.

    Seen: the lowest 10 % of each speaker's clips by rank test, the next 10 % validate. Unseen:
    the last quarter of the speakers (at least one) test, the lowest 10 % of the others validate.
    Each 10 % is rounded and at least one clip. Ids of other speakers are left out.
    """
    by_speaker: dict[str, list[str]] = {}
    for clip in ids:
        speaker = split_id(clip)[0]
        if SYNTHETIC_SPEAKER.fullmatch(speaker):
            by_speaker.setdefault(speaker, []).append(clip)
    speakers = sorted(by_speaker, key=speaker_order)
    test_speakers = set(speakers[-max(1, len(speakers) // 4) :]) if len(speakers) > 1 else set()
    seen: dict[str, str] = {}
    unseen: dict[str, str] = {}
    for speaker in speakers:
        ranked = sorted(by_speaker[speaker], key=rank_key)
        tenth = max(1, round(len(ranked) / 10))
        for index, clip in enumerate(ranked):
            band = index // tenth
            seen[clip] = "test" if band == 0 else "val" if band == 1 else "train"
            in_test = speaker in test_speakers
            unseen[clip] = "test" if in_test else "val" if band == 0 else "train"
    return (
        Split("synthetic-seen", seen, False, "synthetic speakers, each in every subset"),
        Split("synthetic-unseen", unseen, True, "the last quarter of the synthetic speakers test"),
    )


def builtin_splits(ids: Iterable[str]) -> tuple[Split, ...]:
    """Return every built-in split; the synthetic ones over the given ids of a source."""
    return tuple(grid_split(name) for name in GRID_SPLIT_NAMES) + synthetic_splits(ids)


def check_leaks(split: Split) -> None:
    """Check that a split keeps apart what it says it does.

    A clip cannot be in two subsets of a `Split` at all; lists are checked while they are read.

    Raises:
        SplitError: a speaker of `test` is in `train` or `val` although the split says unseen.
    """
    if not split.unseen_speakers:
        return
    speakers = {subset: {split_id(clip)[0] for clip in split.ids(subset)} for subset in SUBSETS}
    shared = speakers["test"] & (speakers["train"] | speakers["val"])
    if shared:
        names = " ".join(sorted(shared, key=speaker_order))
        raise SplitError(f"split {split.name}: test speakers also in train or val: {names}")


def import_split(name: str, lists: Mapping[str, str], *, unseen_speakers: bool = False) -> Split:
    """Make a split from list files as they are found in the wild.

    Args:
        name: what the split will be called.
        lists: subset to the content of its list; the key `""` is for one file that names the
            subset in each line, as `s1/bbaf2n<TAB>test` or `val/s20/prwo5p`.
        unseen_speakers: whether to insist that no test speaker is in train or val.

    The speaker is the `sN` part of a path, otherwise the folder of the clip (own recordings); the
    code is the last part without extension. What
    follows the path (a transcript, say) is ignored. CR and LF both end a line.

    Raises:
        SplitError: a line without a clip or a subset, a clip in two subsets, a code that
            GRID gives to another speaker, or a leak of speakers.
    """
    subset_of: dict[str, str] = {}
    for given_subset, text in lists.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            where = f"split {name}, {given_subset or 'list'} line {number}"
            clip, named_subset = parse_list_line(line, where)
            subset = given_subset or named_subset
            if subset is None:
                raise SplitError(f"{where}: no subset (train, val, test) in {line.strip()!r}")
            if subset_of.setdefault(clip, subset) != subset:
                raise SplitError(f"{where}: {clip} is in {subset_of[clip]} and in {subset}")
    if not subset_of:
        raise SplitError(f"split {name}: no clip in it")
    split = Split(name, subset_of, unseen_speakers, "imported list")
    check_leaks(split)
    return split


_SUBSET_NAMES = {name: name for name in SUBSETS} | {"validation": "val", "valid": "val"}


def parse_list_line(line: str, where: str = "line") -> tuple[str, str | None]:
    r"""Return clip id and subset (None where the line names none) of one line of a list.

    >>> parse_list_line("s14/video/mpg_6000/srwt9p")
    ('s14/srwt9p', None)
    >>> parse_list_line("val/s20/prwo5p"), parse_list_line("s1/bbaf2n\ttest")
    (('s20/prwo5p', 'val'), ('s1/bbaf2n', 'test'))

    Raises:
        SplitError: the line does not name a clip, or names it under a speaker who does not say it.
    """
    path, *rest = line.split()
    parts = path.split("/")
    code = parts[-1].split(".")[0]
    speakers = [part for part in parts[:-1] if SPEAKER_NAME.fullmatch(part)]
    speakers = speakers or [part for part in parts[:-1][-1:] if part not in _SUBSET_NAMES]
    if not speakers or not is_code(code):
        raise SplitError(f"{where}: expected a path such as s1/bbaf2n, got {line.strip()!r}")
    owner = speaker_of(code)
    if owner is not None and owner != speakers[-1] and speakers[-1] in SPEAKERS:
        raise SplitError(f"{where}: {code} is a sentence of {owner}, not of {speakers[-1]}")
    named = parts[0] if parts[0] in _SUBSET_NAMES else rest[0] if len(rest) == 1 else None
    return clip_id(speakers[-1], code), _SUBSET_NAMES.get(named or "")


def _listed(name: str) -> list[str]:
    return [
        clip_id(speaker, code) for speaker, codes in read_code_list(name).items() for code in codes
    ]
