"""The repository and branch that something is published to: found, or made."""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gridkit.errors import HubError, UsageError
from gridkit.hub.address import DEFAULT_REVISION
from gridkit.hub.client import LOG_IN, has_token, hub_errors, open_hub
from gridkit.hub.commits import Plan, make_plan, patiently
from gridkit.publish.comparison import Target, check_nothing_is_foreign
from gridkit.publish.upload import Upload

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Preview:
    """What a run would do."""

    plan: Plan
    creates_repo: bool


def open_with_token(target: Target) -> "HfApi":
    """Return a client that may write.

    Raises:
        HubError: there is no token.
    """
    if not has_token():
        raise HubError(f"{target.address}: no token for the Hub; {LOG_IN}")
    return open_hub()


def planned(upload: Upload, *, exists: bool) -> Preview:
    """Return what an upload would do; sends nothing.

    Args:
        upload: the files and where they go.
        exists: whether the repository does.

    Raises:
        UsageError, HubConflictError, HubError, NetworkError: as the upload.
    """
    if not exists:
        return Preview(make_plan(upload.files, {}, (), lambda _file: False), creates_repo=True)
    target = upload.target
    with hub_errors(target.address):
        if not has_branch(upload.hub, target):  # it would be made from main
            target = replace(target, revision=DEFAULT_REVISION, create_pr=False)
    comparison = replace(upload, target=target).compare()
    check_nothing_is_foreign(upload.hub, target, comparison)
    return Preview(comparison.plan, creates_repo=False)


def find_repository(hub: "HfApi", target: Target, *, private: bool) -> bool:
    """Return whether the repository exists.

    Raises:
        UsageError: it exists, and is public where a private one was asked for.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    with hub_errors(target.address):
        try:
            info = patiently(partial(hub.repo_info, target.repo, repo_type=target.repo_type))
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return False
    if private and not info.private:
        raise UsageError(
            f"--private: {target.repo} exists and is public; change that in its settings on the "
            "Hub, or leave the option out"
        )
    return True


def make_place(hub: "HfApi", target: Target, *, exists: bool, private: bool) -> None:
    """Make the repository and the branch where they are missing.

    Raises:
        UsageError: someone made the repository meanwhile, and it is public although a private
            one was asked for; or the revision is a tag.
        HubError, NetworkError: as `hub_errors`; the token may not write.
    """
    with hub_errors(target.address):
        if exists and not target.create_pr:
            _check_token_writes(hub, target)
        if not exists:
            _create(hub, target, private=private)
            # someone else may have made it meanwhile, and then it has their settings
            find_repository(hub, target, private=private)
        if not has_branch(hub, target):
            create = partial(hub.create_branch, branch=target.revision, exist_ok=True)
            patiently(partial(create, target.repo, repo_type=target.repo_type))


def _check_token_writes(hub: "HfApi", target: Target) -> None:
    """Refuse a token for reading only; whether another one may write here, the first commit shows.

    Raises:
        HubError: the token is of the kind that never writes.
    """
    from huggingface_hub.errors import HfHubHTTPError

    try:
        account = hub.whoami()
    except HfHubHTTPError:
        return  # rate limited, or for another kind of token; no reason to stop
    token = (account.get("auth") or {}).get("accessToken") or {}
    if token.get("role") == "read":
        raise HubError(
            f"{target.address}: the token of {account.get('name')} is for reading only; {LOG_IN}, "
            "with one that has write access"
        )


def _create(hub: "HfApi", target: Target, *, private: bool) -> None:
    create = partial(hub.create_repo, private=private or None, exist_ok=True)
    patiently(partial(create, target.repo, repo_type=target.repo_type))


def has_branch(hub: "HfApi", target: Target) -> bool:
    """Return whether the branch is there; a pull request's reference is taken as it is.

    Raises:
        UsageError: the revision is a tag.
    """
    if target.revision == DEFAULT_REVISION or target.revision.startswith("refs/pr/"):
        return True
    refs = patiently(partial(hub.list_repo_refs, target.repo, repo_type=target.repo_type))
    if target.revision in [tag.name for tag in refs.tags]:
        raise UsageError(f"--revision {target.revision}: a tag of {target.repo}; name a branch")
    return target.revision in [branch.name for branch in refs.branches]
