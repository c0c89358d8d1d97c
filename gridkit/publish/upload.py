"""Send a corpus's files to a repository, commit by commit, and never over someone else's.

Before each attempt the repository is read and compared, so it does not matter how the last one
ended: what arrived is there, and what is there is not sent. The journal is written before and
after each commit; it separates our own files from those of others (`gridkit.hub.commits`).
Where there is none (it was lost, or is on another machine), the titles of commits count, if our
corpus continues the one that is there.

Someone else's commit in between stops a run only where it touches a file of the corpus, or puts
Parquet files where the card would load them; otherwise the next commit goes on top of it.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gridkit.errors import GridkitError, HubConflictError
from gridkit.hub.address import DEFAULT_REVISION, HubAddress
from gridkit.hub.client import hub_errors
from gridkit.hub.commits import (
    BATCH_FILES,
    TITLE,
    LocalFile,
    Plan,
    conflict_wait_s,
    make_batches,
    make_plan,
    patiently,
    send_commit,
    titles_of,
    wait,
    wait_s,
)
from gridkit.hub.snapshot import HubFile, Snapshot, fetch_files, open_snapshot
from gridkit.publish.corpus import CorpusContents, contents_of
from gridkit.publish.journal import Entry, Journal, Opening
from gridkit.publish.pull_request import known_pull_request
from gridkit.store.corpus_file import CORPUS_NAME

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LOADED = "data/*.parquet"
"""What the card's default config reads, also files of someone else."""


@dataclass(frozen=True)
class Target:
    """Where a corpus goes."""

    repo: str
    """ORG/NAME of a dataset."""
    revision: str = DEFAULT_REVISION
    create_pr: bool = False

    @property
    def address(self) -> HubAddress:
        """The repository and branch, for messages."""
        return HubAddress(self.repo, self.revision)


@dataclass(frozen=True)
class Comparison:
    """What a repository holds, and what has to be done."""

    revision: str
    """Where commits go: a branch, or `refs/pr/N`."""
    commit: str
    plan: Plan
    stray: tuple[str, ...]
    """Files that the card would load and that do not belong to the corpus."""
    entry: Entry
    """What the journal is to know from now on."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    commit: str
    """Newest commit of the branch or pull request."""
    pull_request: int | None
    sent: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True)
class Upload:
    """Files on their way to a repository."""

    hub: "HfApi"
    target: Target
    files: Sequence[LocalFile]
    title: str
    """What the commits say, after `TITLE`."""
    journal: Journal
    batch_files: int = BATCH_FILES

    @property
    def place(self) -> str:
        """The target's name in the journal."""
        kind = ", pull request" if self.target.create_pr else ""
        return f"{self.hub.endpoint}/datasets/{self.target.repo}@{self.target.revision}{kind}"

    def compare(self) -> Comparison:
        """Compare the files with what the repository holds now; sends nothing.

        Raises:
            HubError, NetworkError: as `hub_errors`.
        """
        entry = self.journal.entry(self.place)
        with hub_errors(self.target.address):
            if self.target.create_pr:
                entry = known_pull_request(self.hub, self.target.repo, entry)
            number = entry.pull_request
            revision = f"refs/pr/{number}" if number else self.target.revision
            address = HubAddress(self.target.repo, revision)
            there = patiently(lambda: open_snapshot(address))
            return self._comparison(there, revision, entry)

    def _comparison(self, snapshot: Snapshot, revision: str, entry: Entry) -> Comparison:
        there = snapshot.files
        opens = self.target.create_pr and not entry.pull_request
        here = _corpus_here(self.files)
        published = _corpus_there(snapshot, self.files, here)
        continues = here is not None and published is not None and here.continues(published)
        # what the journal does not know has come since, even if gridkit brought it
        by_title = opens or (continues and not entry.known)
        paths = {file.path for file in self.files}
        obsolete = {*entry.known, *(published.files if published else ())}
        same = {file.path for file in self.files if file.is_same(there.get(file.path))}
        unknown = ((paths | obsolete) & there.keys()) - same - entry.known.keys()
        titles = titles_of(self.hub, self.target.repo, snapshot.commit, unknown)

        def is_ours(file: HubFile) -> bool:
            known = entry.holds(file)
            return by_title and titles[file.path].startswith(TITLE) if known is None else known

        plan = make_plan(self.files, there, obsolete, is_ours)
        if opens:
            # a new pull request replaces nothing: someone looks at it first
            plan = replace(plan, foreign=())
        ours = paths.union(plan.remove)
        stray = [path for path in sorted(there.keys() - ours) if _is_loaded(path)]
        if not plan.foreign:
            entry = entry.seen(there[path] for path in ours & there.keys())
        return Comparison(revision, snapshot.commit, plan, tuple(stray), entry)

    def check(self, comparison: Comparison) -> None:
        """Refuse to change files of someone else.

        Raises:
            HubConflictError: files are in the way.
        """
        if comparison.plan.foreign:
            path = comparison.plan.foreign[0]
            with hub_errors(self.target.address):
                title = titles_of(self.hub, self.target.repo, comparison.commit, [path])[path]
            raise HubConflictError(
                f"{self.target.address}: {path} is {_whose(title)}, "
                f"{_count(comparison.plan.foreign)}, and is not overwritten; propose yours with "
                "--create-pr, undo it there, or take another --repo"
            )
        if comparison.stray:
            raise HubConflictError(
                f"{self.target.address}: {comparison.stray[0]} is not a file of this corpus, "
                f"{_count(comparison.stray)}, and load_dataset would read it as one; remove it, "
                "or take another --repo"
            )

    def run(self, on_bytes: Callable[[int], None] = lambda _count: None) -> Outcome:
        """Send what is missing.

        Args:
            on_bytes: called with how many more bytes are done.

        Raises:
            HubConflictError: files are in the way, or others commit all the time.
            HubError, NetworkError: as `hub_errors`; what has arrived is kept.
            DiskFullError, EnvironmentProblem: the journal cannot be written.
        """
        meter, tally = Meter(on_bytes), Tally()
        failures = 0
        while True:
            comparison = self.compare()
            self.check(comparison)
            self.journal.set_entry(self.place, comparison.entry)
            before = meter.done_bytes
            try:
                with hub_errors(self.target.address):
                    commit = (
                        comparison.commit
                        if comparison.plan.is_empty
                        else self._send(comparison, meter, tally)
                    )
                return self._outcome(commit, tally)
            except GridkitError as error:
                failures = 0 if meter.done_bytes > before else failures
                faster = isinstance(error, HubConflictError)
                seconds = conflict_wait_s(failures) if faster else wait_s(error, failures)
                if seconds is None:
                    raise
                failures += 1
                wait(seconds, "someone else committed" if faster else "the Hub is not ready")

    def _outcome(self, commit: str, tally: "Tally") -> Outcome:
        number = self.journal.entry(self.place).pull_request
        unchanged = tuple(file.path for file in self.files if file.path not in tally.sent)
        return Outcome(commit, number, tuple(tally.sent), tuple(tally.removed), unchanged)

    def _send(self, comparison: Comparison, meter: "Meter", tally: "Tally") -> str:
        """Commit batch after batch; return the last commit."""
        batches = make_batches(comparison.plan.send, self.batch_files) or [()]
        entry, revision, parent = comparison.entry, comparison.revision, comparison.commit
        for number, batch in enumerate(batches, 1):
            opens = self.target.create_pr and entry.pull_request is None
            counted = len(batches) > 1 and not opens  # the first title is the pull request's
            title = f"{TITLE}: {self.title}{f' ({number} of {len(batches)})' * counted}"
            remove = comparison.plan.remove if number == len(batches) else ()
            entry = entry.sending(batch)
            if opens:
                entry = replace(entry, opening=Opening(parent, title))
            self.journal.set_entry(self.place, entry)
            made = send_commit(
                self.hub,
                self.target.repo,
                revision,
                parent,
                batch,
                remove,
                title,
                pull_request=opens,
                on_position=meter.at,
            )
            if made.pr_num is not None:
                entry = replace(entry, pull_request=made.pr_num, opening=None)
                revision = f"refs/pr/{made.pr_num}"
            entry = entry.sent(batch, remove)
            self.journal.set_entry(self.place, entry)
            parent = made.oid
            for file in batch:
                meter.at(file.path, file.size_bytes)
            tally.sent += [file.path for file in batch]
            tally.removed += remove
        return parent


