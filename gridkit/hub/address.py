"""How a repository on the Hugging Face Hub is written: `hf:ORG/NAME[@REVISION]`."""

import re
from dataclasses import dataclass

from gridkit.errors import UsageError

PREFIX = "hf:"
DEFAULT_REVISION = "main"

_PART = r"[A-Za-z0-9](?:[\w.-]{0,94}[\w-])?"
_ADDRESS = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_PULL_REQUEST = re.compile(r"refs/pr/[1-9][0-9]*")
# what HubAddress can name, without what git does not accept as the name of a branch
_BRANCH = re.compile(r"(?!HEAD$|refs/)[\w][\w.-]*(?:/[\w-][\w.-]*)*(?<!\.)", re.ASCII)


@dataclass(frozen=True)
class HubAddress:
    """A repository, and which state of it."""

    repo: str
    """ORG/NAME."""
    revision: str | None = None
    """Branch, tag or commit; None for the newest."""

    def __str__(self) -> str:
        return PREFIX + self.repo + (f"@{self.revision}" if self.revision else "")


def is_hub_address(text: str) -> bool:
    """Return whether a text claims to name something on the Hub.

    >>> is_hub_address("hf:lab/grid"), is_hub_address("folder/hf")
    (True, False)
    """
    return text.startswith(PREFIX)


def parse_hub_address(text: str, option: str) -> HubAddress:
    """Return what `hf:ORG/NAME[@REVISION]` names.

    Args:
        text: as it was written.
        option: where, for the message.

    Raises:
        UsageError: it has another form.

    >>> parse_hub_address("hf:lab/grid@v1.0", "--data")
    HubAddress(repo='lab/grid', revision='v1.0')
    """
    match = _ADDRESS.fullmatch(text.removeprefix(PREFIX)) if is_hub_address(text) else None
    if match is None:
        raise UsageError(f"{option} {text}: expected hf:ORG/NAME@REVISION, as hf:lab/grid@v1.0")
    return HubAddress(match["repo"], match["revision"])


def check_branch(name: str) -> None:
    """Refuse a name that is not a branch or `refs/pr/N`; a commit's id would count as a branch.

    Args:
        name: as it was written after `--revision`.

    Raises:
        UsageError: no commit can go to it.

    >>> check_branch("draft")
    """
    is_branch = _BRANCH.fullmatch(name) and not _COMMIT.fullmatch(name)
    odd = ".." in name or any(part.endswith((".", ".lock")) for part in name.split("/"))
    if not (is_branch and not odd) and not _PULL_REQUEST.fullmatch(name):
        raise UsageError(f"--revision {name!r}: expected a branch, as draft, or refs/pr/3")
