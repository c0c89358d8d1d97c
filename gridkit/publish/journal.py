"""`.gridkit-publish.json`: what this folder's runs have put on the Hub, and where they stopped.

It is in the corpus folder, hidden and not part of the corpus, with an entry for each place that
the folder was published to. It may be removed: then only what is on the Hub counts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gridkit.errors import CorpusError
from gridkit.hub.commits import LocalFile, identity_of
from gridkit.hub.snapshot import HubFile
from gridkit.store.files import read_file, write_file

JOURNAL_NAME = ".gridkit-publish.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Opening:
    """A pull request that was asked for; whether it was made is not known yet."""

    parent: str
    title: str


@dataclass(frozen=True)
class Entry:
    """What is known of one place: a repository's branch, or a pull request against it."""

    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Path to the contents (`identity_of`) that were put or seen there; several where a commit
    was sent and no response came."""
    pull_request: int | None = None
    opening: Opening | None = None

    def holds(self, file: HubFile) -> bool | None:
        """Return whether the Hub has what was put or seen there; None for an unknown path."""
        known = self.known.get(file.path)
        return None if known is None else identity_of(file) in known

    def seen(self, files: Iterable[HubFile]) -> "Entry":
        """Return the entry with what the Hub has as known."""
        return replace(self, known={**self.known, **{f.path: (identity_of(f),) for f in files}})

    def sending(self, files: Iterable[LocalFile]) -> "Entry":
        """Return the entry with files that may be there from now on."""
        known = dict(self.known)
        for file in files:
            known[file.path] = (*known.get(file.path, ()), *file.identities)
        return replace(self, known=known)

    def sent(self, files: Iterable[LocalFile], removed: Iterable[str]) -> "Entry":
        """Return the entry with files that are there, and others that are not any more."""
        gone = set(removed)
        known = {path: content for path, content in self.known.items() if path not in gone}
        return replace(self, known={**known, **{file.path: file.identities for file in files}})


class Journal:
    """The journal of one corpus folder; what is set is on the disk when the call returns."""

    def __init__(self, folder: Path):
        """Read the journal, an empty one where there is none.

        Raises:
            CorpusError: it cannot be read.
        """
        self._path = folder / JOURNAL_NAME
        self._content: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "places": {}}
        if self._path.is_file():
            try:
                self._content = json.loads(read_file(self._path))
                self._entries = {
                    place: _entry_of(entry) for place, entry in self._content["places"].items()
                }
            except (KeyError, TypeError, ValueError) as error:
                raise CorpusError(
                    f"{self._path}: damaged ({type(error).__name__}); remove it and run again"
                ) from error
        else:
            self._entries = {}

    def entry(self, place: str) -> Entry:
        """Return what is known of a place."""
        return self._entries.get(place, Entry())

    def set_entry(self, place: str, entry: Entry) -> None:
        """Write down what is known of a place."""
        if entry != self.entry(place):
            self._entries[place] = entry
            self._write()

    @property
    def validated(self) -> str | None:
        """SHA-256 of the `corpus.json` whose corpus was decoded and found correct."""
        return self._content.get("validated")

    def set_validated(self, sha256: str) -> None:
        """Write down which corpus was found correct."""
        if sha256 != self.validated:
            self._content["validated"] = sha256
            self._write()

    def _write(self) -> None:
        places = {place: asdict(entry) for place, entry in self._entries.items()}
        text = json.dumps({**self._content, "places": places}, indent=1, sort_keys=True)
        write_file(self._path, f"{text}\n".encode())


def _entry_of(content: Mapping[str, Any]) -> Entry:
    known = {path: tuple(identities) for path, identities in content["known"].items()}
    opening = content["opening"]
    return Entry(known, content["pull_request"], Opening(**opening) if opening else None)