@dataclass
class Tally:
    """What was committed, over all attempts of a run."""

    sent: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class Meter:
    """Counts bytes once, however often a file is read."""

    def __init__(self, on_bytes: Callable[[int], None]):
        self._on_bytes = on_bytes
        self._positions: dict[str, int] = {}

    @property
    def done_bytes(self) -> int:
        """How much is done."""
        return sum(self._positions.values())

    def at(self, path: str, position: int) -> None:
        """Say how far a file is; called from several threads, for a file from one."""
        before = self._positions.get(path, 0)
        if position > before:
            self._positions[path] = position
            self._on_bytes(position - before)


def _corpus_here(files: Iterable[LocalFile]) -> CorpusContents | None:
    return next((contents_of(file.read()) for file in files if file.path == CORPUS_NAME), None)


def _corpus_there(
    snapshot: Snapshot, files: Iterable[LocalFile], here: CorpusContents | None
) -> CorpusContents | None:
    """Return what the corpus there consists of, by its `corpus.json`, which may be ours."""
    there = snapshot.files.get(CORPUS_NAME)
    if there is None:
        return None
    if any(file.path == CORPUS_NAME and file.is_same(there) for file in files):
        return here
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch_files(snapshot, [CORPUS_NAME], folder, folder / "arriving")
        return contents_of((folder / CORPUS_NAME).read_bytes())


def _is_loaded(path: str) -> bool:
    return PurePosixPath("/", path).match(f"/{LOADED}")  # from the root, at no other depth


def _whose(title: str) -> str:
    if title.startswith(TITLE):
        return f'of another gridkit publish (commit "{title}") that this corpus does not continue'
    return f'by someone else (commit "{title}")'


def _count(paths: Sequence[str]) -> str:
    return "the only such file" if len(paths) == 1 else f"one of {len(paths)} such files"
