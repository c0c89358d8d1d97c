"""Which pull request a run continues: the one that the journal names, while it is open."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gridkit.hub.commits import patiently
from gridkit.publish.comparison import Target
from gridkit.publish.journal import Entry, Opening

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LOOKED_AT = 20
"""How many of the newest pull requests are searched for one whose number never arrived."""


def known_pull_request(hub: "HfApi", target: Target, entry: Entry) -> Entry:
    """Return what is known of a pull request, brought up to date.

    One that was merged or closed is forgotten. One whose number never arrived, because the run
    died before, is searched for.
    """
    if entry.pull_request is not None:
        details = patiently(
            partial(
                hub.get_discussion_details,
                target.repo,
                entry.pull_request,
                repo_type=target.repo_type,
            )
        )
        return entry if details.status in ("open", "draft") else Entry()
    if entry.opening is not None:
        number = _find(hub, target, entry.opening)
        return replace(entry, pull_request=number, opening=None)
    return entry


def _find(hub: "HfApi", target: Target, opening: Opening) -> int | None:
    repo, kind = target.repo, target.repo_type
    refs = patiently(partial(hub.list_repo_refs, repo, repo_type=kind, include_pull_requests=True))
    numbers = [int(ref.ref.rpartition("/")[2]) for ref in refs.pull_requests or ()]
    for number in sorted(numbers, reverse=True)[:LOOKED_AT]:
        revision = f"refs/pr/{number}"
        commits = patiently(partial(hub.list_repo_commits, repo, repo_type=kind, revision=revision))
        first = next((commit for commit in commits if commit.title == opening.title), None)
        if first is not None and any(commit.commit_id == opening.parent for commit in commits):
            return number
    return None
