"""Send a corpus's files to a repository, commit by commit, and never over someone else's.

Before each attempt the repository is read and compared, so it does not matter how the last one
ended: what arrived is there, and what is there is not sent. The journal is written before and
after each commit. Someone else's commit in between stops a run only where `comparison` finds a
file of someone else in the way; otherwise the next commit is made on top of it.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from gridkit.compute.transfer_progress import TransferProgress
from gridkit.errors import GridkitError, HubConflictError
from gridkit.hub.address import HubAddress
from gridkit.hub.client import hub_errors
from gridkit.hub.commits import (
    BATCH_FILES,
    TITLE,
    LocalFile,
    conflict_wait_s,
    make_batches,
    patiently,
    send_commit,
    wait,
    wait_s,
)
from gridkit.hub.snapshot import open_snapshot
from gridkit.publish.comparison import Comparison, Target, check_nothing_is_foreign, compare
from gridkit.publish.journal import Journal, Opening
from gridkit.publish.pull_request import known_pull_request

if TYPE_CHECKING:
    from huggingface_hub import HfApi


Bars = Callable[[], AbstractContextManager[TransferProgress]]
"""Makes the display of an upload."""


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
        where = "datasets/" if self.target.repo_type == "dataset" else ""
        return f"{self.hub.endpoint}/{where}{self.target.repo}@{self.target.revision}{kind}"

    def compare(self) -> Comparison:
        """Compare the files with what the repository holds now; sends nothing.

        Raises:
            HubError, NetworkError: as `hub_errors`.
        """
        entry = self.journal.entry(self.place)
        with hub_errors(self.target.address):
            if self.target.create_pr:
                entry = known_pull_request(self.hub, self.target, entry)
            number = entry.pull_request
            revision = f"refs/pr/{number}" if number else self.target.revision
            address = HubAddress(self.target.repo, revision)
            there = patiently(lambda: open_snapshot(address, self.target.repo_type))
            return compare(self.hub, self.target, self.files, entry, there)

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
            check_nothing_is_foreign(self.hub, self.target, comparison)
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
                repo_type=self.target.repo_type,
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


def send(upload: Upload, bars: Bars) -> Outcome:
    """Send what is missing, and show it.

    Raises:
        HubConflictError, HubError, NetworkError: as `Upload.run`.
    """
    with bars() as shown:
        name, size_bytes = str(upload.target.address), upload.compare().plan.send_bytes
        shown.on_start(name, size_bytes, 0)
        outcome = upload.run(partial(shown.on_bytes, name))
        if outcome.sent:
            shown.on_done(name)
    return outcome


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
