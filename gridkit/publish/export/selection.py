"""Which clips of a corpus are exported, and to which part each one belongs.

A part is a subset of a split, `train`, `val` or `test`; without a split all clips are one part,
`clips`. A clip is in one part at most.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gridkit.corpus.records import Clip
from gridkit.corpus.splits import SUBSETS
from gridkit.errors import CorpusError, UsageError
from gridkit.media.profiles import DEFAULT_PROFILE
from gridkit.store.card import DEFAULT_SPLIT
from gridkit.store.reader import Corpus
from gridkit.store.schema import split_column


@dataclass(frozen=True)
class Selection:
    """What is exported."""

    corpus: Corpus
    split: str | None
    subset: str | None
    """None: every subset of the split."""
    profile: str
    """The crop profile that is exported."""
    parts: Mapping[str, tuple[str, ...]]
    """Part to the ids of its clips, sorted; parts without a clip are there too."""

    @property
    def counts(self) -> dict[str, int]:
        """Part to its clips."""
        return {part: len(ids) for part, ids in self.parts.items()}

    @property
    def left_out(self) -> int:
        """How many clips of the corpus are in no part."""
        return self.corpus.file.counts.kept - sum(self.counts.values())

    def clips(self) -> Iterator[tuple[str, Clip]]:
        """Yield part and clip, by speaker and code, reading a few at a time.

        Raises:
            CorpusError: a shard is missing or damaged.
        """
        part_of = {clip: part for part, ids in self.parts.items() for clip in ids}
        for clip in self.corpus.clips(self.split, self.subset, profiles=[self.profile]):
            yield part_of[clip.id], clip


def select(corpus: Corpus, split: str | None = None, profile: str | None = None) -> Selection:
    """Choose the clips.

    Args:
        corpus: where from.
        split: `NAME` for every subset, or `NAME:subset`; None for all clips.
        profile: a crop profile; None for the only one that the corpus has.

    Raises:
        UsageError: no such split or subset, or no profile is named where there are several.
        CorpusError: the corpus lacks the crop, or holds no clip of the split.
    """
    name, _, subset = (split or "").partition(":")
    if split is not None and (name not in corpus.file.splits or subset not in ("", *SUBSETS)):
        raise UsageError(
            f"--split {split}: expected NAME or NAME:subset; {corpus.folder} has the splits "
            f"{', '.join(corpus.file.splits)}, with the subsets {', '.join(SUBSETS)}"
        )
    selection = Selection(
        corpus,
        name or None,
        subset or None,
        _profile(corpus, profile),
        _parts(corpus, name, subset),
    )
    if not any(selection.parts.values()):
        raise CorpusError(
            f"{corpus.folder} holds no clip{f' of {split}' if split else ''}; "
            f"`gridkit info {corpus.folder}` says what is there"
        )
    return selection


def _profile(corpus: Corpus, profile: str | None) -> str:
    names = tuple(corpus.file.profiles)
    if profile is None and len(names) > 1:
        raise UsageError(f"{corpus.folder} has the crops {', '.join(names)}; choose one by --crop")
    chosen = profile or next(iter(names), DEFAULT_PROFILE)
    corpus.check_profiles([chosen])
    return chosen


def _parts(corpus: Corpus, split: str, subset: str) -> dict[str, tuple[str, ...]]:
    if not split:
        return {DEFAULT_SPLIT: _sorted(corpus.manifest.kept(["id"]).column("id"))}
    column = split_column(split)
    here = corpus.manifest.kept(["id", column])
    return {
        part: _sorted(here.filter(pc.equal(here.column(column), part)).column("id"))
        for part in ((subset,) if subset else SUBSETS)
    }


def _sorted(ids: pa.ChunkedArray) -> tuple[str, ...]:
    return tuple(sorted(ids.drop_null().to_pylist()))
