"""Pull requests of a repository on the Hub: the newest ones, and whether one is open."""

from functools import partial
from typing import TYPE_CHECKING

from gridkit.hub.commits import patiently
from gridkit.hub.snapshot import RepoType

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LOOKED_AT = 20
"""So many of the newest pull requests are searched for one whose number is not known."""


def newest_pull_requests(hub: "HfApi", repo: str, repo_type: RepoType) -> list[int]:
    """Return the numbers of the newest pull requests, newest first; closed ones are among them.

    Raises:
        Exception: what the client raises; `hub_errors` turns it into one line.
    """
    ask = partial(hub.list_repo_refs, repo, repo_type=repo_type, include_pull_requests=True)
    numbers = [int(ref.ref.rpartition("/")[2]) for ref in patiently(ask).pull_requests or ()]
    return sorted(numbers, reverse=True)[:LOOKED_AT]


def is_open(hub: "HfApi", repo: str, number: int, repo_type: RepoType) -> bool:
    """Tell whether a pull request is neither merged nor closed.

    Raises:
        Exception: what the client raises; `hub_errors` turns it into one line.
    """
    ask = partial(hub.get_discussion_details, repo, number, repo_type=repo_type)
    return patiently(ask).status in ("open", "draft")
