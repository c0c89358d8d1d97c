"""`corpus.json`: what a prepared corpus is, and the hashes that let anyone check it.

It is written last: a folder that has it is a finished corpus. The JSON is sorted and ends with
a line feed, so the same corpus gives the same bytes.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gridkit import __version__
from gridkit.corpus.codes import SPEAKERS, speaker_order
from gridkit.corpus.splits import SUBSETS, SYNTHETIC_SPEAKER
from gridkit.errors import CorpusError
from gridkit.store.files import read_file, write_file
from gridkit.store.schema import shard_order, split_order

CORPUS_NAME = "corpus.json"
STATE_FOLDER = ".gridkit"
SOURCE_NOTES = "source_notes"
"""Setting that holds what a person should know of the source, a sentence each."""
UNLISTED_FOLDERS = "unlisted_folders"
"""Setting that holds the folders of the source that could not be listed."""
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SubsetEntry:
    """One subset of a split: its definition, and what of it is in this corpus."""

    clips: int
    """Clips by the definition, whether the source has them or not."""
    sha256: str
    """Hash of the definition's ids (`gridkit.corpus.splits.hash_ids`)."""
    here: int
    """Kept clips of this corpus."""


@dataclass(frozen=True)
class SplitEntry:
    """One split."""

    description: str
    unseen_speakers: bool
    subsets: Mapping[str, SubsetEntry]


@dataclass(frozen=True)
class ShardEntry:
    """One shard."""

    rows: int
    bytes: int
    sha256: str
    key: str
    """What decided its content, for resuming; only `prepare` reads it."""


@dataclass(frozen=True)
class SpeakerCounts:
    """What became of one speaker's source clips."""

    found: int
    kept: int


@dataclass(frozen=True)
class Counts:
    """What became of the source clips; found = kept + the sum of rejected."""

    found: int
    kept: int
    rejected: Mapping[str, int]
    """Reason to clips."""
    flags: Mapping[str, int]
    """Flag to kept clips."""
    speakers: Mapping[str, SpeakerCounts]
    """Speaker to counts; clips whose speaker is unknown are in none."""


@dataclass(frozen=True)
class CorpusFile:
    """The content of `corpus.json`."""

    source: str
    """Where the clips came from, for a person; never a path, which would change the bytes."""
    synthetic: bool
    profiles: Mapping[str, Mapping[str, Any]]
    """Crop profile to its full definition."""
    settings: Mapping[str, Any]
    splits: Mapping[str, SplitEntry]
    counts: Counts
    shards: Mapping[str, ShardEntry]
    """Path inside the corpus to shard."""
    manifest_sha256: str
    misfiled_alignments: Mapping[str, int] = field(default_factory=dict)
    """`s5 <- s6` to how many alignments of s5 were in the folder of s6."""
    schema_version: int = SCHEMA_VERSION
    gridkit_version: str = __version__

    @property
    def source_notes(self) -> tuple[str, ...]:
        """What a person should know of the source."""
        return tuple(self.settings.get(SOURCE_NOTES, ()))

    @property
    def unlisted_folders(self) -> tuple[str, ...]:
        """Folders of the source that could not be listed: what is in them is not here."""
        return tuple(self.settings.get(UNLISTED_FOLDERS, ()))

    @property
    def own_speakers(self) -> tuple[str, ...]:
        """Speakers with kept clips who are neither GRID's nor synthetic."""
        kept = (name for name, figures in self.counts.speakers.items() if figures.kept)
        return tuple(
            name for name in kept if name not in SPEAKERS and not SYNTHETIC_SPEAKER.fullmatch(name)
        )


def write_corpus_file(folder: Path, corpus: CorpusFile) -> None:
    """Write `corpus.json`; do it last.

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    text = json.dumps(asdict(corpus), indent=1, sort_keys=True, ensure_ascii=False)
    write_file(folder / CORPUS_NAME, f"{text}\n".encode())


def read_corpus_file(folder: Path) -> CorpusFile:
    """Read `corpus.json`.

    Raises:
        CorpusError: the folder is not a prepared corpus, or is unfinished, or a newer gridkit
            made it; or the file is damaged.
    """
    path = folder / CORPUS_NAME
    if not path.is_file():
        raise CorpusError(_why_none(folder))
    content = None
    try:
        content = json.loads(read_file(path))
        version = content["schema_version"]
        if version > SCHEMA_VERSION:
            raise CorpusError(
                f"{folder} was made by a newer gridkit ({content['gridkit_version']}, schema "
                f"{version}; this is {__version__}, schema {SCHEMA_VERSION}); "
                "upgrade: pip install --upgrade gridkit"
            )
        return _corpus_of(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorpusError(
            f"{path}: {_why_unreadable(content)} ({type(error).__name__}: {error})"
        ) from error


def _why_none(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}: no such folder"
    if (folder / STATE_FOLDER).is_dir():
        return (
            f"{folder} is not finished: a run was stopped, or is still running; "
            "give the same gridkit prepare command again to finish it"
        )
    return f"{folder} is not a prepared corpus (it has no {CORPUS_NAME}); make one: gridkit prepare"


def _why_unreadable(content: object) -> str:
    made_by = content.get("gridkit_version") if isinstance(content, dict) else None
    if made_by in (None, __version__):
        return "damaged; run gridkit prepare again"
    return f"damaged, or not for this gridkit {__version__}: gridkit {made_by} made it"


def _corpus_of(content: Mapping[str, Any]) -> CorpusFile:
    splits = {
        name: SplitEntry(
            entry["description"],
            entry["unseen_speakers"],
            {
                subset: SubsetEntry(**figures)
                for subset, figures in _in_order(entry["subsets"], SUBSETS)
            },
        )
        for name, entry in _in_order(content["splits"], split_order(content["splits"]))
    }
    counts = content["counts"]
    order = sorted(counts["speakers"], key=speaker_order)
    speakers = {
        name: SpeakerCounts(**figures) for name, figures in _in_order(counts["speakers"], order)
    }
    paths = sorted(content["shards"], key=shard_order)
    shards = {path: ShardEntry(**entry) for path, entry in _in_order(content["shards"], paths)}
    return CorpusFile(
        **{
            **content,
            "splits": splits,
            "counts": Counts(**{**counts, "speakers": speakers}),
            "shards": shards,
        }
    )


def _in_order(mapping: Mapping[str, Any], keys: Iterable[str]) -> list[tuple[str, Any]]:
    """Return items in the order a person reads them; JSON has them by name."""
    return [(key, mapping[key]) for key in keys]
