"""Which pull request a run continues: the one that the journal names, while it is open."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gridkit.hub.commits import patiently
from gridkit.hub.pull_requests import is_open, newest_pull_requests
from gridkit.publish.comparison import Target
from gridkit.publish.journal import Entry, Opening

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def known_pull_request(hub: "HfApi", target: Target, entry: Entry) -> Entry:
    """Return what is known of a pull request, brought up to date.

    One that was merged or closed is forgotten. One whose number never arrived, because the run
    died before, is searched for.
    """
    if entry.pull_request is not None:
        stands = is_open(hub, target.repo, entry.pull_request, target.repo_type)
        return entry if stands else Entry()
    if entry.opening is not None:
        number = _find(hub, target, entry.opening)
        return replace(entry, pull_request=number, opening=None)
    return entry


def _find(hub: "HfApi", target: Target, opening: Opening) -> int | None:
    repo, kind = target.repo, target.repo_type
    for number in newest_pull_requests(hub, repo, kind):
        revision = f"refs/pr/{number}"
        commits = patiently(partial(hub.list_repo_commits, repo, repo_type=kind, revision=revision))
        first = next((commit for commit in commits if commit.title == opening.title), None)
        if first is not None and any(commit.commit_id == opening.parent for commit in commits):
            return number
    return None
