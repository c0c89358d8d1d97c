"""What is published of a corpus: its files as they were prepared, and a card for the Hub."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridkit.corpus.splits import BUILTIN_SPLIT_NAMES
from gridkit.errors import CorpusError
from gridkit.hub.commits import LocalFile
from gridkit.prepare.journal import BatchKey
from gridkit.store.card import CARD_NAME, render_card
from gridkit.store.corpus_file import CORPUS_NAME
from gridkit.store.files import read_file
from gridkit.store.landmarks_file import LANDMARKS_NAME, read_landmarks_file
from gridkit.store.manifest import MANIFEST_NAME
from gridkit.store.preview import PREVIEW_NAME
from gridkit.store.reader import Corpus
from gridkit.store.split_lists import split_list_path


def hub_card(corpus: Corpus, repo: str) -> str:
    """Return the card with the repository's name where the folder's has a placeholder.

    Raises:
        CorpusError: the manifest or the landmark model's description cannot be read.
    """
    landmarks = read_landmarks_file(corpus.folder)
    return render_card(corpus.file, corpus.manifest, landmarks, repo)


def files_of(corpus: Corpus, card: str) -> tuple[LocalFile, ...]:
    """Return the files of a corpus, in the order of sending: those that describe others last.

    Args:
        corpus: a corpus that passes `validate`; hashes of shards are taken from `corpus.json`.
        card: the card for the Hub.

    Raises:
        CorpusError: a file is missing.
    """
    file, folder = corpus.file, corpus.folder
    shards = [
        LocalFile(path, folder / path, entry.bytes, entry.sha256)
        for path, entry in file.shards.items()
    ]
    lists = [split_list_path(name) for name in file.splits if name not in BUILTIN_SPLIT_NAMES]
    preview = [PREVIEW_NAME] if (folder / PREVIEW_NAME).is_file() else []
    described = [*sorted(lists), LANDMARKS_NAME, *preview, MANIFEST_NAME]
    return (
        *shards,
        *(hashed_file(folder, path) for path in described),
        file_of_bytes(CARD_NAME, card.encode()),
        hashed_file(folder, CORPUS_NAME),
    )


def hashed_file(folder: Path, path: str) -> LocalFile:
    """Return a file of a folder with its hash.

    Raises:
        CorpusError: it cannot be read.
    """
    try:
        with (folder / path).open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            size_bytes = content.tell()
    except OSError as error:
        raise CorpusError(f"cannot read {folder / path}: {error.strerror}") from error
    return LocalFile(path, folder / path, size_bytes, sha256)


def file_of_bytes(path: str, content: bytes) -> LocalFile:
    """Return a file with this content."""
    return LocalFile(path, content, len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class CorpusContents:
    """What a `corpus.json` lists."""

    shards: Mapping[str, str]
    """Path to the hash of its source clips (`BatchKey.tracking`)."""
    splits: frozenset[str]
    profiles: frozenset[str]

    @property
    def files(self) -> set[str]:
        """Shards and split lists."""
        return {*self.shards, *map(split_list_path, self.splits - set(BUILTIN_SPLIT_NAMES))}

    def continues(self, earlier: "CorpusContents") -> bool:
        """Return whether this corpus can be a later state of another.

        `prepare` adds shards, splits and crops to a corpus and drops none, so all that the other
        one lists is here, and its shards are of the same source clips.
        """
        return (
            earlier.shards.items() <= self.shards.items()
            and earlier.splits <= self.splits
            and earlier.profiles <= self.profiles
        )


def contents_of(corpus_json: bytes) -> CorpusContents | None:
    """Return what a `corpus.json` lists, of any version; None where it is another kind of file."""
    try:
        content = json.loads(corpus_json)
        shards = {
            path: BatchKey.parse(entry["key"]).tracking for path, entry in content["shards"].items()
        }
        return CorpusContents(shards, frozenset(content["splits"]), frozenset(content["profiles"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def corpus_sha256(folder: Path) -> str:
    """Return the hash of `corpus.json`, which holds the hash of everything that was prepared."""
    return hashlib.sha256(read_file(folder / CORPUS_NAME)).hexdigest()
