"""What a repository on the Hub holds, compared with the files of a corpus, and whose each file is.

A file may be replaced or removed only if it is ours: the journal knows it with this content. Where
the journal knows nothing of the place (it was lost, or is on another machine), the titles of
commits count, if our corpus continues the one that is there. A file of someone else stops a run
where it would have to be replaced, or where the card would load it.
"""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gridkit.errors import HubConflictError
from gridkit.hub.address import DEFAULT_REVISION, HubAddress
from gridkit.hub.client import hub_errors
from gridkit.hub.commits import TITLE, LocalFile, Plan, make_plan, titles_of
from gridkit.hub.snapshot import HubFile, RepoType, Snapshot, fetch_files
from gridkit.publish.corpus import CorpusContents, contents_of
from gridkit.publish.journal import Entry
from gridkit.store.corpus_file import CORPUS_NAME

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LOADED = "data/*.parquet"
"""What the card's default config reads, also files of someone else."""


@dataclass(frozen=True)
class Target:
    """The repository of what is published."""

    repo: str
    """ORG/NAME."""
    revision: str = DEFAULT_REVISION
    create_pr: bool = False
    repo_type: RepoType = "dataset"

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


def compare(
    hub: "HfApi", target: Target, files: Sequence[LocalFile], entry: Entry, snapshot: Snapshot
) -> Comparison:
    """Compare files with a repository; sends nothing.

    Args:
        hub: the client.
        target: where the files go.
        files: what is to be published.
        entry: what the journal knows of the place.
        snapshot: what the repository holds, at the newest commit.

    Raises:
        Exception: what the client raises; `hub_errors` turns it into one line.
    """
    there = snapshot.files
    opens = target.create_pr and not entry.pull_request
    here = _corpus_here(files)
    published = _corpus_there(snapshot, files, here)
    continues = here is not None and published is not None and here.continues(published)
    # what the journal does not know has come since, even if gridkit brought it
    by_title = opens or (continues and not entry.known)
    paths = {file.path for file in files}
    obsolete = {*entry.known, *(published.files if published else ())}
    same = {file.path for file in files if file.is_same(there.get(file.path))}
    unknown = ((paths | obsolete) & there.keys()) - same - entry.known.keys()
    titles = titles_of(hub, target.repo, snapshot.commit, unknown, target.repo_type)

    def is_ours(file: HubFile) -> bool:
        known = entry.holds(file)
        return by_title and titles[file.path].startswith(TITLE) if known is None else known

    plan = make_plan(files, there, obsolete, is_ours)
    if opens:
        # a new pull request replaces nothing: someone looks at it first
        plan = replace(plan, foreign=())
    ours = paths.union(plan.remove)
    stray = [path for path in sorted(there.keys() - ours) if _is_loaded(path)]
    if not plan.foreign:
        entry = entry.seen(there[path] for path in ours & there.keys())
    revision = snapshot.address.revision or DEFAULT_REVISION
    return Comparison(revision, snapshot.commit, plan, tuple(stray), entry)


def check_nothing_is_foreign(hub: "HfApi", target: Target, comparison: Comparison) -> None:
    """Refuse to change files of someone else.

    Raises:
        HubConflictError: files are in the way.
    """
    if comparison.plan.foreign:
        path = comparison.plan.foreign[0]
        with hub_errors(target.address):
            titles = titles_of(hub, target.repo, comparison.commit, [path], target.repo_type)
            title = titles[path]
        raise HubConflictError(
            f"{target.address}: {path} is {_whose(title)}, "
            f"{_count(comparison.plan.foreign)}, and is not overwritten; propose yours with "
            "--create-pr, undo it there, or take another --repo"
        )
    if comparison.stray:
        raise HubConflictError(
            f"{target.address}: {comparison.stray[0]} is not a file of this corpus, "
            f"{_count(comparison.stray)}, and load_dataset would read it as one; remove it, "
            "or take another --repo"
        )


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
